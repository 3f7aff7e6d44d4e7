#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>
#include <string_view>
#include <variant>

#include "base/flow.hpp"
#include "base/random.hpp"
#include "shell/net/inbox.hpp"
#include "shell/net/tcp_connection.hpp"

namespace ringhold::net {

/// The sockets of DNS queries under way, by the slot numbers of the mind. Each send opens a fresh one: a connected UDP
/// socket with a random port of its own (D1; RFC 5452 §9.2), or a TCP connection for one query.
class UpstreamSlots {
 public:
  UpstreamSlots(boost::asio::io_context& loop, Inbox& inbox, Random& random);

  void send(const Destination& destination, std::string_view message);
  void close(FlowId slot);
  /// A slot's socket became ready. True: serve it again.
  bool serve(const Source& source);
  void sweep();

 private:
  struct Udp {
    boost::asio::posix::stream_descriptor descriptor;
  };
  struct Slot {
    std::uint64_t serial = 0;
    Instant opened_at;
    Endpoint local;
    Endpoint remote;
    std::variant<std::monostate, Udp, std::unique_ptr<TcpConnection>> socket;
  };

  bool open_udp(Slot& slot, FlowId flow, std::string_view message);
  bool open_tcp(Slot& slot, FlowId flow, std::string_view message);
  void bind_random_port(int socket, const Address& family_of);
  void wait(Udp& udp, FlowId flow, std::uint64_t serial);
  bool receive(FlowId flow, Slot& slot, Udp& udp);
  bool serve_tcp(const Source& source, Slot& slot, TcpConnection& connection);
  void refused(FlowId flow, Transport transport, const Endpoint& remote, FlowState state);

  boost::asio::io_context& loop_;
  Inbox& inbox_;
  Random& random_;
  boost::unordered_flat_map<std::uint64_t, std::unique_ptr<Slot>> slots_;
  std::unique_ptr<char[]> buffer_;
  std::uint64_t last_serial_ = 0;
};

}  // namespace ringhold::net
