#include "shell/net/loop.hpp"

namespace ringhold::net {

void Worker::Loop::empty_outbox() {
  if (outbox_.empty()) return;
  if (post_.hand_over != nullptr) collect_for_others();
  // An upstream slot that is closed and used again in one batch: what is closed is the socket before.
  for (const FlowId flow : outbox_.closes())
    if ((flow.number & upstream_flow_bit) != 0) upstream_.close(flow);
  send_all();
  for (const FlowId flow : outbox_.closes())
    if ((flow.number & upstream_flow_bit) == 0 && is_mine(flow)) connections_.close(flow);
  sink_.take(outbox_);
  outbox_.clear();
}

bool Worker::Loop::is_mine(FlowId flow) const {
  const auto owner = worker_of(flow);
  return !owner || *owner == post_.team.number || post_.hand_over == nullptr || *owner >= post_.team.size;
}

void Worker::Loop::collect_for_others() {
  HandOver& others = *post_.hand_over;
  const WorkerNumber own = post_.team.number;
  for (const Outbox::HandOver& one : outbox_.hand_overs()) {
    if (!others.has_room(own, one.to)) {
      ++counters_.hand_overs_lost;
      continue;
    }
    ++counters_.hand_overs;
    Batch& batch = others.next(own, one.to);
    batch.items.emplace_back(Batch::Handed{one.packet, batch.keep(outbox_.bytes_of(one))});
  }
  for (const Outbox::Told& one : outbox_.told()) others.next(own, one.to).items.emplace_back(one.word);
  for (const Outbox::Send& send : outbox_.sends()) {
    const FlowId flow = send.destination.flow;
    if ((flow.number & upstream_flow_bit) != 0 || is_mine(flow)) continue;
    Batch& batch = others.next(own, *worker_of(flow));
    batch.items.emplace_back(Batch::Sent{send.destination, batch.keep(outbox_.message(send))});
  }
  for (const FlowId flow : outbox_.closes())
    if ((flow.number & upstream_flow_bit) == 0 && !is_mine(flow))
      others.next(own, *worker_of(flow)).items.emplace_back(Batch::Closed{flow});
}

void Worker::Loop::serve_others() {
  now_ = clock_.now();
  post_.hand_over->take(post_.team.number, [this](const Batch& batch) {
    struct Visitor {
      Loop& loop;
      const Batch& batch;
      void operator()(const Batch::Handed& handed) const {
        Packet packet = handed.packet;
        packet.bytes = batch.view(handed.bytes);
        loop.mind_.receive(packet, loop.now_, loop.outbox_);
      }
      void operator()(const Batch::Sent& sent) const { loop.connections_.send(sent.destination, batch.view(sent.bytes)); }
      void operator()(const Batch::Closed& closed) const { loop.connections_.close(closed.flow); }
      void operator()(const FlowChange& change) const { loop.mind_.connection_changed(change, loop.now_, loop.outbox_); }
      void operator()(const std::shared_ptr<const Word>& word) const { loop.mind_.told(*word, loop.now_, loop.outbox_); }
    };
    for (const Batch::Item& item : batch.items) std::visit(Visitor{*this, batch}, item);
    connections_.release();
    empty_outbox();
  });
  if (const auto due = mind_.next_expiry(); due && *due <= now_) mind_.expire(now_, outbox_);
  finish_step();
}

void Worker::Loop::send_all() {
  for (const Outbox::Send& send : outbox_.sends()) {
    const Destination& destination = send.destination;
    if ((destination.flow.number & upstream_flow_bit) != 0) {
      upstream_.send(destination, outbox_.message(send));
      continue;
    }
    if (!is_mine(destination.flow)) continue;
    switch (destination.transport) {
      case Transport::udp: send_datagram(send); break;
      case Transport::tcp:
      case Transport::tls:
      case Transport::ws:
      case Transport::wss: connections_.send(destination, outbox_.message(send)); break;
    }
  }
  flush_datagrams();
  connections_.release();
}

void Worker::Loop::send_datagram(const Outbox::Send& send) {
  const Destination& destination = send.destination;
  if (destination.protocol == Protocol::dhcp) {
    if (dhcp_) dhcp_->send(destination, outbox_.message(send), *this);
    return;
  }
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
