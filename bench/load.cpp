// load options|register|message PORT USERS OUTSTANDING SECONDS: a closed loop of SIP transactions over UDP on loopback.
// Prints "DONE LOST SECONDS" for the measured time, after one round that registers every user. For `message` it is also the
// phones: what is relayed to their contacts is answered 200 by the same loop.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t batch = 32;
constexpr std::size_t room = 4096;
using Clock = std::chrono::steady_clock;

enum class Task { options, register_, message };

struct Loop {
  int fd = -1;
  std::uint16_t own_port = 0;
  sockaddr_in server{};
  Task task = Task::options;
  unsigned users = 1;
  std::uint64_t next = 0;
  std::uint64_t answered = 0;
  std::vector<std::string> queue;  // to be sent with the next batch
  std::vector<unsigned> cseq;

  std::string user(std::uint64_t number) const { return "u" + std::to_string(number % users); }

  std::string request(Task what, std::uint64_t number) {
    const std::string name = user(number);
    const std::string own = "127.0.0.1:" + std::to_string(own_port);
    const std::string method = what == Task::options ? "OPTIONS" : what == Task::register_ ? "REGISTER" : "MESSAGE";
    const std::string uri = what == Task::message   ? "sip:" + name + "@example.test"
                            : what == Task::options ? "sip:127.0.0.1"
                                                    : "sip:example.test";
    const unsigned sequence = what == Task::register_ ? ++cseq[number % users] : 1;
    const std::string body = what == Task::message ? "hello, this is a message of some forty bytes" : "";
    return method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP " + own + ";branch=z9hG4bK" + std::to_string(number) + "x" +
           std::to_string(sequence) + ";rport\r\nMax-Forwards: 70\r\nFrom: <sip:" + name + "@example.test>;tag=f" + std::to_string(number) +
           "\r\nTo: <sip:" + name + "@example.test>\r\nCall-ID: " + (what == Task::register_ ? "r-" + name : "c" + std::to_string(number)) +
           "@bench\r\nCSeq: " + std::to_string(sequence) + " " + method + "\r\n" +
           (what == Task::register_ ? "Contact: <sip:" + name + "@" + own + ">\r\nExpires: 600\r\n" : std::string{}) +
           (body.empty() ? "" : "Content-Type: text/plain\r\n") + "User-Agent: bench\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  }

  void send_all() {
    std::array<iovec, batch> parts{};
    std::array<mmsghdr, batch> sent{};
    for (std::size_t done = 0; done < queue.size();) {
      const std::size_t now = std::min(batch, queue.size() - done);
      for (std::size_t i = 0; i < now; ++i) {
        parts[i] = {queue[done + i].data(), queue[done + i].size()};
        sent[i].msg_hdr = {&server, sizeof server, &parts[i], 1, nullptr, 0, 0};
      }
      const int count = sendmmsg(fd, sent.data(), static_cast<unsigned>(now), 0);
      done += count > 0 ? static_cast<std::size_t>(count) : 1;
    }
    queue.clear();
  }

  static std::string answer(std::string_view relayed) {
    std::string text = "SIP/2.0 200 OK\r\n";
    for (std::size_t at = relayed.find("\r\n") + 2; at < relayed.size();) {
      const auto end = relayed.find("\r\n", at);
      const auto line = relayed.substr(at, end - at);
      if (line.empty()) break;
      for (const std::string_view kept : {"Via:", "From:", "Call-ID:", "CSeq:"})
        if (line.starts_with(kept)) text.append(line).append("\r\n");
      if (line.starts_with("To:")) text.append(line).append(";tag=t\r\n");
      at = end + 2;
    }
    return text + "Content-Length: 0\r\n\r\n";
  }

  /// Runs until `limit` transactions are done or `until`; keeps `outstanding` under way. Returns those that were lost.
  std::uint64_t run(Task what, std::uint64_t limit, unsigned outstanding, Clock::time_point until) {
    static std::array<std::array<char, room>, batch> in;
    std::array<iovec, batch> parts{};
    std::array<mmsghdr, batch> received{};
    std::uint64_t under_way = 0;
    std::uint64_t started = 0;
    std::uint64_t lost = 0;
    answered = 0;
    while (answered + lost < limit && Clock::now() < until) {
      while (under_way < outstanding && started < limit && queue.size() < batch) {
        queue.push_back(request(what, next++));
        ++under_way;
        ++started;
      }
      send_all();
      for (std::size_t i = 0; i < batch; ++i) {
        parts[i] = {in[i].data(), room};
        received[i].msg_hdr = {nullptr, 0, &parts[i], 1, nullptr, 0, 0};
      }
      pollfd ready{fd, POLLIN, 0};
      if (poll(&ready, 1, 200) == 0) {  // what was not answered by now was lost on the way
        lost += under_way;
        under_way = 0;
        continue;
      }
      const int got = recvmmsg(fd, received.data(), batch, MSG_DONTWAIT, nullptr);
      for (int i = 0; i < got; ++i) {
        const std::string_view message{in[static_cast<std::size_t>(i)].data(), received[static_cast<std::size_t>(i)].msg_len};
        if (!message.starts_with("SIP/2.0 ")) {
          queue.push_back(answer(message));
        } else if (message.starts_with("SIP/2.0 2")) {
          ++answered;
          if (under_way > 0) --under_way;
        } else if (!message.starts_with("SIP/2.0 1")) {
          std::fprintf(stderr, "refused: %.*s\n", static_cast<int>(message.find("\r\n")), message.data());
          std::exit(1);
        }
      }
    }
    return lost;
  }
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 6) return 2;
  Loop loop;
  const std::string_view task = arguments[1];
  loop.task = task == "options" ? Task::options : task == "register" ? Task::register_ : Task::message;
  loop.users = static_cast<unsigned>(std::atoi(arguments[3]));
  loop.cseq.resize(loop.users);
  loop.fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof own;
  const int buffer = 4 << 20;
  setsockopt(loop.fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  if (bind(loop.fd, reinterpret_cast<sockaddr*>(&own), sizeof own) != 0) return 1;
  getsockname(loop.fd, reinterpret_cast<sockaddr*>(&own), &length);
  loop.own_port = ntohs(own.sin_port);
  loop.server = own;
  loop.server.sin_port = htons(static_cast<std::uint16_t>(std::atoi(arguments[2])));
  const auto outstanding = static_cast<unsigned>(std::atoi(arguments[4]));
  if (loop.task != Task::options) loop.run(Task::register_, loop.users, outstanding, Clock::now() + std::chrono::seconds{20});
  std::printf("ready\n");
  std::fflush(stdout);
  if (std::getchar() == EOF) return 1;
  const auto begin = Clock::now();
  const auto lost = loop.run(loop.task, UINT64_MAX, outstanding, begin + std::chrono::seconds{std::atoi(arguments[5])});
  std::printf("%llu %llu %.3f\n", static_cast<unsigned long long>(loop.answered), static_cast<unsigned long long>(lost),
              std::chrono::duration<double>(Clock::now() - begin).count());
  return 0;
}
