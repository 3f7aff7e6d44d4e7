#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>
#include <string_view>
#include <vector>

#include "base/flow.hpp"
#include "shell/net/inbox.hpp"
#include "shell/net/tcp_connection.hpp"

namespace ringhold::net {

/// All TCP connections of one worker and the sockets that accept them: opens, finds, serves, closes, and keeps the limits.
class Connections {
 public:
  Connections(boost::asio::io_context& loop, Inbox& inbox);
  ~Connections();

  /// Begins to listen; throws StartError. The endpoint as bound.
  Endpoint listen(Protocol protocol, const Endpoint& endpoint, std::string_view key);
  /// Starts to accept on all listeners.
  void start();

  /// By its flow, else by a connection to `remote`, else by a new one. What fails is told as a FlowChange.
  void send(const Destination& destination, std::string_view message);
  /// After what is queued has been written.
  void close(FlowId flow);

  /// A socket of ours became ready (acceptor, connection, writable_connection). True: serve it again.
  bool serve(const Source& source);
  /// Once a second: idle, stuck and unfinished connections.
  void sweep();
  /// The next number for a socket of this worker.
  FlowId next_flow() { return FlowId{++last_flow_}; }

 private:
  struct Acceptor {
    Protocol protocol;
    std::unique_ptr<boost::asio::posix::stream_descriptor> descriptor;
    bool paused = false;
  };

  bool accept(std::size_t index);
  void wait(std::size_t index);
  TcpConnection* find(FlowId flow);
  TcpConnection* open(const Destination& destination);
  void write(TcpConnection& connection, std::string_view message);
  bool read(TcpConnection& connection);
  void writable(TcpConnection& connection);
  void add(std::unique_ptr<TcpConnection> connection);
  void gone(TcpConnection& connection);
  void tell(const TcpConnection::Identity& identity, FlowState state);
  bool room_for(Protocol protocol) const;

  boost::asio::io_context& loop_;
  Inbox& inbox_;
  std::vector<Acceptor> acceptors_;
  boost::unordered_flat_map<std::uint64_t, std::unique_ptr<TcpConnection>> connections_;
  boost::unordered_flat_map<Endpoint, std::uint64_t, EndpointHash> by_remote_;  ///< SIP only
  std::vector<char> buffer_;
  std::size_t dns_connections_ = 0;
  std::uint64_t last_flow_ = 0;
};

}  // namespace ringhold::net
