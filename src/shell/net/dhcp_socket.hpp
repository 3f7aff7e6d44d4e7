#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <string_view>

#include "base/flow.hpp"
#include "shell/net/datagrams.hpp"
#include "shell/net/inbox.hpp"
#include "shell/net/worker.hpp"

namespace ringhold::net {

/// The socket of a DHCP client on one interface. It shares its port with the machine's own DHCP client and takes no datagram
/// from it.
class DhcpSocket {
 public:
  /// Throws StartError.
  DhcpSocket(boost::asio::io_context& loop, const DhcpInterface& interface);

  void wait(Inbox& inbox);
  /// One batch to the inbox. True: more may wait.
  bool receive(ReceiveBatch& batch, Inbox& inbox);
  /// What cannot be sent is counted: the mind asks again anyway.
  void send(const Destination& destination, std::string_view message, Inbox& inbox);

 private:
  Endpoint local_;
  boost::asio::posix::stream_descriptor descriptor_;
};

}  // namespace ringhold::net
