// floor PORT: receives batches over UDP on loopback, turns each SIP request into a 200 by copying its headers, and each DNS query
// into an answer by a bit, sends the batch.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {
constexpr std::size_t batch = 32;
constexpr std::size_t room = 4096;
}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  local.sin_port = htons(static_cast<std::uint16_t>(std::atoi(arguments[1])));
  if (bind(fd, reinterpret_cast<sockaddr*>(&local), sizeof local) != 0) return 1;
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
      if (message.size() > 12 && message[4] == '\0' && message[5] == 1) {  // one question: DNS
        std::memcpy(out[at].data(), message.data(), message.size());
        out[at][2] = static_cast<char>(out[at][2] | '\x80');
        out[at][7] = 1;  // claims one answer
        out_parts[at] = {out[at].data(), message.size()};
        sent[at].msg_hdr = {&peers[at], sizeof peers[at], &out_parts[at], 1, nullptr, 0, 0};
        continue;
      }
      const auto line = message.find("\r\n");
      constexpr std::string_view ok = "SIP/2.0 200 OK";
      if (line == std::string_view::npos) return 1;
      std::memcpy(out[at].data(), ok.data(), ok.size());
      std::memcpy(out[at].data() + ok.size(), message.data() + line, message.size() - line);
      out_parts[at] = {out[at].data(), ok.size() + message.size() - line};
      sent[at].msg_hdr = {&peers[at], sizeof peers[at], &out_parts[at], 1, nullptr, 0, 0};
    }
    for (int done = 0; done < got;) done += std::max(1, sendmmsg(fd, sent.data() + done, static_cast<unsigned>(got - done), 0));
  }
}
