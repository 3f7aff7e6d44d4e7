#include "shell/net/udp_listener.hpp"

#include <netinet/in.h>

#include <cerrno>

namespace ringhold::net {

UdpListener::UdpListener(boost::asio::io_context& loop, const Place& place)
    : protocol_{place.protocol}, flow_{place.flow}, descriptor_{loop} {
  FileDescriptor socket = open_listener(place.endpoint, SocketKind::datagram, place.key, place.sharing);
  endpoint_ = local_endpoint(socket.get());
  const bool four = endpoint_.address.is_v4();
  prefer_option(socket.get(), four ? IPPROTO_IP : IPPROTO_IPV6, four ? IP_RECVERR : IPV6_RECVERR, 1);
  // A large INVITE may be cut into fragments on the way; it must not vanish for want of a smaller MTU.
  prefer_option(socket.get(), four ? IPPROTO_IP : IPPROTO_IPV6, four ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER,
                four ? IP_PMTUDISC_DONT : IPV6_PMTUDISC_DONT);
  if (is_wildcard()) prefer_option(socket.get(), four ? IPPROTO_IP : IPPROTO_IPV6, four ? IP_PKTINFO : IPV6_RECVPKTINFO, 1);
  descriptor_.assign(socket.release());
}

void UdpListener::wait(Inbox& inbox) {
  const Source source{Source::Kind::listener, protocol_, flow_.number, 0};
  descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [&inbox, source](const boost::system::error_code& error) {
    if (!error) inbox.ready(source);
  });
}

Counters::Traffic& UdpListener::traffic(Inbox& inbox) const {
  return protocol_ == Protocol::sip ? inbox.counters().sip : inbox.counters().dns;
}

bool UdpListener::receive(ReceiveBatch& batch, Inbox& inbox) {
  const int count = batch.receive(descriptor_.native_handle());
  // The error queue also makes the socket readable, with or without an error of the call.
  if (count <= 0) take_icmp_errors(inbox);
  if (count < 0) return true;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    if (batch.truncated(i)) {
      ++inbox.counters().datagrams_truncated;
      continue;
    }
    Packet packet;
    packet.protocol = protocol_;
    packet.flow = flow_;
    packet.local = endpoint_;
    if (is_wildcard())
      if (const auto local = batch.local(i)) packet.local.address = *local;
    packet.remote = batch.remote(i);
    packet.bytes = batch.bytes(i);
    ++traffic(inbox).packets_in;
    traffic(inbox).bytes_in += packet.bytes.size();
    inbox.received(packet);
  }
  return static_cast<std::size_t>(count) == datagrams_per_call;
}

void UdpListener::send(SendBatch& batch, Inbox& inbox) {
  bool tried_again = false;
  for (std::size_t first = 0; first < batch.size();) {
    const int sent = batch.send(descriptor_.native_handle(), first);
    if (sent > 0) {
      for (std::size_t i = first; i < first + static_cast<std::size_t>(sent); ++i) traffic(inbox).bytes_out += batch.bytes(i);
      traffic(inbox).packets_out += static_cast<std::size_t>(sent);
      first += static_cast<std::size_t>(sent);
      tried_again = false;
    } else if (sent == -EAGAIN || sent == -ENOBUFS || sent == -ENOMEM) {
      inbox.counters().sends_lost += batch.size() - first;
      break;
    } else if (!tried_again) {
      // With IP_RECVERR the error of an earlier datagram fails the next call: take it off and try once more.
      take_icmp_errors(inbox);
      tried_again = true;
    } else {
      refused(batch.remote(first), inbox);
      ++first;
      tried_again = false;
    }
  }
  batch.clear();
}

void UdpListener::take_icmp_errors(Inbox& inbox) {
  for (std::size_t i = 0; i < 256; ++i) {
    const auto error = next_icmp_error(descriptor_.native_handle());
    if (!error) return;
    if (means_unreachable(error->error) && error->error != EMSGSIZE && to_number(error->remote.port) != 0) refused(error->remote, inbox);
  }
}

void UdpListener::refused(const Endpoint& remote, Inbox& inbox) {
  ++inbox.counters().peers_unreachable;
  // A DNS client that is gone concerns nobody.
  if (protocol_ == Protocol::dns) return;
  FlowChange change;
  change.protocol = protocol_;
  change.flow = flow_;
  change.remote = remote;
  change.state = FlowState::refused;
  inbox.changed(change);
}

}  // namespace ringhold::net
