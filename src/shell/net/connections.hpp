#pragma once

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/flow.hpp"
#include "shell/net/inbox.hpp"
#include "shell/net/sockets.hpp"
#include "shell/net/tcp_connection.hpp"
#include "shell/net/tls_context.hpp"
#include "shell/net/websocket_session.hpp"

namespace ringhold::net {

/// All TCP connections of one worker, with TLS and WebSocket over them, and the sockets that accept them: opens, finds, serves, closes, and
/// keeps the limits.
class Connections {
 public:
  /// Without usable TLS files the listeners for TLS close what they accept, until renew().
  Connections(boost::asio::io_context& loop, Inbox& inbox, const std::optional<TlsFiles>& tls, const WebOrigins& origins);
  ~Connections();

  /// Begins to listen; throws StartError. The endpoint as bound.
  Endpoint listen(Protocol protocol, const Target& target, std::string_view key, Sharing sharing);
  /// The connections' flows come after `base`.
  void number_from(std::uint64_t base) { last_flow_ = std::max(last_flow_, base); }
  /// Starts to accept on all listeners.
  void start();
  /// For connections from now on; those that stand keep what they began with.
  void renew(TlsContext context) { tls_ = std::move(context); }

  /// By its flow, else by a connection to `remote`, else by a new one. What fails is told as a FlowChange. Goes out with release().
  void send(const Destination& destination, std::string_view message);
  /// Writes what the messages of a batch left at each connection.
  void release();
  /// After what is queued has been written.
  void close(FlowId flow);

  /// A socket of ours became ready (acceptor, connection, writable_connection). True: serve it again.
  bool serve(const Source& source);
  /// Once a second: idle, stuck and unfinished connections.
  void sweep();
  /// At the end of the program: waits a moment for slow readers, and says good-bye.
  void flush();
  /// The next number for a socket of this worker.
  FlowId next_flow() { return FlowId{++last_flow_}; }

 private:
  struct Acceptor {
    Protocol protocol;
    Transport transport;
    std::unique_ptr<boost::asio::posix::stream_descriptor> descriptor;
    bool paused = false;
  };

  bool accept(std::size_t index);
  void wait(std::size_t index);
  TcpConnection* find(FlowId flow);
  TcpConnection* known(const Destination& destination);
  TcpConnection* open(const Destination& destination);
  /// A socket on its way to `destination`, from the port `from` (0: any); none when the kernel refuses.
  static FileDescriptor connect(const Destination& destination, Port from);
  std::optional<TcpConnection::Wrapping> wrapping(Transport transport, TlsSession::Role role, const Address& remote);
  void secured(TcpConnection& connection, TcpConnection::State before);
  void explain(const TcpConnection& connection);
  void write(TcpConnection& connection, std::string_view message);
  bool read(TcpConnection& connection);
  void writable(TcpConnection& connection);
  void add(std::unique_ptr<TcpConnection> connection);
  void gone(TcpConnection& connection);
  void tell(const TcpConnection::Identity& identity, FlowState state);
  bool room_for(Protocol protocol) const;

  struct TargetHash {
    std::size_t operator()(const Target& target) const {
      return EndpointHash{}(target.endpoint) * 31U + std::to_underlying(target.transport);
    }
  };

  boost::asio::io_context& loop_;
  Inbox& inbox_;
  WebOrigins origins_;
  boost::asio::io_context websocket_engine_{1};  ///< outlives the sessions
  std::vector<Acceptor> acceptors_;
  boost::unordered_flat_map<std::uint64_t, std::unique_ptr<TcpConnection>> connections_;
  boost::unordered_flat_map<Target, std::uint64_t, TargetHash> by_remote_;  ///< SIP only; over TLS only whom we have verified
  std::optional<TlsContext> tls_;
  std::vector<char> buffer_;
  std::vector<FlowId> held_;  ///< have something to be released
  std::size_t dns_connections_ = 0;
  std::uint64_t last_flow_ = 0;
  std::optional<Instant> warned_at_;  ///< of a server that TLS refuses
};

}  // namespace ringhold::net
