#include "shell/net/connections.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <numeric>

#include "base/limits.hpp"
#include "shell/net/bounds.hpp"

namespace ringhold::net {

namespace {
constexpr std::size_t read_bytes = 64U * 1024;
constexpr unsigned accepts_per_turn = 64;
}  // namespace

Connections::Connections(boost::asio::io_context& loop, Inbox& inbox) : loop_{loop}, inbox_{inbox}, buffer_(read_bytes) {}
Connections::~Connections() = default;

Endpoint Connections::listen(Protocol protocol, const Endpoint& endpoint, std::string_view key) {
  FileDescriptor socket = open_listener(endpoint, SocketKind::stream, key);
  const Endpoint bound = local_endpoint(socket.get());
  acceptors_.push_back({protocol, std::make_unique<boost::asio::posix::stream_descriptor>(loop_, socket.release())});
  return bound;
}

void Connections::start() {
  for (std::size_t i = 0; i < acceptors_.size(); ++i) wait(i);
}

void Connections::wait(std::size_t index) {
  const Source source{Source::Kind::acceptor, acceptors_[index].protocol, index, 0};
  acceptors_[index].descriptor->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                                           [&inbox = inbox_, source](const boost::system::error_code& error) {
                                             if (!error) inbox.ready(source);
                                           });
}

bool Connections::room_for(Protocol protocol) const {
  if (connections_.size() >= limits::connections) return false;
  return protocol == Protocol::sip || dns_connections_ < bounds::dns_connections;
}

