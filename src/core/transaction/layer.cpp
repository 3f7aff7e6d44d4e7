#include "transaction/layer.hpp"

#include "sip/builder.hpp"
#include "transaction/matching.hpp"
#include "transaction/transaction.hpp"

namespace ringhold::transaction {

bool Transaction::is_terminated() const {
  switch (kind) {
    case Kind::invite_client: return invite_client_state == invite_client::State::terminated;
    case Kind::non_invite_client: return non_invite_client_state == non_invite_client::State::terminated;
    case Kind::invite_server: return invite_server_state == invite_server::State::terminated;
    case Kind::non_invite_server: return non_invite_server_state == non_invite_server::State::terminated;
  }
  return true;
}

Layer::Layer(const Timers& timers, std::size_t capacity) : timers_{timers}, slab_{std::make_unique<Slab<Transaction>>(capacity)} {}
Layer::~Layer() = default;

std::size_t Layer::size() const { return slab_->size(); }

TransactionId Layer::insert(Transaction&& transaction) {
  auto& map = transaction.is_client() ? client_ : server_;
  if (map.contains(transaction.key)) return {};
  const TransactionId id = slab_->insert(std::move(transaction));
  if (id) map.emplace(slab_->find(id)->key, id);
  return id;
}

void Layer::erase(TransactionId id) {
  const Transaction* transaction = slab_->find(id);
  if (transaction == nullptr) return;
  auto& map = transaction->is_client() ? client_ : server_;
  const auto found = map.find(transaction->key);
  if (found != map.end() && found->second == id) map.erase(found);
  slab_->erase(id);
}

void Layer::keep_time(TransactionId id, Transaction& transaction) {
  auto next = transaction.retransmit_at;
  if (transaction.end_at && (!next || *transaction.end_at < *next)) next = transaction.end_at;
  if (!next || (transaction.in_wheel && *transaction.in_wheel <= *next)) return;
  transaction.in_wheel = next;
  wheel_.add(*next, id);
}

void Layer::settle(TransactionId id, Transaction& transaction) {
  // A failed one stays until the next call, so that its owner can send the same request elsewhere (RFC 3263 §4.3).
  if (transaction.is_terminated()) {
    if (!transaction.failed) erase(id);
    return;
  }
  keep_time(id, transaction);
}

void Layer::send(const Transaction& transaction, std::string_view bytes, Outbox& outbox) const {
  if (!bytes.empty()) outbox.send(transaction.destination, bytes);
}

void Layer::fail(TransactionId id, Transaction& transaction, Failure::Cause cause) {
  transaction.failed = true;
  failures_.push_back({id, transaction.owner, cause});
}

Duration Layer::wait(const Transaction& transaction, Duration unreliable) const {
  return is_reliable(transaction.destination.transport) ? Duration::zero() : unreliable;
}

bool Layer::step_invite_client(TransactionId id, Transaction& t, invite_client::Event event, Instant now, Outbox& outbox) {
  using invite_client::Action;
  const auto [next, actions] = invite_client::machine.step(t.invite_client_state, event);
  t.invite_client_state = next;
  bool pass = false;
  actions.for_each([&](Action action) {
    switch (action) {
      case Action::send_request: return send(t, t.request, outbox);
      case Action::send_ack: return send(t, t.ack, outbox);
      case Action::double_a: t.interval *= 2; t.retransmit_at = now + t.interval; return;
      case Action::stop_a: t.retransmit_at.reset(); return;
      case Action::stop_b: t.end_at.reset(); return;
      case Action::start_d: t.end_at = now + wait(t, std::max<Duration>(32s, timers_.timeout())); return;
      case Action::start_m: t.end_at = now + timers_.timeout(); return;
      case Action::pass_response: pass = true; return;
      case Action::report_timeout: return fail(id, t, Failure::Cause::timeout);
      case Action::report_transport_error: return fail(id, t, Failure::Cause::transport_error);
    }
  });
  return pass;
}

bool Layer::step_non_invite_client(TransactionId id, Transaction& t, non_invite_client::Event event, Instant now, Outbox& outbox) {
  using non_invite_client::Action;
  const auto [next, actions] = non_invite_client::machine.step(t.non_invite_client_state, event);
  t.non_invite_client_state = next;
  bool pass = false;
  actions.for_each([&](Action action) {
    switch (action) {
      case Action::send_request: return send(t, t.request, outbox);
      case Action::double_e: t.interval = std::min(t.interval * 2, timers_.t2); t.retransmit_at = now + t.interval; return;
      case Action::slow_e: t.interval = timers_.t2; t.retransmit_at = now + t.interval; return;
      case Action::stop_e: t.retransmit_at.reset(); return;
      case Action::stop_f: t.end_at.reset(); return;
      case Action::start_k: t.end_at = now + wait(t, timers_.t4); return;
      case Action::pass_response: pass = true; return;
      case Action::report_timeout: return fail(id, t, Failure::Cause::timeout);
      case Action::report_transport_error: return fail(id, t, Failure::Cause::transport_error);
    }
  });
  return pass;
}

bool Layer::step_invite_server(TransactionId, Transaction& t, invite_server::Event event, Instant now, Outbox& outbox) {
  using invite_server::Action;
  const auto [next, actions] = invite_server::machine.step(t.invite_server_state, event);
  t.invite_server_state = next;
  bool sent = false;
  actions.for_each([&](Action action) {
    switch (action) {
      case Action::send_response:
        sent = true;
        if (event != invite_server::Event::send_1xx && event != invite_server::Event::send_2xx && event != invite_server::Event::send_300_699)
          send(t, t.response, outbox);
        return;
      case Action::double_g: t.interval = std::min(t.interval * 2, timers_.t2); t.retransmit_at = now + t.interval; return;
      case Action::stop_g: t.retransmit_at.reset(); return;
      case Action::stop_h: t.end_at.reset(); return;
      case Action::start_g:
        if (is_reliable(t.destination.transport)) return;
        t.interval = timers_.t1;
        t.retransmit_at = now + t.interval;
        return;
      case Action::start_h: t.end_at = now + timers_.timeout(); return;
      case Action::start_i: t.end_at = now + wait(t, timers_.t4); return;
      case Action::start_l: t.end_at = now + timers_.timeout(); return;
      case Action::pass_ack:
      case Action::tell_unacknowledged:
      case Action::tell_undelivered: return;
    }
  });
  return sent;
}

bool Layer::step_non_invite_server(TransactionId, Transaction& t, non_invite_server::Event event, Instant now, Outbox& outbox) {
  using non_invite_server::Action;
  const auto [next, actions] = non_invite_server::machine.step(t.non_invite_server_state, event);
  t.non_invite_server_state = next;
  bool sent = false;
  actions.for_each([&](Action action) {
    switch (action) {
      case Action::send_response:
        sent = true;
        if (event == non_invite_server::Event::request) send(t, t.response, outbox);
        return;
      case Action::start_j: t.end_at = now + wait(t, timers_.timeout()); return;
      case Action::tell_undelivered: return;
    }
  });
  return sent;
}

Received Layer::receive(const sip::Message& message, const Packet&, Instant now, Outbox& outbox) {
  if (!message.is_request()) return receive_response(message, now, outbox);
  if (message.method() == sip::Method::ack) return receive_ack(message, now, outbox);
  const auto found = server_.find(server_key(message, message.method()));
  if (found != server_.end()) {
    const TransactionId id = found->second;
    Transaction& transaction = *slab_->find(id);
    if (transaction.kind == Transaction::Kind::invite_server) step_invite_server(id, transaction, invite_server::Event::invite, now, outbox);
    else step_non_invite_server(id, transaction, non_invite_server::Event::request, now, outbox);
    return {Disposition::absorbed, id, transaction.owner};
  }
  if (message.method() != sip::Method::cancel) return {Disposition::new_request, {}, {}};
  // §9.2: the CANCEL carries the branch of what it cancels, which is an INVITE.
  const auto invite = server_.find(server_key(message, sip::Method::invite));
  if (invite == server_.end()) return {Disposition::cancel, {}, {}};
  return {Disposition::cancel, invite->second, slab_->find(invite->second)->owner};
}

Received Layer::receive_ack(const sip::Message& ack, Instant now, Outbox& outbox) {
  const auto found = server_.find(server_key(ack, sip::Method::invite));
  if (found == server_.end()) return {Disposition::ack, {}, {}};
  const TransactionId id = found->second;
  Transaction& transaction = *slab_->find(id);
  // An ACK with the branch of an INVITE answered 2xx comes from RFC 2543 elements: it is end to end.
  if (transaction.invite_server_state == invite_server::State::accepted) return {Disposition::ack, {}, {}};
  const Owner owner = transaction.owner;
  step_invite_server(id, transaction, invite_server::Event::ack, now, outbox);
  settle(id, transaction);
  return {Disposition::absorbed, id, owner};
}

Received Layer::receive_response(const sip::Message& response, Instant now, Outbox& outbox) {
  const auto key = client_key_of(response);
  const auto found = key ? client_.find(*key) : client_.end();
  if (found == client_.end()) return {Disposition::stray, {}, {}};
  const TransactionId id = found->second;
  Transaction& transaction = *slab_->find(id);
  if (transaction.method != response.method()) return {Disposition::stray, {}, {}};
  const int status = response.status();
  const Owner owner = transaction.owner;
  bool pass = false;
  if (status < 200) transaction.provisional = true;
  if (transaction.kind == Transaction::Kind::invite_client) {
    using invite_client::Event;
    if (status >= 300 && transaction.ack.empty())
      if (const auto invite = sip::Message::parse(transaction.request)) sip::append_ack(transaction.ack, *invite, response);
    pass = step_invite_client(id, transaction, status < 200 ? Event::response_1xx : status < 300 ? Event::response_2xx : Event::response_300_699,
                              now, outbox);
  } else {
    using non_invite_client::Event;
    pass = step_non_invite_client(id, transaction, status < 200 ? Event::response_1xx : Event::response_200_699, now, outbox);
  }
  settle(id, transaction);
  return {pass ? Disposition::response : Disposition::absorbed, id, owner};
}

TransactionId Layer::create_server(const sip::Message& request, const Packet& packet, Owner owner, Instant) {
  Transaction transaction;
  const bool invite = request.method() == sip::Method::invite;
  transaction.kind = invite ? Transaction::Kind::invite_server : Transaction::Kind::non_invite_server;
  transaction.method = request.method();
  transaction.owner = owner;
  transaction.key = server_key(request, request.method());
  transaction.destination = sip::response_destination(request, packet);
  transaction.request = Text{request.bytes()};
  return insert(std::move(transaction));
}

void Layer::respond(TransactionId server, int status, std::size_t begin, Instant now, Outbox& outbox) {
  Transaction* transaction = slab_->find(server);
  if (transaction == nullptr || transaction->is_client()) return outbox.bytes().resize(begin);
  bool sent = false;
  if (transaction->kind == Transaction::Kind::invite_server) {
    using invite_server::Event;
    sent = step_invite_server(server, *transaction, status < 200 ? Event::send_1xx : status < 300 ? Event::send_2xx : Event::send_300_699, now,
                              outbox);
  } else {
    using non_invite_server::Event;
    sent = step_non_invite_server(server, *transaction, status < 200 ? Event::send_1xx : Event::send_200_699, now, outbox);
  }
  if (sent) {
    if (!is_reliable(transaction->destination.transport)) transaction->response.assign(outbox.bytes(), begin);
    outbox.sent(begin, transaction->destination);
  } else {
    outbox.bytes().resize(begin);
  }
  settle(server, *transaction);
}

TransactionId Layer::start_client(sip::Method method, std::string_view branch, std::size_t begin, const Destination& destination, Owner owner,
                                  Instant now, Outbox& outbox) {
  Transaction transaction;
  transaction.kind = method == sip::Method::invite ? Transaction::Kind::invite_client : Transaction::Kind::non_invite_client;
  transaction.method = method;
  transaction.owner = owner;
  transaction.key = client_key(branch, method);
  transaction.destination = destination;
  transaction.request.assign(outbox.bytes(), begin);
  transaction.end_at = now + timers_.timeout();
  if (!is_reliable(destination.transport)) {
    transaction.interval = timers_.t1;
    transaction.retransmit_at = now + timers_.t1;
  }
  const TransactionId id = insert(std::move(transaction));
  if (!id) {
    outbox.bytes().resize(begin);
    return id;
  }
  outbox.sent(begin, destination);
  keep_time(id, *slab_->find(id));
  return id;
}

std::string_view Layer::request(TransactionId id) const {
  const Transaction* transaction = slab_->find(id);
  return transaction == nullptr ? std::string_view{} : std::string_view{transaction->request};
}

const Destination* Layer::destination(TransactionId id) const {
  const Transaction* transaction = slab_->find(id);
  return transaction == nullptr ? nullptr : &transaction->destination;
}

bool Layer::is_proceeding(TransactionId id) const {
  const Transaction* transaction = slab_->find(id);
  if (transaction == nullptr) return false;
  switch (transaction->kind) {
    case Transaction::Kind::invite_client: return transaction->invite_client_state <= invite_client::State::proceeding;
    case Transaction::Kind::non_invite_client: return transaction->non_invite_client_state <= non_invite_client::State::proceeding;
    case Transaction::Kind::invite_server: return transaction->invite_server_state == invite_server::State::proceeding;
    case Transaction::Kind::non_invite_server: return transaction->non_invite_server_state <= non_invite_server::State::proceeding;
  }
  return false;
}

bool Layer::has_provisional(TransactionId id) const {
  const Transaction* transaction = slab_->find(id);
  return transaction != nullptr && transaction->provisional && is_proceeding(id);
}

Owner Layer::owner(TransactionId id) const {
  const Transaction* transaction = slab_->find(id);
  return transaction == nullptr ? Owner{} : transaction->owner;
}

void Layer::set_owner(TransactionId id, Owner owner) {
  if (Transaction* transaction = slab_->find(id)) transaction->owner = owner;
}

void Layer::abandon(TransactionId id) { erase(id); }

void Layer::on_timer(TransactionId id, Transaction& t, bool ended, Instant now, Outbox& outbox) {
  switch (t.kind) {
    case Transaction::Kind::invite_client: {
      using invite_client::Event;
      using invite_client::State;
      const Event event = !ended ? Event::timer_a
                          : t.invite_client_state == State::calling ? Event::timer_b
                          : t.invite_client_state == State::accepted ? Event::timer_m : Event::timer_d;
      step_invite_client(id, t, event, now, outbox);
      return;
    }
    case Transaction::Kind::non_invite_client: {
      using non_invite_client::Event;
      const bool completed = t.non_invite_client_state == non_invite_client::State::completed;
      step_non_invite_client(id, t, !ended ? Event::timer_e : completed ? Event::timer_k : Event::timer_f, now, outbox);
      return;
    }
    case Transaction::Kind::invite_server: {
      using invite_server::Event;
      using invite_server::State;
      const Event event = !ended ? Event::timer_g
                          : t.invite_server_state == State::accepted ? Event::timer_l
                          : t.invite_server_state == State::completed ? Event::timer_h : Event::timer_i;
      step_invite_server(id, t, event, now, outbox);
      return;
    }
    case Transaction::Kind::non_invite_server:
      step_non_invite_server(id, t, non_invite_server::Event::timer_j, now, outbox);
      return;
  }
}

void Layer::forget_failures() {
  for (const Failure& failure : failures_) erase(failure.transaction);
  failures_.clear();
}

std::span<const Failure> Layer::expire(Instant now, Outbox& outbox) {
  forget_failures();
  wheel_.expire(now, [&](TransactionId id) {
    Transaction* transaction = slab_->find(id);
    if (transaction == nullptr) return;
    transaction->in_wheel.reset();
    // The end comes first: a retransmission that is due at the same late moment is not sent any more.
    if (transaction->end_at && *transaction->end_at <= now) {
      transaction->end_at.reset();
      on_timer(id, *transaction, true, now, outbox);
    } else if (transaction->retransmit_at && *transaction->retransmit_at <= now) {
      on_timer(id, *transaction, false, now, outbox);
    }
    settle(id, *transaction);
  });
  return failures_;
}

void Layer::on_transport_error(TransactionId id, Transaction& t, Instant now, Outbox& outbox) {
  switch (t.kind) {
    case Transaction::Kind::invite_client: step_invite_client(id, t, invite_client::Event::transport_error, now, outbox); return;
    case Transaction::Kind::non_invite_client: step_non_invite_client(id, t, non_invite_client::Event::transport_error, now, outbox); return;
    case Transaction::Kind::invite_server: step_invite_server(id, t, invite_server::Event::transport_error, now, outbox); return;
    case Transaction::Kind::non_invite_server: step_non_invite_server(id, t, non_invite_server::Event::transport_error, now, outbox); return;
  }
}

std::span<const Failure> Layer::flow_changed(const FlowChange& change, Instant now, Outbox& outbox) {
  forget_failures();
  if (change.state == FlowState::opened || change.protocol != Protocol::sip) return failures_;
  std::vector<TransactionId> hit;
  slab_->for_each([&](TransactionId id, const Transaction& transaction) {
    if (transaction.destination.transport != change.transport) return;
    const bool by_flow = is_reliable(change.transport) && change.flow && transaction.destination.flow == change.flow;
    const bool by_remote = change.state == FlowState::refused && transaction.destination.remote == change.remote;
    const bool by_connection = change.state == FlowState::closed && !transaction.destination.flow && transaction.destination.remote == change.remote;
    if (by_flow || by_remote || by_connection) hit.push_back(id);
  });
  for (const TransactionId id : hit) {
    Transaction& transaction = *slab_->find(id);
    if (!transaction.is_client() && is_reliable(change.transport) && transaction.destination.flow) {
      // §18.2.2: the connection is gone, so the response goes by a new one to the top Via's sent-by.
      const auto request = sip::Message::parse(transaction.request);
      const auto via = request ? request->top_via() : std::unexpected(request.error());
      transaction.destination.flow = {};
      if (via) transaction.destination.remote.port = Port{via->port.value_or(change.transport == Transport::tls ? 5061 : 5060)};
      continue;
    }
    on_transport_error(id, transaction, now, outbox);
    settle(id, transaction);
  }
  return failures_;
}

}  // namespace ringhold::transaction
