// floor PORT [tcp]: receives batches over UDP on loopback, turns each SIP request into a 200 by copying its headers, and each DNS query
// into an answer by a bit, sends the batch. Over TCP: reads a connection once when it is readable, answers each request in what was
// read, and writes once.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

constexpr std::size_t batch = 32;
constexpr std::size_t room = 4096;

/// A 200 with the headers of the request, or nothing when it is none.
std::size_t answer(char* out, std::string_view request) {
  constexpr std::string_view ok = "SIP/2.0 200 OK";
  const auto line = request.find("\r\n");
  if (line == std::string_view::npos) return 0;
  std::memcpy(out, ok.data(), ok.size());
  std::memcpy(out + ok.size(), request.data() + line, request.size() - line);
  return ok.size() + request.size() - line;
}

[[noreturn]] void serve_datagrams(int fd) {
  static std::array<std::array<char, room>, batch> in, out;
  std::array<sockaddr_in, batch> peers{};
  std::array<iovec, batch> in_parts{}, out_parts{};
  std::array<mmsghdr, batch> received{}, sent{};
  for (;;) {
    for (std::size_t i = 0; i < batch; ++i) {
      in_parts[i] = {in[i].data(), room};
      received[i].msg_hdr = {&peers[i], sizeof peers[i], &in_parts[i], 1, nullptr, 0, 0};
    }
    const int got = recvmmsg(fd, received.data(), batch, MSG_WAITFORONE, nullptr);
    for (int i = 0; i < got; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const std::string_view message{in[at].data(), received[at].msg_len};
      std::size_t size = 0;
      if (message.size() > 12 && message[4] == '\0' && message[5] == 1) {  // one question: DNS
        std::memcpy(out[at].data(), message.data(), message.size());
        out[at][2] = static_cast<char>(out[at][2] | '\x80');
        out[at][7] = 1;  // claims one answer
        size = message.size();
      } else {
        size = answer(out[at].data(), message);
        if (size == 0) std::exit(1);
      }
      out_parts[at] = {out[at].data(), size};
      sent[at].msg_hdr = {&peers[at], sizeof peers[at], &out_parts[at], 1, nullptr, 0, 0};
    }
    for (int done = 0; done < got;) done += std::max(1, sendmmsg(fd, sent.data() + done, static_cast<unsigned>(got - done), 0));
  }
}

/// Requests without a body, whole in one read: so the generator sends them.
void serve_connection(int fd) {
  static std::array<char, 16 * room> in, out;
  const ssize_t got = recv(fd, in.data(), in.size(), 0);
  if (got <= 0) {
    close(fd);
    return;
  }
  std::string_view bytes{in.data(), static_cast<std::size_t>(got)};
  std::size_t size = 0;
  for (auto end = bytes.find("\r\n\r\n"); end != std::string_view::npos; end = bytes.find("\r\n\r\n")) {
    size += answer(out.data() + size, bytes.substr(0, end + 4));
    bytes.remove_prefix(end + 4);
  }
  if (send(fd, out.data(), size, MSG_NOSIGNAL) < 0) close(fd);
}

[[noreturn]] void serve_connections(int listener) {
  const int poller = epoll_create1(0);
  std::array<epoll_event, batch> events{};
  const auto watch = [&](int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
  };
  watch(listener);
  for (;;) {
    const int count = epoll_wait(poller, events.data(), batch, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd != listener) {
        serve_connection(fd);
        continue;
      }
      const int fresh = accept(listener, nullptr, nullptr);
      const int on = 1;
      setsockopt(fresh, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      watch(fresh);
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2 && count != 3) return 2;
  const bool streams = count == 3;
  const int fd = socket(AF_INET, streams ? SOCK_STREAM : SOCK_DGRAM, 0);
  const int on = 1;
  if (streams) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  local.sin_port = htons(static_cast<std::uint16_t>(std::atoi(arguments[1])));
  if (bind(fd, reinterpret_cast<sockaddr*>(&local), sizeof local) != 0) return 1;
  if (!streams) serve_datagrams(fd);
  if (listen(fd, 128) != 0) return 1;
  serve_connections(fd);
}
