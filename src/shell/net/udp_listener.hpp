#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <string_view>

#include "base/flow.hpp"
#include "shell/net/datagrams.hpp"
#include "shell/net/inbox.hpp"

namespace ringhold::net {

/// One UDP socket of SIP or DNS: one wait per readiness, batches in and out, ICMP errors told by their peer.
class UdpListener {
 public:
  struct Place {
    Protocol protocol;
    Endpoint endpoint;
    FlowId flow;
    std::string_view key;
    Sharing sharing = Sharing::one_worker;
  };
  /// Throws StartError. `key` is the setting that names this endpoint.
  UdpListener(boost::asio::io_context& loop, const Place& place);

  Protocol protocol() const { return protocol_; }
  FlowId flow() const { return flow_; }
  /// As bound: a port 0 of the configuration has become a real one.
  const Endpoint& endpoint() const { return endpoint_; }

  void wait(Inbox& inbox);
  /// One batch to the inbox. True: more may wait.
  bool receive(ReceiveBatch& batch, Inbox& inbox);
  /// Sends and empties the batch; what fails is counted or told as refused.
  void send(SendBatch& batch, Inbox& inbox);
  /// Whether a datagram needs its source address said: a socket bound to a wildcard has none.
  bool is_wildcard() const { return endpoint_.address.is_unspecified(); }

 private:
  void take_icmp_errors(Inbox& inbox);
  void refused(const Endpoint& remote, Inbox& inbox);
  Counters::Traffic& traffic(Inbox& inbox) const;

  Protocol protocol_;
  FlowId flow_;
  Endpoint endpoint_;
  boost::asio::posix::stream_descriptor descriptor_;
};

}  // namespace ringhold::net
