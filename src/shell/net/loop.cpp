#include "shell/net/loop.hpp"

#include <pthread.h>
#include <signal.h>

#include <boost/asio/post.hpp>
#include <utility>

#include "shell/net/bounds.hpp"

namespace ringhold::net {

Worker::Loop::Loop(const Listening& listening, Mind& mind, Sink& sink, Random& random, const RunningClock& clock, const Post& post)
    : mind_{mind},
      sink_{sink},
      clock_{clock},
      post_{post},
      listening_{listening},
      now_{clock.now()},
      connections_{context_, *this, listening.tls, listening.web_origins},
      upstream_{context_, *this, random} {
  // SIP first, so that its UDP listeners have the same numbers at all workers.
  for (std::size_t i = 0; i < listening_.sip.size(); ++i) {
    Target& target = listening_.sip[i];
    const std::string_view key = i < listening_.sip_keys.size() ? listening_.sip_keys[i] : "sip.listen";
    if (target.transport == Transport::udp)
      listen_on_udp(Protocol::sip, target.endpoint, key);
    else
      target.endpoint = connections_.listen(Protocol::sip, target, key, sharing());
  }
  for (Endpoint& endpoint : listening_.dns) {
    listen_on_udp(Protocol::dns, endpoint, "dns.listen");
    connections_.listen(Protocol::dns, {Transport::tcp, endpoint}, "dns.listen", Sharing::one_worker);
  }
  if (listening_.dhcp && post_.team.leads()) dhcp_.emplace(context_, *listening_.dhcp);
  if (post_.hand_over == nullptr) return;
  connections_.number_from(first_connection_flow(post_.team));
  post_.hand_over->on_wake(post_.team.number, [this] { boost::asio::post(context_, [this] { serve_others(); }); });
}

Sharing Worker::Loop::sharing() const {
  if (post_.team.is_alone()) return Sharing::one_worker;
  return post_.team.leads() ? Sharing::first_of_several : Sharing::next_of_several;
}

void Worker::Loop::listen_on_udp(Protocol protocol, Endpoint& endpoint, std::string_view key) {
  listeners_.push_back(std::make_unique<UdpListener>(
      context_,
      UdpListener::Place{protocol, endpoint, connections_.next_flow(), key, protocol == Protocol::sip ? sharing() : Sharing::one_worker}));
  endpoint = listeners_.back()->endpoint();
}

void Worker::Loop::start() {
  // Signals belong to the thread that waits for them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread{[this] { live(); }};
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Worker::Loop::live() {
  pthread_setname_np(pthread_self(), "worker");
  now_ = clock_.now();
  if (!sink_.keeps_changes()) outbox_.keep_no_changes();
  mind_.start(now_, outbox_);
  finish_step();
  for (const auto& listener : listeners_) listener->wait(*this);
  if (dhcp_) dhcp_->wait(*this);
  connections_.start();
  sweep_later();
  context_.run();
}

void Worker::Loop::stop() {
  if (!thread_.joinable()) return;
  boost::asio::post(context_, [this] {
    stopping_ = true;
    turn();
    connections_.flush();
    context_.stop();
  });
  thread_.join();
}

void Worker::Loop::run(Step step) {
  boost::asio::post(context_, [this, step = std::move(step)]() mutable {
    now_ = clock_.now();
    step(now_, outbox_, counters_);
    finish_step();
  });
}

void Worker::Loop::renew(TlsContext context) {
  boost::asio::post(context_, [this, fresh = std::move(context)]() mutable { connections_.renew(std::move(fresh)); });
}

void Worker::Loop::ready(const Source& source) {
  ready_[std::to_underlying(source.protocol)].push_back(source);
  ask_for_turn();
}

void Worker::Loop::ask_for_turn() {
  if (std::exchange(turn_asked_, true)) return;
  // Posted, not called: every socket of this round of epoll says first that it is ready, so that DNS can go before SIP.
  boost::asio::post(context_, [this] { turn(); });
}

void Worker::Loop::turn() {
  turn_asked_ = false;
  now_ = clock_.now();
  for (unsigned round = 0; round < bounds::rounds_per_turn && !ready_[std::to_underlying(Protocol::dns)].empty(); ++round)
    serve_ready(Protocol::dns);
  if (!outbox_.empty()) empty_outbox();
  serve_ready(Protocol::dhcp);
  serve_ready(Protocol::sip);
  if (const auto due = mind_.next_expiry(); due && *due <= now_) mind_.expire(now_, outbox_);
  finish_step();
}

void Worker::Loop::serve_ready(Protocol protocol) {
  auto& ready = ready_[std::to_underlying(protocol)];
  serving_.swap(ready);
  for (const Source& source : serving_)
    if (serve(source)) ready.push_back(source);
  serving_.clear();
  if (!ready.empty()) ask_for_turn();
}

bool Worker::Loop::serve(const Source& source) {
  switch (source.kind) {
    case Source::Kind::listener: {
      UdpListener* listener = find_listener(FlowId{source.number});
      if (listener == nullptr) return false;
      if (listener->receive(receive_batch_, *this)) return true;
      listener->wait(*this);
      return false;
    }
    case Source::Kind::upstream: return upstream_.serve(source);
    case Source::Kind::dhcp:
      if (dhcp_->receive(receive_batch_, *this)) return true;
      dhcp_->wait(*this);
      return false;
    case Source::Kind::connection:
    case Source::Kind::writable_connection:
      return (source.number & upstream_flow_bit) != 0 ? upstream_.serve(source) : connections_.serve(source);
    case Source::Kind::acceptor: return connections_.serve(source);
  }
  return false;
}

void Worker::Loop::finish_step() {
  empty_outbox();
  for (unsigned round = 0; round < bounds::rounds_per_turn && !changes_.empty(); ++round) {
    const auto changes = std::exchange(changes_, {});
    for (const FlowChange& change : changes) mind_.connection_changed(change, now_, outbox_);
    empty_outbox();
  }
  if (!changes_.empty()) ask_for_turn();
  if (post_.hand_over != nullptr && post_.hand_over->flush(post_.team.number)) ask_for_turn();
  arm();
}

void Worker::Loop::changed(const FlowChange& change) {
  changes_.push_back(change);
  if (post_.hand_over == nullptr || !change.flow || change.protocol != Protocol::sip || change.transport == Transport::udp ||
      change.state == FlowState::opened)
    return;
  // Any mind may have a binding or a transaction on this connection.
  for (WorkerNumber other = 0; other < post_.team.size; ++other)
    if (other != post_.team.number) post_.hand_over->next(post_.team.number, other).items.emplace_back(change);
}

void Worker::Loop::arm() {
  const auto due = mind_.next_expiry();
  // A timer that is set too early does no harm; only an earlier deadline is worth setting it anew.
  if (!due || (armed_for_ && *armed_for_ <= *due)) return;
  armed_for_ = due;
  timer_.expires_at(clock_.steady(*due));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    armed_for_.reset();
    turn();
  });
}

void Worker::Loop::sweep_later() {
  sweep_timer_.expires_after(std::chrono::seconds{1});
  sweep_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || stopping_) return;
    now_ = clock_.now();
    connections_.sweep();
    upstream_.sweep();
    finish_step();
    sweep_later();
  });
}

}  // namespace ringhold::net
