#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "channels.hpp"

namespace bench {

/// Batches of datagrams out of and into one socket.
class Socket {
 public:
  explicit Socket(const sockaddr_in& server) : server_{server}, fd_{socket(AF_INET, SOCK_DGRAM, 0)} {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address_;
    const int buffer = 4 << 20;
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address_), sizeof address_) != 0) std::exit(1);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &length);
  }
  int fd() const { return fd_; }
  std::string place() const { return "127.0.0.1:" + std::to_string(ntohs(address_.sin_port)); }

  char* next() {
    if (queued_ == batch) flush();
    return out_[queued_].data();
  }
  void queue(std::size_t size) {
    out_parts_[queued_] = {out_[queued_].data(), size};
    sent_[queued_].msg_hdr = {&server_, sizeof server_, &out_parts_[queued_], 1, nullptr, 0, 0};
    ++queued_;
  }
  void flush() {
    for (std::size_t done = 0; done < queued_;) {
      const int count = sendmmsg(fd_, sent_.data() + done, static_cast<unsigned>(queued_ - done), 0);
      done += count > 0 ? static_cast<std::size_t>(count) : 1;
    }
    queued_ = 0;
  }
  std::size_t receive() {
    for (std::size_t i = 0; i < batch; ++i) {
      in_parts_[i] = {in_[i].data(), room};
      received_[i].msg_hdr = {nullptr, 0, &in_parts_[i], 1, nullptr, 0, 0};
    }
    return static_cast<std::size_t>(std::max(0, recvmmsg(fd_, received_.data(), batch, MSG_DONTWAIT, nullptr)));
  }
  std::string_view message(std::size_t i) const { return {in_[i].data(), received_[i].msg_len}; }

 private:
  static constexpr std::size_t batch = 32;

  sockaddr_in server_;
  int fd_;
  sockaddr_in address_{};
  std::size_t queued_ = 0;
  std::array<std::array<char, room>, batch> in_{}, out_{};
  std::array<iovec, batch> in_parts_{}, out_parts_{};
  std::array<mmsghdr, batch> received_{}, sent_{};
};

/// One socket for all callers, one for all phones.
class Datagrams final : public Channels {
 public:
  explicit Datagrams(const sockaddr_in& server) : sockets_{{Socket{server}, Socket{server}}} {}

  std::string_view transport() const override { return "UDP"; }
  std::size_t of_caller(std::size_t) const override { return 0; }
  std::size_t of_registrant(std::size_t) const override { return 0; }
  std::size_t of_phones(std::size_t) const override { return 1; }
  std::size_t size() const override { return sockets_.size(); }
  std::string place(std::size_t channel) const override { return sockets_[channel].place(); }

  char* next(std::size_t channel) override { return sockets_[channel].next(); }
  void queue(std::size_t channel, std::size_t size) override { sockets_[channel].queue(size); }
  void flush() override {
    for (Socket& socket : sockets_) socket.flush();
  }
  void wait(int milliseconds) override {
    for (std::size_t i = 0; i < sockets_.size(); ++i) ready_[i] = {sockets_[i].fd(), POLLIN, 0};
    poll(ready_.data(), ready_.size(), milliseconds);
  }
  void receive(const Visit& visit) override {
    for (std::size_t channel = sockets_.size(); channel-- > 0;) {
      if ((ready_[channel].revents & POLLIN) == 0) continue;
      Socket& socket = sockets_[channel];
      const std::size_t got = socket.receive();
      for (std::size_t i = 0; i < got; ++i) visit(channel, socket.message(i));
      socket.flush();
    }
  }

 private:
  std::array<Socket, 2> sockets_;
  std::array<pollfd, 2> ready_{};
};

}  // namespace bench
