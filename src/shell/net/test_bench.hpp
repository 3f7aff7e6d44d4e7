#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>

#include "shell/net/sockets.hpp"
#include "shell/net/system_random.hpp"
#include "shell/net/worker.hpp"

namespace ringhold::net {

inline constexpr std::chrono::seconds deadline{5};

/// What a mind saw, as text; the test waits for it with a deadline.
class Diary {
 public:
  void write(std::string line) {
    const std::lock_guard lock{mutex_};
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }
  /// The next line that begins with `start`; lines before it are passed over.
  std::string wait_for(const std::string& start) {
    std::unique_lock lock{mutex_};
    std::string found;
    const bool seen = changed_.wait_for(lock, deadline, [&] {
      while (!lines_.empty()) {
        found = std::move(lines_.front());
        lines_.pop_front();
        if (found.starts_with(start)) return true;
      }
      return false;
    });
    EXPECT_TRUE(seen) << "nothing begins with " << start;
    return seen ? found : std::string{};
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> lines_;
};

/// What test minds say to each other.
struct TestWord final : Word {
  explicit TestWord(std::string said) : text{std::move(said)} {}
  std::string text;
};

/// Writes down what comes; answers as the test says.
class FakeMind final : public Mind {
 public:
  std::function<void(const Packet&, Outbox&)> answer = [](const Packet&, Outbox&) {};
  std::optional<Instant> due;
  Diary diary;

  void start(Instant, Outbox&) override { diary.write("start"); }
  void receive(const Packet& packet, Instant, Outbox& outbox) override {
    diary.write("packet " + std::string{name(packet.transport)} + " " + packet.local.text() + " " + std::string{packet.bytes});
    answer(packet, outbox);
  }
  void expire(Instant now, Outbox&) override {
    if (!due || *due > now) return;
    due.reset();
    diary.write("expired");
  }
  void connection_changed(const FlowChange& change, Instant, Outbox&) override {
    constexpr std::array states{"opened", "closed", "refused"};
    diary.write(std::string{states[static_cast<std::size_t>(change.state)]} + " " + std::string{name(change.transport)} + " " +
                change.remote.text() + " slot=" + std::to_string(change.flow.number & ~upstream_flow_bit));
  }
  void told(const Word& word, Instant, Outbox&) override { diary.write("word " + static_cast<const TestWord&>(word).text); }
  std::optional<Instant> next_expiry() const override { return due; }
};

class CountingSink final : public Sink {
 public:
  void take(Outbox&) override {}
};

/// A worker on loopback with a fake mind; ports are the kernel's choice.
class WorkerBench : public testing::Test {
 protected:
  static Listening everything() {
    Listening listening;
    listening.sip = {*Target::parse("udp:127.0.0.1:0"), *Target::parse("tcp:127.0.0.1:0")};
    listening.dns = {*Endpoint::parse("127.0.0.1:0", Port{0})};
    return listening;
  }
  ~WorkerBench() override {
    if (worker) worker->stop();
  }
  void begin(Listening listening = everything()) {
    start(listening);
    mind.diary.wait_for("start");
  }
  /// The port that the kernel chose for DNS over UDP may be somebody's connection over TCP; then it chooses again.
  void start(const Listening& listening) {
    for (int attempts = 10;; --attempts) try {
        worker.emplace(listening, mind, sink, random, clock);
        return worker->start();
      } catch (const std::exception&) {
        worker.reset();
        if (attempts == 0) throw;
      }
  }
  Endpoint sip_udp() const { return worker->listening().sip[0].endpoint; }
  Endpoint sip_tcp() const { return worker->listening().sip[1].endpoint; }
  Endpoint dns() const { return worker->listening().dns[0]; }
  /// Has the mind send one message.
  void send(const Destination& destination, const std::string& message) {
    worker->run([=](Instant, Outbox& outbox, const Counters&) { outbox.send(destination, message); });
  }

  FakeMind mind;
  CountingSink sink;
  SystemRandom random;
  RunningClock clock;
  std::optional<Worker> worker;
};

/// A peer's socket: blocking, but never longer than the deadline.
class Peer {
 public:
  explicit Peer(SocketKind kind, const Endpoint& local = *Endpoint::parse("127.0.0.1", Port{0}))
      : socket_{open_socket(local.address, kind)} {
    const SocketAddress address{local};
    EXPECT_EQ(::bind(socket_.get(), address.get(), address.length), 0);
  }
  Endpoint endpoint() const { return local_endpoint(socket_.get()); }
  void connect(const Endpoint& to) {
    const SocketAddress address{to};
    if (::connect(socket_.get(), address.get(), address.length) != 0) wait(POLLOUT);
  }
  void send(const std::string& bytes) {
    EXPECT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  void send_to(const Endpoint& to, const std::string& bytes) {
    const SocketAddress address{to};
    EXPECT_EQ(sendto(socket_.get(), bytes.data(), bytes.size(), 0, address.get(), address.length), static_cast<ssize_t>(bytes.size()));
  }
  /// The next bytes; empty at the end of a stream, or after the deadline with a failure.
  std::string receive(Endpoint* from = nullptr) {
    if (!wait(POLLIN)) return {};
    char buffer[65'536];
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    const ssize_t count = recvfrom(socket_.get(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&address), &length);
    if (from != nullptr) *from = to_endpoint(address);
    return {buffer, static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }
  void listen() { EXPECT_EQ(::listen(socket_.get(), 10), 0); }
  void accept_from(const Peer& listener) {
    listener.wait(POLLIN);
    socket_ = FileDescriptor{accept4(listener.socket_.get(), nullptr, nullptr, SOCK_NONBLOCK)};
  }
  void close() { socket_ = FileDescriptor{}; }

 private:
  bool wait(short events) const {
    pollfd one{socket_.get(), events, 0};
    const bool ready = poll(&one, 1, static_cast<int>(std::chrono::milliseconds{deadline}.count())) == 1;
    EXPECT_TRUE(ready) << "nothing came";
    return ready;
  }
  FileDescriptor socket_;
};

}  // namespace ringhold::net
