#include "shell/net/sockets.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace ringhold::net {

namespace {

constexpr int receive_buffer = 8 << 20;  ///< bytes: a storm of 5 000 phones waits in the kernel, not in the air (R7)

std::string advice(int error, const Endpoint& endpoint, SocketKind kind) {
  switch (error) {
    case EADDRINUSE:
      return fmt::format("the port is taken by another program: end it (ss -ln{}p 'sport = :{}' names it) or choose another port",
                         kind == SocketKind::datagram ? "u" : "t", to_number(endpoint.port));
    case EACCES:
    case EPERM:
      return "no permission for a port below 1024: run as root, give CAP_NET_BIND_SERVICE (config/ringhold.service does), or "
             "choose a port from 1024 up";
    case EADDRNOTAVAIL: return "this machine has no such address: 'ip address' lists those it has";
    case EAFNOSUPPORT: return "this machine does not speak that IP version: remove the address";
    default: return std::strerror(error);
  }
}

[[noreturn]] void cannot_bind(std::string_view purpose, int error, const Endpoint& endpoint, SocketKind kind, std::string_view key) {
  throw StartError(fmt::format("cannot {} {}:{} ({}): {}", purpose, kind == SocketKind::datagram ? "udp" : "tcp", endpoint.text(), key,
                               advice(error, endpoint, kind)));
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (number_ >= 0) ::close(number_);
  number_ = other.release();
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (number_ >= 0) ::close(number_);
}

int FileDescriptor::release() { return std::exchange(number_, -1); }

SocketAddress::SocketAddress(const Endpoint& endpoint) {
  const auto bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    auto& four = reinterpret_cast<sockaddr_in&>(storage);
    four.sin_family = AF_INET;
    four.sin_port = htons(to_number(endpoint.port));
    std::memcpy(&four.sin_addr, bytes.data(), bytes.size());
    length = sizeof four;
  } else {
    auto& six = reinterpret_cast<sockaddr_in6&>(storage);
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(to_number(endpoint.port));
    std::memcpy(&six.sin6_addr, bytes.data(), bytes.size());
    length = sizeof six;
  }
}

Endpoint to_endpoint(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in&>(storage);
    std::array<std::uint8_t, 4> bytes;
    std::memcpy(bytes.data(), &four.sin_addr, bytes.size());
    return {Address::v4(bytes), Port{ntohs(four.sin_port)}};
  }
  const auto& six = reinterpret_cast<const sockaddr_in6&>(storage);
  std::array<std::uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &six.sin6_addr, bytes.size());
  return {Address::v6(bytes), Port{ntohs(six.sin6_port)}};
}

Endpoint local_endpoint(int socket) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return to_endpoint(storage);
}

FileDescriptor open_socket(const Address& family_of, SocketKind kind) {
  const int type = kind == SocketKind::datagram ? SOCK_DGRAM : SOCK_STREAM;
  FileDescriptor socket{::socket(family_of.is_v4() ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket) return socket;
  if (!family_of.is_v4()) prefer_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (kind == SocketKind::stream) {
    prefer_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    // A half-open connection shows itself: an idle one is probed, written bytes must be acknowledged.
    prefer_option(socket.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
    prefer_option(socket.get(), IPPROTO_TCP, TCP_KEEPIDLE, 120);
    prefer_option(socket.get(), IPPROTO_TCP, TCP_KEEPINTVL, 15);
    prefer_option(socket.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
  }
  return socket;
}

FileDescriptor open_listener(const Endpoint& endpoint, SocketKind kind, std::string_view key, Sharing sharing) {
  FileDescriptor socket = open_socket(endpoint.address, kind);
  if (!socket) cannot_bind("listen on", errno, endpoint, kind, key);
  if (sharing == Sharing::first_of_several) open_listener(endpoint, kind, key);
  if (sharing != Sharing::one_worker) prefer_option(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (kind == SocketKind::stream) {
    prefer_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  } else {
    if (setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) != 0)
      prefer_option(socket.get(), SOL_SOCKET, SO_RCVBUF, receive_buffer);
    prefer_option(socket.get(), SOL_SOCKET, SO_SNDBUF, receive_buffer / 2);
  }
  const SocketAddress address{endpoint};
  if (::bind(socket.get(), address.get(), address.length) != 0) cannot_bind("listen on", errno, endpoint, kind, key);
  if (kind == SocketKind::stream && ::listen(socket.get(), 4'096) != 0) cannot_bind("listen on", errno, endpoint, kind, key);
  return socket;
}

FileDescriptor open_source(Endpoint& endpoint, std::string_view key) {
  FileDescriptor socket = open_socket(endpoint.address, SocketKind::stream);
  if (!socket) cannot_bind("leave from", errno, endpoint, SocketKind::stream, key);
  prefer_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  const SocketAddress address{endpoint};
  if (::bind(socket.get(), address.get(), address.length) != 0) cannot_bind("leave from", errno, endpoint, SocketKind::stream, key);
  endpoint.port = local_endpoint(socket.get()).port;
  return socket;
}

void prefer_option(int socket, int level, int name, int value) { (void)setsockopt(socket, level, name, &value, sizeof value); }

bool means_unreachable(int error) {
  return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH || error == EHOSTDOWN || error == ENETDOWN ||
         error == EACCES || error == EPERM || error == EADDRNOTAVAIL || error == ENOPROTOOPT || error == EPROTO || error == EINVAL ||
         error == EMSGSIZE;
}

bool can_reach(const Address& source, const Address& remote) {
  return !source.is_unspecified() && source.is_v4() == remote.is_v4() && (!source.is_loopback() || remote.is_loopback());
}

void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65'536);
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace ringhold::net
