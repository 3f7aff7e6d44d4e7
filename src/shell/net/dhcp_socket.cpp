#include "shell/net/dhcp_socket.hpp"

#include <fmt/format.h>
#include <net/if.h>

#include <cerrno>
#include <cstring>

namespace ringhold::net {

namespace {

[[noreturn]] void cannot_ask(const DhcpInterface& interface, std::string_view why) {
  throw StartError(fmt::format("cannot ask by DHCP on {} (udp port {}): {}", interface.name, to_number(interface.port), why));
}

void set_option(int socket, int option, const void* value, socklen_t size, const DhcpInterface& interface) {
  if (setsockopt(socket, SOL_SOCKET, option, value, size) == 0) return;
  switch (errno) {
    case ENODEV: cannot_ask(interface, "this machine has no interface of that name: 'ip link' lists those it has");
    case EPERM: cannot_ask(interface, "no permission to bind to an interface: run as root, or give CAP_NET_RAW");
    default: cannot_ask(interface, std::strerror(errno));
  }
}

[[noreturn]] void cannot_bind(int error, const DhcpInterface& interface) {
  switch (error) {
    case EADDRINUSE:
      cannot_ask(interface, fmt::format("another DHCP client of this machine holds the port and does not share it: "
                                        "ss -lnup 'sport = :{}' names it; end it, or write the domain and the DNS servers into the file",
                                        to_number(interface.port)));
    case EACCES:
    case EPERM: cannot_ask(interface, "no permission for a port below 1024: run as root, or give CAP_NET_BIND_SERVICE");
    default: cannot_ask(interface, std::strerror(error));
  }
}

FileDescriptor open(const DhcpInterface& interface) {
  // The answers to other clients of the machine go to an address, so a socket without one takes nothing from them.
  const Endpoint any{Address{}, interface.port};
  FileDescriptor socket = open_socket(any.address, SocketKind::datagram);
  if (!socket) cannot_ask(interface, std::strerror(errno));
  if (interface.name.size() >= IFNAMSIZ) cannot_ask(interface, "the name is too long for an interface");
  constexpr int on = 1;
  set_option(socket.get(), SO_REUSEADDR, &on, sizeof on, interface);
  set_option(socket.get(), SO_BROADCAST, &on, sizeof on, interface);
  set_option(socket.get(), SO_BINDTODEVICE, interface.name.c_str(), static_cast<socklen_t>(interface.name.size() + 1), interface);
  const SocketAddress address{any};
  if (::bind(socket.get(), address.get(), address.length) != 0) cannot_bind(errno, interface);
  return socket;
}

}  // namespace

DhcpSocket::DhcpSocket(boost::asio::io_context& loop, const DhcpInterface& interface)
    : local_{interface.address, interface.port}, descriptor_{loop, open(interface).release()} {}

void DhcpSocket::wait(Inbox& inbox) {
  descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [&inbox](const boost::system::error_code& error) {
    if (!error) inbox.ready({Source::Kind::dhcp, Protocol::dhcp, 0, 0});
  });
}

bool DhcpSocket::receive(ReceiveBatch& batch, Inbox& inbox) {
  const int count = batch.receive(descriptor_.native_handle());
  // The interface went down: the error is taken by the call, datagrams may follow.
  if (count < 0) return true;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    if (batch.truncated(i)) {
      ++inbox.counters().datagrams_truncated;
      continue;
    }
    ++inbox.counters().dhcp.packets_in;
    inbox.counters().dhcp.bytes_in += batch.bytes(i).size();
    inbox.received({Protocol::dhcp, Transport::udp, {}, local_, batch.remote(i), batch.bytes(i)});
  }
  return static_cast<std::size_t>(count) == datagrams_per_call;
}

void DhcpSocket::send(const Destination& destination, std::string_view message, Inbox& inbox) {
  SendBatch one;
  one.add(destination.remote, destination.local.address, message);
  const int sent = one.send(descriptor_.native_handle(), 0);
  if (sent == 1) {
    ++inbox.counters().dhcp.packets_out;
    inbox.counters().dhcp.bytes_out += message.size();
  } else if (sent == -EAGAIN || sent == -ENOBUFS || sent == -ENOMEM) {
    ++inbox.counters().sends_lost;
  } else {
    ++inbox.counters().peers_unreachable;
  }
}

}  // namespace ringhold::net
