#include "shell/net/connections.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <numeric>

#include "base/limits.hpp"
#include "shell/net/bounds.hpp"

namespace ringhold::net {

namespace {
constexpr std::size_t read_bytes = 64U * 1024;
constexpr unsigned accepts_per_turn = 64;
}  // namespace

Connections::Connections(boost::asio::io_context& loop, Inbox& inbox, const std::optional<TlsFiles>& tls, const WebOrigins& origins)
    : loop_{loop}, inbox_{inbox}, origins_{origins}, buffer_(read_bytes) {
  if (!tls) return;
  if (auto context = TlsContext::load(*tls)) tls_ = std::move(*context);
}
Connections::~Connections() = default;

Endpoint Connections::listen(Protocol protocol, const Target& target, std::string_view key, Sharing sharing) {
  FileDescriptor socket = open_listener(target.endpoint, SocketKind::stream, key, sharing);
  const Endpoint bound = local_endpoint(socket.get());
  acceptors_.push_back({protocol, target.transport, std::make_unique<boost::asio::posix::stream_descriptor>(loop_, socket.release())});
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
    const Endpoint remote = to_endpoint(from);
    auto wrapped = wrapping(acceptor.transport, TlsSession::Role::server, remote.address);
    if (!wrapped) {
      ++inbox_.counters().handshakes_failed;
      continue;
    }
    ++inbox_.counters().connections_accepted;
    const TcpConnection::Identity identity{acceptor.protocol, acceptor.transport, next_flow(), local, remote};
    add(std::make_unique<TcpConnection>(loop_, std::move(socket), identity, TcpConnection::Origin::accepted, inbox_.now(),
                                        std::move(*wrapped)));
  }
  return true;
}

std::optional<TcpConnection::Wrapping> Connections::wrapping(Transport transport, TlsSession::Role role, const Address& remote) {
  TcpConnection::Wrapping made;
  if (is_secure(transport)) {
    if (!tls_) return std::nullopt;
    made.tls = std::make_unique<TlsSession>(*tls_, role, remote);
  }
  if (transport == Transport::ws || transport == Transport::wss) {
    // A browser can be answered, but never called upon: nobody listens there (RFC 7118 §1).
    if (role == TlsSession::Role::client) return std::nullopt;
    made.websocket = std::make_unique<WebSocketSession>(websocket_engine_, origins_);
  }
  return made;
}

void Connections::add(std::unique_ptr<TcpConnection> connection) {
  TcpConnection& added = *connection;
  const auto& identity = added.identity();
  // Whoever comes to us over TLS may have chosen any address and port: requests go only to whom we have verified (RFC 5923 §9.2).
  const bool reachable = !is_secure(identity.transport) || added.origin() == TcpConnection::Origin::opened;
  if (identity.protocol == Protocol::dns)
    ++dns_connections_;
  else if (reachable)
    by_remote_.insert_or_assign(Target{identity.transport, identity.remote}, identity.flow.number);
  connections_.emplace(identity.flow.number, std::move(connection));
  inbox_.counters().connections = connections_.size();
  if (added.state() == TcpConnection::State::connecting) return added.wait_writable(inbox_);
  added.wait_readable(inbox_);
  if (added.state() == TcpConnection::State::open) tell(identity, FlowState::opened);
}

TcpConnection* Connections::find(FlowId flow) {
  const auto found = connections_.find(flow.number);
  return found == connections_.end() ? nullptr : found->second.get();
}

void Connections::send(const Destination& destination, std::string_view message) {
  if (destination.flow) {
    if (TcpConnection* connection = find(destination.flow)) return write(*connection, message);
    return tell({destination.protocol, destination.transport, destination.flow, destination.local, destination.remote}, FlowState::refused);
  }
  if (TcpConnection* connection = known(destination)) return write(*connection, message);
  if (TcpConnection* connection = open(destination)) return write(*connection, message);
  tell({destination.protocol, destination.transport, {}, destination.local, destination.remote}, FlowState::refused);
}

