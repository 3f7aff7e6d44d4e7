#include "shell/net/upstream.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <vector>

#include "shell/net/bounds.hpp"

namespace ringhold::net {

namespace {
constexpr std::size_t buffer_bytes = 65'536;
constexpr std::uint32_t first_port = 1'024;
constexpr unsigned port_tries = 4;
}  // namespace

UpstreamSlots::UpstreamSlots(boost::asio::io_context& loop, Inbox& inbox, Random& random)
    : loop_{loop}, inbox_{inbox}, random_{random}, buffer_{std::make_unique_for_overwrite<char[]>(buffer_bytes)} {}

void UpstreamSlots::send(const Destination& destination, std::string_view message) {
  close(destination.flow);
  if (slots_.size() >= bounds::upstream_sockets)
    return refused(destination.flow, destination.transport, destination.remote, FlowState::refused);
  auto slot = std::make_unique<Slot>();
  slot->serial = ++last_serial_;
  slot->opened_at = inbox_.now();
  slot->remote = destination.remote;
  Slot& added = *slots_.emplace(destination.flow.number, std::move(slot)).first->second;
  inbox_.counters().upstream_sockets = slots_.size();
  const bool sent =
      destination.transport == Transport::udp ? open_udp(added, destination.flow, message) : open_tcp(added, destination.flow, message);
  if (sent) return;
  close(destination.flow);
  refused(destination.flow, destination.transport, destination.remote, FlowState::refused);
}

void UpstreamSlots::bind_random_port(int socket, const Address& family_of) {
  const Address any = family_of.is_v4() ? Address{} : Address::v6({});
  for (unsigned i = 0; i < port_tries; ++i) {
    // The kernel's own choice comes from 28 000 ports only. One that is taken is refused, then another is drawn.
    const SocketAddress from{{any, Port{static_cast<std::uint16_t>(first_port + random_.below(65'536 - first_port))}}};
    if (::bind(socket, from.get(), from.length) == 0) return;
  }
}

bool UpstreamSlots::open_udp(Slot& slot, FlowId flow, std::string_view message) {
  FileDescriptor socket = open_socket(slot.remote.address, SocketKind::datagram);
  if (!socket) return false;
  bind_random_port(socket.get(), slot.remote.address);
  const SocketAddress to{slot.remote};
  if (::connect(socket.get(), to.get(), to.length) != 0) return false;
  slot.local = local_endpoint(socket.get());
  const ssize_t sent = ::send(socket.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != ENOBUFS) return false;
  if (sent < 0) ++inbox_.counters().sends_lost;
  ++inbox_.counters().dns.packets_out;
  inbox_.counters().dns.bytes_out += message.size();
  wait(slot.socket.emplace<Udp>(Udp{{loop_, socket.release()}}), flow, slot.serial);
  return true;
}

bool UpstreamSlots::open_tcp(Slot& slot, FlowId flow, std::string_view message) {
  FileDescriptor socket = open_socket(slot.remote.address, SocketKind::stream);
  if (!socket) return false;
  const SocketAddress to{slot.remote};
  if (::connect(socket.get(), to.get(), to.length) != 0 && errno != EINPROGRESS) return false;
  slot.local = local_endpoint(socket.get());
  const TcpConnection::Identity identity{Protocol::dns, Transport::tcp, flow, slot.local, slot.remote, slot.serial};
  auto connection = std::make_unique<TcpConnection>(loop_, std::move(socket), identity, TcpConnection::Origin::opened, inbox_.now());
  // Queued until the connection stands.
  if (!connection->write(message, inbox_)) return false;
  slot.socket = std::move(connection);
  return true;
}

void UpstreamSlots::wait(Udp& udp, FlowId flow, std::uint64_t serial) {
  const Source source{Source::Kind::upstream, Protocol::dns, flow.number, serial};
  udp.descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                            [&inbox = inbox_, source](const boost::system::error_code& error) {
                              if (!error) inbox.ready(source);
                            });
}

void UpstreamSlots::close(FlowId slot) {
  slots_.erase(slot.number);
  inbox_.counters().upstream_sockets = slots_.size();
}

bool UpstreamSlots::serve(const Source& source) {
  const auto found = slots_.find(source.number);
  if (found == slots_.end() || found->second->serial != source.serial) return false;
  Slot& slot = *found->second;
  if (auto* udp = std::get_if<Udp>(&slot.socket)) return receive(FlowId{source.number}, slot, *udp);
  if (auto* tcp = std::get_if<std::unique_ptr<TcpConnection>>(&slot.socket)) return serve_tcp(source, slot, **tcp);
  return false;
}

bool UpstreamSlots::receive(FlowId flow, Slot& slot, Udp& udp) {
  const ssize_t count = recv(udp.descriptor.native_handle(), buffer_.get(), buffer_bytes, MSG_DONTWAIT);
  if (count < 0) {
    if (errno == EAGAIN || errno == EINTR) {
      wait(udp, flow, slot.serial);
      return false;
    }
    const Endpoint remote = slot.remote;
    close(flow);
    refused(flow, Transport::udp, remote, FlowState::refused);
    return false;
  }
  ++inbox_.counters().dns.packets_in;
  inbox_.counters().dns.bytes_in += static_cast<std::size_t>(count);
  inbox_.received({Protocol::dns, Transport::udp, flow, slot.local, slot.remote, {buffer_.get(), static_cast<std::size_t>(count)}});
  return true;
}

bool UpstreamSlots::serve_tcp(const Source& source, Slot& slot, TcpConnection& connection) {
  const FlowId flow{source.number};
  const bool never_stood = connection.state() == TcpConnection::State::connecting;
  bool alive = true;
  bool more = false;
  if (source.kind == Source::Kind::writable_connection) {
    int error = 0;
    alive = connection.become_writable(inbox_, error);
  } else {
    std::vector<char> buffer(buffer_bytes + 2);
    const auto outcome = connection.read(buffer, inbox_);
    alive = outcome != TcpConnection::Outcome::gone;
    more = outcome == TcpConnection::Outcome::more;
    if (alive && !more) connection.wait_readable(inbox_);
  }
  if (alive) return more;
  const Endpoint remote = slot.remote;
  close(flow);
  refused(flow, Transport::tcp, remote, never_stood ? FlowState::refused : FlowState::closed);
  return false;
}

void UpstreamSlots::refused(FlowId flow, Transport transport, const Endpoint& remote, FlowState state) {
  if (state == FlowState::refused) ++inbox_.counters().peers_unreachable;
  inbox_.changed({Protocol::dns, transport, flow, remote, state});
}

void UpstreamSlots::sweep() {
  std::vector<std::uint64_t> old;
  for (const auto& [number, slot] : slots_)
    if (inbox_.now() - slot->opened_at >= bounds::upstream_socket) old.push_back(number);
  for (const std::uint64_t number : old) close(FlowId{number});
}

}  // namespace ringhold::net
