#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <optional>
#include <string_view>

#include "base/flow.hpp"
#include "shell/net/datagrams.hpp"
#include "shell/net/inbox.hpp"
#include "shell/net/sockets.hpp"
#include "shell/net/worker.hpp"

namespace ringhold::net {

/// The UDP datagram in an IPv4 packet, as a raw socket gives it: nothing when it is cut off or for another port.
struct HeardDatagram {
  Endpoint remote;
  std::string_view bytes;
};
std::optional<HeardDatagram> read_datagram(std::string_view packet, Port to);

/// The socket of a DHCP client on one interface. The machine's own DHCP client may have bound the same port to its address: then
/// the kernel gives it our answers. With the permission for a raw socket (CAP_NET_RAW) we hear them beside it and take nothing
/// from anybody; without, only where no such client runs.
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
  void deliver(const Endpoint& remote, std::string_view bytes, Inbox& inbox) const;

  Endpoint local_;
  FileDescriptor sender_;  ///< none: what hears sends as well
  boost::asio::posix::stream_descriptor descriptor_;
};

}  // namespace ringhold::net
