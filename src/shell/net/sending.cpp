#include "shell/net/loop.hpp"

namespace ringhold::net {

void Worker::Loop::empty_outbox() {
  if (outbox_.empty()) return;
  // An upstream slot that is closed and used again in one batch: what is closed is the socket before.
  for (const FlowId flow : outbox_.closes())
    if ((flow.number & upstream_flow_bit) != 0) upstream_.close(flow);
  send_all();
  for (const FlowId flow : outbox_.closes())
    if ((flow.number & upstream_flow_bit) == 0) connections_.close(flow);
  sink_.take(outbox_);
  outbox_.clear();
}

void Worker::Loop::send_all() {
  for (const Outbox::Send& send : outbox_.sends()) {
    const Destination& destination = send.destination;
    if ((destination.flow.number & upstream_flow_bit) != 0) {
      upstream_.send(destination, outbox_.message(send));
      continue;
    }
    switch (destination.transport) {
      case Transport::udp: send_datagram(send); break;
      case Transport::tcp:
      case Transport::tls:
      case Transport::ws:
      case Transport::wss: connections_.send(destination, outbox_.message(send)); break;
    }
  }
  flush_datagrams();
}

void Worker::Loop::send_datagram(const Outbox::Send& send) {
  const Destination& destination = send.destination;
  UdpListener* listener = listener_for(destination);
  if (listener == nullptr) {
    ++counters_.peers_unreachable;
    return changed({destination.protocol, Transport::udp, destination.flow, destination.remote, FlowState::refused});
  }
  if (listener != sending_ || send_batch_.full()) flush_datagrams();
  sending_ = listener;
  std::optional<Address> source;
  if (listener->is_wildcard()) source = destination.local.address;
  send_batch_.add(destination.remote, source, outbox_.message(send));
}

void Worker::Loop::flush_datagrams() {
  if (sending_ != nullptr && !send_batch_.empty()) sending_->send(send_batch_, *this);
  sending_ = nullptr;
}

UdpListener* Worker::Loop::find_listener(FlowId flow) {
  for (const auto& listener : listeners_)
    if (listener->flow() == flow) return listener.get();
  return nullptr;
}

UdpListener* Worker::Loop::listener_for(const Destination& destination) {
  const auto serves = [&](const UdpListener& listener) {
    return listener.protocol() == destination.protocol && listener.endpoint().address.is_v4() == destination.remote.address.is_v4();
  };
  if (destination.flow)
    if (UdpListener* named = find_listener(destination.flow); named != nullptr && serves(*named)) return named;
  UdpListener* best = nullptr;
  int best_rank = -1;
  for (const auto& listener : listeners_) {
    if (!serves(*listener)) continue;
    int rank = 0;
    if (listener->endpoint() == destination.local) return listener.get();
    if (listener->is_wildcard() && listener->endpoint().port == destination.local.port)
      rank = 3;
    else if (listener->endpoint().address == destination.local.address)
      rank = 2;
    // A socket on loopback cannot reach another host, nor the other way round.
    else if (listener->endpoint().address.is_loopback() == destination.remote.address.is_loopback())
      rank = 1;
    if (rank > best_rank) best = listener.get();
    if (rank > best_rank) best_rank = rank;
  }
  return best;
}

}  // namespace ringhold::net
