#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>

namespace bench {

inline constexpr std::size_t batch = 32;
inline constexpr std::size_t room = 4096;

/// Batches of datagrams out of and into one socket.
class Socket {
 public:
  Socket() : fd_{socket(AF_INET, SOCK_DGRAM, 0)} {
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

  /// Room for the next datagram to be sent.
  char* next() {
    if (queued_ == batch) flush();
    return out_[queued_].data();
  }
  void queue(std::size_t size, const sockaddr_in& to) {
    peers_[queued_] = to;
    out_parts_[queued_] = {out_[queued_].data(), size};
    sent_[queued_].msg_hdr = {&peers_[queued_], sizeof(sockaddr_in), &out_parts_[queued_], 1, nullptr, 0, 0};
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
      received_[i].msg_hdr = {&senders_[i], sizeof senders_[i], &in_parts_[i], 1, nullptr, 0, 0};
    }
    return static_cast<std::size_t>(std::max(0, recvmmsg(fd_, received_.data(), batch, MSG_DONTWAIT, nullptr)));
  }
  std::string_view message(std::size_t i) const { return {in_[i].data(), received_[i].msg_len}; }
  const sockaddr_in& sender(std::size_t i) const { return senders_[i]; }

 private:
  int fd_;
  sockaddr_in address_{};
  std::size_t queued_ = 0;
  std::array<std::array<char, room>, batch> in_{}, out_{};
  std::array<iovec, batch> in_parts_{}, out_parts_{};
  std::array<mmsghdr, batch> received_{}, sent_{};
  std::array<sockaddr_in, batch> senders_{}, peers_{};
};

}  // namespace bench
