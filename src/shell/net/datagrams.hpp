#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/address.hpp"
#include "shell/net/sockets.hpp"

namespace ringhold::net {

/// Room for what IP_PKTINFO and IPV6_PKTINFO carry.
inline constexpr std::size_t control_bytes = 64;
inline constexpr std::size_t datagrams_per_call = 32;

/// Receives up to 32 datagrams by one recvmmsg; its memory is used again and touched only as far as datagrams reach.
class ReceiveBatch {
 public:
  ReceiveBatch();

  /// How many came; zero when none waits, negative errno on an error.
  int receive(int socket);
  std::string_view bytes(std::size_t i) const { return {buffer(i), headers_[i].msg_len}; }
  Endpoint remote(std::size_t i) const { return to_endpoint(addresses_[i]); }
  /// The address the datagram was sent to, where the listener asked for it (wildcards).
  std::optional<Address> local(std::size_t i) const;
  bool truncated(std::size_t i) const { return (headers_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0; }

 private:
  static constexpr std::size_t datagram_bytes = 65'536;
  char* buffer(std::size_t i) const { return buffers_.get() + i * datagram_bytes; }
  void reset(std::size_t count);

  std::unique_ptr<char[]> buffers_;
  std::array<mmsghdr, datagrams_per_call> headers_{};
  std::array<iovec, datagrams_per_call> parts_{};
  std::array<sockaddr_storage, datagrams_per_call> addresses_{};
  struct alignas(cmsghdr) Control {
    char bytes[control_bytes];
  };
  std::array<Control, datagrams_per_call> controls_{};
};

/// Collects up to 32 datagrams for one socket and hands them to sendmmsg.
class SendBatch {
 public:
  bool empty() const { return count_ == 0; }
  bool full() const { return count_ == datagrams_per_call; }
  /// `bytes` must live until the batch is sent. With `source`, the datagram leaves from that address.
  void add(const Endpoint& remote, const std::optional<Address>& source, std::string_view bytes);
  std::size_t size() const { return count_; }
  /// Sends those from `first` on; how many went, or the negative errno of the first of them.
  int send(int socket, std::size_t first);
  Endpoint remote(std::size_t i) const { return to_endpoint(addresses_[i].storage); }
  std::size_t bytes(std::size_t i) const { return parts_[i].iov_len; }
  void clear() { count_ = 0; }

 private:
  std::size_t count_ = 0;
  std::array<mmsghdr, datagrams_per_call> headers_{};
  std::array<iovec, datagrams_per_call> parts_{};
  std::array<SocketAddress, datagrams_per_call> addresses_{};
  struct alignas(cmsghdr) Control {
    char bytes[control_bytes];
  };
  std::array<Control, datagrams_per_call> controls_{};
};

/// One entry of a socket's error queue: who cannot be reached, and why.
struct IcmpError {
  Endpoint remote;
  int error = 0;
};
/// Nothing when the queue is empty. The socket has IP_RECVERR or IPV6_RECVERR.
std::optional<IcmpError> next_icmp_error(int socket);

}  // namespace ringhold::net