TcpConnection* Connections::known(const Destination& destination) {
  const auto found = by_remote_.find(Target{destination.transport, destination.remote});
  TcpConnection* connection = found == by_remote_.end() ? nullptr : find(FlowId{found->second});
  return connection != nullptr && connection->state() != TcpConnection::State::closing ? connection : nullptr;
}

TcpConnection* Connections::open(const Destination& destination) {
  if (!room_for(destination.protocol)) {
    ++inbox_.counters().connections_over_limit;
    return nullptr;
  }
  auto wrapped = wrapping(destination.transport, TlsSession::Role::client, destination.remote.address);
  if (!wrapped) return nullptr;
  // Over TLS also from the port that our Contact names, where it is free: there is no other way to us for a server that shows its
  // certificate and wants to see ours.
  FileDescriptor socket = is_secure(destination.transport) ? connect(destination, destination.local.port) : FileDescriptor{-1};
  if (!socket) socket = connect(destination, Port{0});
  if (!socket) return nullptr;
  ++inbox_.counters().connections_opened;
  const Endpoint local = local_endpoint(socket.get());
  const FlowId flow = next_flow();
  const TcpConnection::Identity identity{destination.protocol, destination.transport, flow, local, destination.remote};
  add(std::make_unique<TcpConnection>(loop_, std::move(socket), identity, TcpConnection::Origin::opened, inbox_.now(),
                                      std::move(*wrapped)));
  return find(flow);
}

FileDescriptor Connections::connect(const Destination& destination, Port from) {
  FileDescriptor socket = open_socket(destination.remote.address, SocketKind::stream);
  if (!socket) return socket;
  if (can_reach(destination.local.address, destination.remote.address)) {
    // From the address that our Via and Record-Route name.
    if (from != Port{0}) prefer_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    const SocketAddress own{{destination.local.address, from}};
    if (::bind(socket.get(), own.get(), own.length) != 0) return FileDescriptor{-1};
  }
  const SocketAddress to{destination.remote};
  if (::connect(socket.get(), to.get(), to.length) != 0 && errno != EINPROGRESS) return FileDescriptor{-1};
  return socket;
}

void Connections::write(TcpConnection& connection, std::string_view message) {
  // Summed only when one connection is slow: the total matters when many are.
  if (connection.is_slow()) {
    const std::size_t total = std::accumulate(connections_.begin(), connections_.end(), std::size_t{0},
                                              [](std::size_t sum, const auto& entry) { return sum + entry.second->queued(); });
    if (total > bounds::all_write_queues_bytes) {
      ++inbox_.counters().write_queues_full;
      return gone(connection);
    }
  }
  if (!connection.holds()) {
    connection.hold();
    held_.push_back(connection.identity().flow);
  }
  if (!connection.write(message, inbox_)) gone(connection);
}

void Connections::release() {
  for (const FlowId flow : held_)
    if (TcpConnection* connection = find(flow); connection != nullptr && !connection->release(inbox_)) gone(*connection);
  held_.clear();
}

void Connections::close(FlowId flow) {
  release();
  TcpConnection* connection = find(flow);
  if (connection == nullptr) return;
  if (connection->state() == TcpConnection::State::connecting || connection->state() == TcpConnection::State::securing)
    return gone(*connection);
  connection->start_closing(inbox_);
  if (connection->queued() == 0) gone(*connection);
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
  const TcpConnection::State before = connection.state();
  const TcpConnection::Outcome outcome = connection.read(buffer_, inbox_);
  secured(connection, before);
  switch (outcome) {
    case TcpConnection::Outcome::quiet:
      // What a closing connection still receives is not read: waiting for it would turn in circles.
      if (connection.state() != TcpConnection::State::closing) connection.wait_readable(inbox_);
      return false;
    case TcpConnection::Outcome::more: return true;
    case TcpConnection::Outcome::gone: gone(connection); return false;
  }
  return false;
}

void Connections::secured(TcpConnection& connection, TcpConnection::State before) {
  if (before == TcpConnection::State::securing && connection.state() == TcpConnection::State::open)
    tell(connection.identity(), FlowState::opened);
}