bool Connections::accept(std::size_t index) {
  Acceptor& acceptor = acceptors_[index];
  for (unsigned i = 0; i < accepts_per_turn; ++i) {
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    FileDescriptor socket{
        accept4(acceptor.descriptor->native_handle(), reinterpret_cast<sockaddr*>(&from), &length, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (!socket) {
      if (errno == ECONNABORTED || errno == EINTR) continue;
      // Without descriptors the listener stays readable: wait for the next sweep instead of turning in circles.
      if (errno == EAGAIN)
        wait(index);
      else
        acceptor.paused = true;
      return false;
    }
    if (!room_for(acceptor.protocol)) {
      ++inbox_.counters().connections_over_limit;
      continue;
    }
    const Endpoint local = local_endpoint(socket.get());
    ++inbox_.counters().connections_accepted;
    add(std::make_unique<TcpConnection>(loop_, std::move(socket),
                                        TcpConnection::Identity{acceptor.protocol, next_flow(), local, to_endpoint(from)},
                                        TcpConnection::State::open, inbox_.now()));
  }
  return true;
}

void Connections::add(std::unique_ptr<TcpConnection> connection) {
  TcpConnection& added = *connection;
  const auto& identity = added.identity();
  if (identity.protocol == Protocol::dns)
    ++dns_connections_;
  else
    by_remote_.insert_or_assign(identity.remote, identity.flow.number);
  connections_.emplace(identity.flow.number, std::move(connection));
  inbox_.counters().connections = connections_.size();
  if (added.state() == TcpConnection::State::connecting) return added.wait_writable(inbox_);
  added.wait_readable(inbox_);
  tell(identity, FlowState::opened);
}

TcpConnection* Connections::find(FlowId flow) {
  const auto found = connections_.find(flow.number);
  return found == connections_.end() ? nullptr : found->second.get();
}

void Connections::send(const Destination& destination, std::string_view message) {
  if (destination.flow) {
    if (TcpConnection* connection = find(destination.flow)) return write(*connection, message);
    return tell({destination.protocol, destination.flow, destination.local, destination.remote}, FlowState::refused);
  }
  if (const auto known = by_remote_.find(destination.remote); known != by_remote_.end())
    if (TcpConnection* connection = find(FlowId{known->second}); connection && connection->state() != TcpConnection::State::closing)
      return write(*connection, message);
  if (TcpConnection* connection = open(destination)) return write(*connection, message);
  tell({destination.protocol, {}, destination.local, destination.remote}, FlowState::refused);
}

TcpConnection* Connections::open(const Destination& destination) {
  if (!room_for(destination.protocol)) {
    ++inbox_.counters().connections_over_limit;
    return nullptr;
  }
  FileDescriptor socket = open_socket(destination.remote.address, SocketKind::stream);
  if (!socket) return nullptr;
  const Address& source = destination.local.address;
  if (can_reach(source, destination.remote.address)) {
    // From the address that our Via and Record-Route name; the port is the kernel's choice.
    const SocketAddress from{{source, Port{0}}};
    if (::bind(socket.get(), from.get(), from.length) != 0) return nullptr;
  }
  const SocketAddress to{destination.remote};
  if (::connect(socket.get(), to.get(), to.length) != 0 && errno != EINPROGRESS) return nullptr;
  ++inbox_.counters().connections_opened;
  const Endpoint local = local_endpoint(socket.get());
  const FlowId flow = next_flow();
  add(std::make_unique<TcpConnection>(loop_, std::move(socket),
                                      TcpConnection::Identity{destination.protocol, flow, local, destination.remote},
                                      TcpConnection::State::connecting, inbox_.now()));
  return find(flow);
}

void Connections::write(TcpConnection& connection, std::string_view message) {
  // Summed only when one connection is slow: the total matters when many are.
  if (connection.queued() != 0) {
    const std::size_t total = std::accumulate(connections_.begin(), connections_.end(), std::size_t{0},
                                              [](std::size_t sum, const auto& entry) { return sum + entry.second->queued(); });
    if (total > bounds::all_write_queues_bytes) {
      ++inbox_.counters().write_queues_full;
      return gone(connection);
    }
  }
  if (!connection.write(message, inbox_)) gone(connection);
}

void Connections::close(FlowId flow) {
  TcpConnection* connection = find(flow);
  if (connection == nullptr) return;
  if (connection->queued() == 0 || connection->state() == TcpConnection::State::connecting) return gone(*connection);
  connection->start_closing(inbox_.now());
}

bool Connections::serve(const Source& source) {
  if (source.kind == Source::Kind::acceptor) return accept(source.number);
  TcpConnection* connection = find(FlowId{source.number});
  if (connection == nullptr) return false;
  if (source.kind == Source::Kind::connection) return read(*connection);
  writable(*connection);
  return false;
}

bool Connections::read(TcpConnection& connection) {
  switch (connection.read(buffer_, inbox_)) {
    case TcpConnection::Outcome::quiet:
      // What a closing connection still receives is not read: waiting for it would turn in circles.
      if (connection.state() == TcpConnection::State::open) connection.wait_readable(inbox_);
      return false;
    case TcpConnection::Outcome::more: return true;
    case TcpConnection::Outcome::gone: gone(connection); return false;
  }
  return false;
}

void Connections::writable(TcpConnection& connection) {
  const bool was_connecting = connection.state() == TcpConnection::State::connecting;
  int error = 0;
  if (!connection.become_writable(inbox_, error)) return gone(connection);
  if (was_connecting) tell(connection.identity(), FlowState::opened);
  if (connection.state() == TcpConnection::State::closing && connection.queued() == 0) gone(connection);
}

void Connections::gone(TcpConnection& connection) {
  const TcpConnection::Identity identity = connection.identity();
  const bool never_stood = connection.state() == TcpConnection::State::connecting;
  connections_.erase(identity.flow.number);
  inbox_.counters().connections = connections_.size();
  if (identity.protocol == Protocol::dns) {
    --dns_connections_;
  } else if (const auto known = by_remote_.find(identity.remote); known != by_remote_.end() && known->second == identity.flow.number) {
    by_remote_.erase(known);
  }
  tell(identity, never_stood ? FlowState::refused : FlowState::closed);
}

void Connections::tell(const TcpConnection::Identity& identity, FlowState state) {
  if (state == FlowState::refused) ++inbox_.counters().peers_unreachable;
  inbox_.changed({identity.protocol, Transport::tcp, identity.flow, identity.remote, state});
}

void Connections::sweep() {
  for (std::size_t i = 0; i < acceptors_.size(); ++i)
    if (std::exchange(acceptors_[i].paused, false)) wait(i);
  std::vector<TcpConnection*> done;
  for (const auto& [number, connection] : connections_) {
    switch (connection->judge(inbox_.now())) {
      case TcpConnection::Verdict::fine: continue;
      case TcpConnection::Verdict::idle: ++inbox_.counters().connections_idle; break;
      case TcpConnection::Verdict::never_ending: ++inbox_.counters().streams_broken; break;
      case TcpConnection::Verdict::connect_timeout:
      case TcpConnection::Verdict::closing_timeout: break;
    }
    done.push_back(connection.get());
  }
  for (TcpConnection* connection : done) gone(*connection);
}

}  // namespace ringhold::net
