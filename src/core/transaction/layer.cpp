#include "transaction/layer.hpp"

#include "base/check.hpp"
#include "sip/builder.hpp"
#include "transaction/matching.hpp"
#include "transaction/stepping.hpp"
#include "transaction/table.hpp"
#include "transaction/transaction.hpp"

namespace ringhold::transaction {

struct Layer::State {
  Timers timers;
  Table table;
  std::vector<Failure> failures;
};

namespace {

/// Room for a provisional response beside the request, so that keeping it moves nothing.
constexpr std::size_t usual_response_bytes = 512;

/// More than the wheel's tick, so that a late expire() does not meet it again in the same call.
constexpr Duration until_next_step = 1ms;

void give_bytes(Transaction& transaction, const Key& key, std::string_view request, std::size_t room) {
  transaction.bytes.reserve(key.text().size() + request.size() + room);
  transaction.bytes.append(key.text()).append(request);
  transaction.key_size = static_cast<std::uint32_t>(key.text().size());
  transaction.request_size = static_cast<std::uint32_t>(request.size());
}

/// After 2xx there is nothing left to send again, and nothing to cancel, but the transaction stays for 64*T1 (RFC 6026).
void drop_bytes(Transaction& transaction) {
  transaction.bytes.resize(transaction.key_size);
  transaction.bytes.shrink_to_fit();
  transaction.request_size = 0;
}

/// What is kept shrinks when a final response was sent: nobody asks for the request any more.
void after_final(Transaction& transaction, int status) {
  if (status < 200 || transaction.request_size == 0) return;
  const bool accepted = std::holds_alternative<invite_server::State>(transaction.state) && status < 300;
  if (accepted) return drop_bytes(transaction);
  transaction.drop_request();
}

}  // namespace

Layer::Layer(const Timers& timers, std::size_t capacity) : state_{std::make_unique<State>(State{timers, Table{capacity}, {}})} {}
Layer::~Layer() = default;
Layer::Layer(Layer&&) noexcept = default;
Layer& Layer::operator=(Layer&&) noexcept = default;

bool Layer::knows(const sip::Message& request) const {
  const Table& table = state_->table;
  const Key invite = Key::server(request, sip::Method::invite);
  if (request.method() == sip::Method::ack) return static_cast<bool>(table.find_server_for_ack(invite, request.to_tag()));
  if (table.find_server(Key::server(request, request.method()), request.to_tag())) return true;
  return request.method() == sip::Method::cancel && table.find_server(invite, request.to_tag());
}

Received Layer::receive(const sip::Message& message, const Packet&, Instant now, Outbox& outbox) {
  if (!message.is_request()) return receive_response(message, now, outbox);
  Table& table = state_->table;
  const Surroundings around{state_->timers, now, outbox, nullptr, {}};
  if (message.method() == sip::Method::ack) {
    const TransactionId id = table.find_server_for_ack(Key::server(message, sip::Method::invite), message.to_tag());
    Transaction* transaction = table.find(id);
    if (transaction == nullptr) return {Disposition::ack, {}, {}};
    const Outcome outcome = step(*transaction, invite_server::Event::ack, around);
    table.schedule(id, now);
    return {outcome.passed ? Disposition::ack : Disposition::absorbed, id, transaction->owner};
  }
  const TransactionId known = table.find_server(Key::server(message, message.method()), message.to_tag());
  if (Transaction* transaction = table.find(known)) {
    step_request_again(*transaction, around);
    return {Disposition::absorbed, known, transaction->owner};
  }
  if (message.method() != sip::Method::cancel) return {Disposition::new_request, {}, {}};
  const TransactionId invite = table.find_server(Key::server(message, sip::Method::invite), message.to_tag());
  return {Disposition::cancel, invite, owner(invite)};
}

Received Layer::receive_response(const sip::Message& response, Instant now, Outbox& outbox) {
  Table& table = state_->table;
  const auto& via = response.top_via();
  const auto& cseq = response.cseq();
  if (!via || !cseq) return {Disposition::stray, {}, {}};
  const TransactionId id = table.find_client(Key::client(via->branch, cseq->method));
  Transaction* transaction = table.find(id);
  // §17.1.3: all but CANCEL and INVITE share a class in the key, so the method decides here.
  if (transaction == nullptr || transaction->method != cseq->method) return {Disposition::stray, {}, {}};
  const int status = response.status();
  if (status < 200) transaction->provisional = true;
  const Outcome outcome = step_response(*transaction, status, {state_->timers, now, outbox, &response, {}});
  if (outcome.passed && transaction->state == Transaction::State{invite_client::State::accepted}) drop_bytes(*transaction);
  table.schedule(id, now);
  return {outcome.passed ? Disposition::response : Disposition::absorbed, id, transaction->owner};
}

TransactionId Layer::create_server(const sip::Message& request, const Packet& packet, Owner owner, Instant now) {
  check(request.method() != sip::Method::ack);
  Transaction transaction;
  const bool invite = request.method() == sip::Method::invite;
  if (invite)
    transaction.state = invite_server::State::proceeding;
  else
    transaction.state = non_invite_server::State::trying;
  transaction.method = request.method();
  transaction.owner = owner;
  transaction.destination = sip::response_destination(request, packet);
  const auto& via = request.top_via();
  transaction.sent_by_port = Port{via && via->port ? *via->port : to_number(default_port(packet.transport))};
  const Key key = Key::server(request, request.method());
  const bool keeps_provisional = invite && !is_reliable(packet.transport);
  give_bytes(transaction, key, request.bytes(), keeps_provisional ? usual_response_bytes : 0);
  if (key.is_rfc2543()) transaction.to_tags = std::make_unique<Transaction::ToTags>(Transaction::ToTags{Text{request.to_tag()}, {}});
  return state_->table.insert(std::move(transaction), key.hash(), now);
}

void Layer::respond(TransactionId server, int status, std::size_t begin, Instant now, Outbox& outbox) {
  Table& table = state_->table;
  Transaction* transaction = table.find(server);
  if (transaction == nullptr || transaction->is_client()) return outbox.bytes().resize(begin);
  const Surroundings around{state_->timers, now, outbox, nullptr, begin};
  const Outcome outcome = step_respond(*transaction, status, around);
  if (!outcome.sent) return outbox.bytes().resize(begin);
  if (transaction->to_tags) {
    const auto response = sip::Message::parse(std::string_view{outbox.bytes()}.substr(begin));
    if (response) transaction->to_tags->response = response->to_tag();
  }
  after_final(*transaction, status);
  // Timer J is zero on reliable transports: nothing is left to wait for.
  if (std::holds_alternative<non_invite_server::State>(transaction->state))
    step_timer(*transaction, {state_->timers, now, outbox, nullptr, {}});
  if (transaction->is_terminated())
    table.erase(server);
  else
    table.schedule(server, now);
}

TransactionId Layer::start_client(sip::Method method, std::string_view branch, std::size_t begin, const Destination& destination,
                                  Owner owner, Instant now, Outbox& outbox) {
  Transaction transaction;
  if (method == sip::Method::invite)
    transaction.state = invite_client::State::calling;
  else
    transaction.state = non_invite_client::State::trying;
  transaction.method = method;
  transaction.owner = owner;
  transaction.destination = destination;
  const Key key = Key::client(branch, method);
  give_bytes(transaction, key, std::string_view{outbox.bytes()}.substr(begin), 0);
  transaction.timeout_at = now + state_->timers.timeout();
  if (!is_reliable(destination.transport)) {
    transaction.interval = state_->timers.t1;
    transaction.retransmit_at = now + transaction.interval;
  }
  const TransactionId id = state_->table.insert(std::move(transaction), key.hash(), now);
  if (!id) {
    outbox.bytes().resize(begin);
    return id;
  }
  outbox.sent(begin, destination);
  state_->table.schedule(id, now);
  return id;
}

std::string_view Layer::request(TransactionId id) const {
  const Transaction* transaction = state_->table.find(id);
  return transaction == nullptr ? std::string_view{} : transaction->request();
}

const Destination* Layer::destination(TransactionId id) const {
  const Transaction* transaction = state_->table.find(id);
  return transaction == nullptr ? nullptr : &transaction->destination;
}

bool Layer::is_proceeding(TransactionId id) const {
  const Transaction* transaction = state_->table.find(id);
  if (transaction == nullptr) return false;
  if (const auto* state = std::get_if<invite_client::State>(&transaction->state))
    return *state == invite_client::State::calling || *state == invite_client::State::proceeding;
  if (const auto* state = std::get_if<invite_server::State>(&transaction->state)) return *state == invite_server::State::proceeding;
  if (const auto* state = std::get_if<non_invite_client::State>(&transaction->state))
    return *state == non_invite_client::State::trying || *state == non_invite_client::State::proceeding;
  const auto state = std::get<non_invite_server::State>(transaction->state);
  return state == non_invite_server::State::trying || state == non_invite_server::State::proceeding;
}

bool Layer::has_provisional(TransactionId id) const {
  const Transaction* transaction = state_->table.find(id);
  return transaction != nullptr && transaction->provisional && is_proceeding(id);
}

Owner Layer::owner(TransactionId id) const {
  const Transaction* transaction = state_->table.find(id);
  return transaction == nullptr ? Owner{} : transaction->owner;
}

void Layer::set_owner(TransactionId id, Owner owner) {
  if (Transaction* transaction = state_->table.find(id)) transaction->owner = owner;
}

void Layer::settle(TransactionId id, const Outcome& outcome, Instant now) {
  Transaction& transaction = *state_->table.find(id);
  if (!transaction.is_terminated()) return state_->table.schedule(id, now);
  if (!outcome.failure) return state_->table.erase(id);
  // It stays until the owner had its turn, because the same request may go elsewhere (RFC 3263 §4.3), but nothing finds it.
  state_->failures.push_back({id, transaction.owner, *outcome.failure});
  state_->table.unlink(id);
  transaction.retransmit_at = transaction.timeout_at = never;
  transaction.end_at = now + until_next_step;
  state_->table.schedule(id, now);
}

std::span<const Failure> Layer::expire(Instant now, Outbox& outbox) {
  state_->failures.clear();
  state_->table.expire(now, [&](TransactionId id, Transaction& transaction) {
    if (transaction.is_terminated()) return state_->table.erase(id);
    settle(id, step_timer(transaction, {state_->timers, now, outbox, nullptr, {}}), now);
  });
  return state_->failures;
}

std::span<const Failure> Layer::flow_changed(const FlowChange& change, Instant now, Outbox& outbox) {
  state_->failures.clear();
  const bool lost = change.state == FlowState::refused || (change.state == FlowState::closed && is_reliable(change.transport));
  if (change.protocol != Protocol::sip || !lost) return state_->failures;
  for (const TransactionId id : state_->table.at(change)) {
    Transaction& transaction = *state_->table.find(id);
    if (!transaction.is_client() && is_reliable(change.transport) && transaction.destination.flow) {
      // §18.2.2: responses go by a new connection to where the request came from, at the port of its sent-by.
      Destination destination = transaction.destination;
      destination.flow = {};
      destination.remote.port = transaction.sent_by_port;
      state_->table.redirect(id, destination);
      continue;
    }
    settle(id, step_transport_error(transaction, {state_->timers, now, outbox, nullptr, {}}), now);
  }
  return state_->failures;
}

void Layer::abandon(TransactionId id) { state_->table.erase(id); }

std::optional<Instant> Layer::next_expiry() const { return state_->table.next_expiry(); }
std::size_t Layer::size() const { return state_->table.size(); }

}  // namespace ringhold::transaction