void Connections::writable(TcpConnection& connection) {
  const bool was_connecting = connection.state() == TcpConnection::State::connecting;
  int error = 0;
  if (!connection.become_writable(inbox_, error)) return gone(connection);
  if (was_connecting && connection.state() == TcpConnection::State::open) tell(connection.identity(), FlowState::opened);
  if (connection.state() == TcpConnection::State::closing && connection.queued() == 0) gone(connection);
}

void Connections::gone(TcpConnection& connection) {
  const TcpConnection::Identity identity = connection.identity();
  const bool opened_by_us = connection.origin() == TcpConnection::Origin::opened;
  const bool securing = connection.state() == TcpConnection::State::securing;
  const bool never_stood = securing || connection.state() == TcpConnection::State::connecting;
  if (securing) explain(connection);
  connections_.erase(identity.flow.number);
  inbox_.counters().connections = connections_.size();
  const Target key{identity.transport, identity.remote};
  if (identity.protocol == Protocol::dns) {
    --dns_connections_;
  } else if (const auto known = by_remote_.find(key); known != by_remote_.end() && known->second == identity.flow.number) {
    by_remote_.erase(known);
  }
  // Of a connection to us that never stood the mind has never heard.
  if (!never_stood || opened_by_us) tell(identity, never_stood ? FlowState::refused : FlowState::closed);
}

void Connections::explain(const TcpConnection& connection) {
  ++inbox_.counters().handshakes_failed;
  const auto& identity = connection.identity();
  const bool ours = connection.origin() == TcpConnection::Origin::opened;
  const std::string_view why = connection.failure().empty() ? "ended, or took too long" : connection.failure();
  const Text peer = Target{identity.transport, identity.remote}.text();
  // A stranger's failures are his; that of a server is ours to repair, but it is asked again and again.
  if (!ours) return inbox_.note({"handshake_failed", {{"source", peer}, {"why", why}}, Severity::debug});
  if (warned_at_ && inbox_.now() - *warned_at_ < bounds::said_once) return;
  warned_at_ = inbox_.now();
  inbox_.note({"tls_server_refused", {{"server", peer}, {"why", why}}, Severity::warning});
}

void Connections::tell(const TcpConnection::Identity& identity, FlowState state) {
  if (state == FlowState::refused) ++inbox_.counters().peers_unreachable;
  inbox_.changed({identity.protocol, identity.transport, identity.flow, identity.remote, state});
}

void Connections::sweep() {
  for (std::size_t i = 0; i < acceptors_.size(); ++i)
    if (std::exchange(acceptors_[i].paused, false)) wait(i);
  std::vector<TcpConnection*> done;
  for (const auto& [number, connection] : connections_) {
    connection->keep_alive(inbox_);
    switch (connection->judge(inbox_.now())) {
      case TcpConnection::Verdict::fine: continue;
      case TcpConnection::Verdict::silent:
      case TcpConnection::Verdict::idle: ++inbox_.counters().connections_idle; break;
      case TcpConnection::Verdict::never_ending: ++inbox_.counters().streams_broken; break;
      case TcpConnection::Verdict::connect_timeout:
      case TcpConnection::Verdict::handshake_timeout:
      case TcpConnection::Verdict::closing_timeout: break;
    }
    done.push_back(connection.get());
  }
  for (TcpConnection* connection : done) gone(*connection);
}

void Connections::flush() {
  for (const auto& [number, connection] : connections_) connection->start_closing(inbox_);
  const auto until = std::chrono::steady_clock::now() + bounds::flush_at_the_end;
  for (;;) {
    std::vector<pollfd> waiting;
    for (const auto& [number, connection] : connections_) {
      if (connection->queued() == 0) continue;
      if (connection->flush(inbox_) && connection->queued() != 0) waiting.push_back({connection->descriptor(), POLLOUT, 0});
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (waiting.empty() || left <= std::chrono::milliseconds::zero()) return;
    if (poll(waiting.data(), waiting.size(), static_cast<int>(left.count())) < 0) return;
  }
}

}  // namespace ringhold::net
