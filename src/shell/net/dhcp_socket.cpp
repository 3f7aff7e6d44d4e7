#include "shell/net/dhcp_socket.hpp"

#include <fmt/format.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

namespace ringhold::net {

namespace {

[[noreturn]] void cannot_ask(const DhcpInterface& interface, std::string_view why) {
  throw StartError(fmt::format("cannot ask by DHCP on {} (udp port {}): {}", interface.name, to_number(interface.port), why));
}

void check_done(int result, const DhcpInterface& interface) {
  if (result != 0) cannot_ask(interface, std::strerror(errno));
}

void bind_to_device(int socket, const DhcpInterface& interface) {
  const auto size = static_cast<socklen_t>(interface.name.size() + 1);
  check_done(setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, interface.name.c_str(), size), interface);
}

bool set_filter(int socket, std::span<sock_filter> program) {
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0;
}

/// A raw socket that hears what comes over UDP to our port, whoever gets it. Negative without the permission.
FileDescriptor open_hearing(const DhcpInterface& interface) {
  FileDescriptor socket{::socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP)};
  if (!socket) return socket;
  bind_to_device(socket.get(), interface);
  // X is the length of the IP header; two bytes into the UDP header stands the port it goes to.
  std::array program{sock_filter BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), sock_filter BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
                     sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, to_number(interface.port), 0, 1),
                     sock_filter BPF_STMT(BPF_RET | BPF_K, 0xffff), sock_filter BPF_STMT(BPF_RET | BPF_K, 0)};
  if (!set_filter(socket.get(), program)) return FileDescriptor{};
  return socket;
}

/// Sends by the interface and holds the port, so that no server is told that it is closed; nobody reads what comes to it.
void make_sender_only(int socket, unsigned device, const DhcpInterface& interface) {
  const std::uint32_t network_order = htonl(device);
  check_done(setsockopt(socket, IPPROTO_IP, IP_UNICAST_IF, &network_order, sizeof network_order), interface);
  std::array program{sock_filter BPF_STMT(BPF_RET | BPF_K, 0)};
  (void)set_filter(socket, program);
}

void bind_to_port(int socket, const DhcpInterface& interface) {
  // The kernel prefers a socket with an address or a device to one without, which is what ours is beside a raw socket.
  const SocketAddress any{{Address{}, interface.port}};
  if (::bind(socket, any.get(), any.length) == 0) return;
  switch (errno) {
    case EADDRINUSE:
      cannot_ask(interface, fmt::format("another DHCP client of this machine holds the port and does not share it: "
                                        "ss -lnup 'sport = :{}' names it; end it, or write the domain and the DNS servers into the file",
                                        to_number(interface.port)));
    case EACCES:
    case EPERM: cannot_ask(interface, "no permission for a port below 1024: run as root, or give CAP_NET_BIND_SERVICE");
    default: cannot_ask(interface, std::strerror(errno));
  }
}

std::uint16_t word(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8U | static_cast<unsigned char>(bytes[at + 1]));
}

}  // namespace

std::optional<HeardDatagram> read_datagram(std::string_view packet, Port to) {
  constexpr std::size_t udp_header = 8;
  constexpr std::size_t source = 12;
  if (packet.size() < 20) return std::nullopt;
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(packet[i]); };
  const std::size_t header = (at(0) & 15U) * 4U;
  if (at(0) >> 4U != 4 || header < 20 || packet.size() < header + udp_header) return std::nullopt;
  const std::size_t length = word(packet, header + 4);
  if (Port{word(packet, header + 2)} != to || length < udp_header || length > packet.size() - header) return std::nullopt;
  return HeardDatagram{{Address::v4({at(source), at(source + 1), at(source + 2), at(source + 3)}), Port{word(packet, header)}},
                       packet.substr(header + udp_header, length - udp_header)};
}

DhcpSocket::DhcpSocket(boost::asio::io_context& loop, const DhcpInterface& interface)
    : local_{interface.address, interface.port}, descriptor_{loop} {
  const unsigned device = if_nametoindex(interface.name.c_str());
  if (device == 0) cannot_ask(interface, "this machine has no interface of that name: 'ip link' lists those it has");
  FileDescriptor socket = open_socket(Address{}, SocketKind::datagram);
  if (!socket) cannot_ask(interface, std::strerror(errno));
  prefer_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  prefer_option(socket.get(), SOL_SOCKET, SO_BROADCAST, 1);
  FileDescriptor hearing = open_hearing(interface);
  if (hearing)
    make_sender_only(socket.get(), device, interface);
  else
    bind_to_device(socket.get(), interface);
  bind_to_port(socket.get(), interface);
  if (hearing) sender_ = std::exchange(socket, std::move(hearing));
  descriptor_.assign(socket.release());
}

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
    if (batch.truncated(i))
      ++inbox.counters().datagrams_truncated;
    else if (!sender_)
      deliver(batch.remote(i), batch.bytes(i), inbox);
    else if (const auto heard = read_datagram(batch.bytes(i), local_.port))
      deliver(heard->remote, heard->bytes, inbox);
  }
  return static_cast<std::size_t>(count) == datagrams_per_call;
}

void DhcpSocket::deliver(const Endpoint& remote, std::string_view bytes, Inbox& inbox) const {
  ++inbox.counters().dhcp.packets_in;
  inbox.counters().dhcp.bytes_in += bytes.size();
  inbox.received({Protocol::dhcp, Transport::udp, {}, local_, remote, bytes});
}

void DhcpSocket::send(const Destination& destination, std::string_view message, Inbox& inbox) {
  SendBatch one;
  one.add(destination.remote, destination.local.address, message);
  const int sent = one.send(sender_ ? sender_.get() : descriptor_.native_handle(), 0);
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
