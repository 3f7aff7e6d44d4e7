#include "agent/agent.hpp"

#include <algorithm>

#include "agent/state.hpp"
#include "sip/uri.hpp"
#include "sip/validation.hpp"
#include "stun/binding.hpp"

namespace ringhold::agent {

namespace {

using transaction::Disposition;
using transaction::Owner;

constexpr std::size_t transactions_of_account = 4;
constexpr std::size_t transactions_besides = 1'000;

/// RFC 9562 §5.4, of our own chance.
Text new_instance(Random& random) {
  Text digits = hex_digits(random.next()) + hex_digits(random.next());
  digits[12] = '4';
  digits[16] = "89ab"[random.below(4)];
  Text uuid;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) uuid.push_back('-');
    uuid.push_back(digits[i]);
  }
  return "<urn:uuid:" + uuid + ">";
}

Account new_account(const AccountSettings& settings, Duration expires, Random& random) {
  Account account;
  account.settings = settings;
  if (const auto uri = sip::Uri::parse(account.settings.aor)) {
    account.user = uri->user;
    account.host = uri->host;
  }
  account.instance = new_instance(random);
  account.call_id = hex_digits(random.next()) + hex_digits(random.next());
  account.from_tag = hex_digits(random.next());
  account.expires = expires;
  return account;
}

}  // namespace

Agent::State::State(const Settings& given, Random& given_random)
    : settings{given},
      random{given_random},
      layer{transaction::Timers{}, limits::sip_transactions + transactions_of_account * given.accounts.size() + transactions_besides},
      finding{given, given_random},
      edge{given, given_random} {
  accounts.reserve(settings.accounts.size());
  for (const AccountSettings& one : settings.accounts) accounts.push_back(new_account(one, settings.expires, random));
}

void Agent::State::receive_sip(const Packet& packet, Instant now, Outbox& outbox) {
  const Source source = source_of(packet);
  if (source == Source::phone && packet.transport == Transport::udp && stun::is_stun(packet.bytes)) {
    const auto begin = outbox.bytes().size();
    if (stun::append_answer(outbox.bytes(), packet.bytes, packet.remote))
      outbox.sent(begin, {Protocol::sip, packet.transport, packet.flow, packet.local, packet.remote});
    return;
  }
  const auto message = sip::Message::parse(packet.bytes);
  if (!message) return;
  if (message->is_request()) {
    if (source == Source::stranger) return;  // a scanner learns nothing
    if (const auto malformed = sip::validate_request(*message)) {
      // Without a Via there is nobody to answer; an ACK is never answered.
      if (message->method() != sip::Method::ack && message->top_via())
        edge.proxy.refuse_without_state(*message, packet, {malformed->status, Text{malformed->reason}, {}}, outbox);
      return;
    }
  } else if (!sip::is_valid_response(*message) || !edge.identity.is_sender(*message->top_via())) {
    return;
  }
  const auto received = layer.receive(*message, packet, now, outbox);
  switch (received.disposition) {
    case Disposition::new_request: on_request(*message, packet, source, now, outbox); break;
    case Disposition::ack: on_ack(*message, packet, source, now, outbox); break;
    case Disposition::cancel: edge.proxy.cancel(*message, packet, received, layer, now, outbox); break;
    case Disposition::response:
      if (take_heartbeat(*message, received, now, outbox)) return;
      heard({packet.transport, packet.remote}, now, outbox);
      if (received.owner.kind == Owner::Kind::registration) on_response(*message, received.owner, now, outbox);
      if (received.owner.kind == Owner::Kind::proxy) on_relayed_response(*message, packet, received, now, outbox);
      return;
    case Disposition::absorbed:
    case Disposition::stray: break;
  }
  heard({packet.transport, packet.remote}, now, outbox);
}

bool Agent::State::take_heartbeat(const sip::Message& response, const transaction::Received& received, Instant now, Outbox& outbox) {
  if (received.owner.kind != Owner::Kind::heartbeat || response.status() < 200) return false;
  for (auto& [target, server] : servers) {
    if (server.heartbeat != received.transaction) continue;
    server.heartbeat = {};
    server.answered_in = now - server.asked_at;
    // SWI-15: any answer shows life, but that it is overloaded is for a registration to find out.
    if (response.status() != 503) return false;
    heartbeat_lost(Target{target}, now, outbox);
    return true;
  }
  return false;
}

void Agent::State::on_failures(std::span<const transaction::Failure> failures, Instant now, Outbox& outbox) {
  // They are valid only until the layer is used again.
  const std::vector<transaction::Failure> all{failures.begin(), failures.end()};
  for (const transaction::Failure& failure : all) {
    if (failure.owner.kind == Owner::Kind::registration) on_failure(failure, now, outbox);
    if (failure.owner.kind == Owner::Kind::proxy) on_relayed_failure(failure, now, outbox);
    if (failure.owner.kind != Owner::Kind::heartbeat) continue;
    const auto lost = std::ranges::find_if(servers, [&](const auto& one) { return one.second.heartbeat == failure.transaction; });
    if (lost == servers.end()) continue;
    lost->second.heartbeat = {};
    heartbeat_lost(Target{lost->first}, now, outbox);
  }
}

void Agent::State::keep_time(AccountIndex index) {
  Account& account = at(index);
  if (has_left || account.deadline() >= account.in_wheel) return;
  account.in_wheel = account.deadline();
  wheel.add(account.in_wheel, index);
}

void Agent::State::settle(Instant now, Outbox& outbox) {
  search(now, outbox);
  do {
    take_servers(now, outbox);
    while (!unsendable.empty()) {
      const AccountIndex index = unsendable.front();
      unsendable.pop_front();
      if (Account& account = at(index); account.under_way && !account.under_way->transaction)
        happened(index, failed(account, Why::unsendable, 0, now, outbox), now, outbox);
    }
    // What the cache knows is found at once.
  } while (!unsendable.empty() || finding.has_ended());
  ask_order_again(now, outbox);
  settle_watches(now);
}

Agent::Agent(const Settings& settings, Random& random) : state_{std::make_unique<State>(settings, random)} {}
Agent::~Agent() = default;
Agent::Agent(Agent&&) noexcept = default;
Agent& Agent::operator=(Agent&&) noexcept = default;

void Agent::restore(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    if (row.table == Table::binding)
      state_->edge.restored.push_back(row);
    else
      state_->restore(row);
  }
}

void Agent::start(Instant now, Outbox& outbox) {
  state_->wheel.expire(now, [](AccountIndex) {});  // so that it knows the time before its first entry
  for (const Row& row : std::exchange(state_->edge.restored, {})) state_->edge.location.restore(row, now, outbox);
  // Many begin one after another, as they come back to a server.
  for (std::uint32_t i = 0; i < state_->accounts.size(); ++i) {
    Account& account = state_->accounts[i];
    account.due = state_->in_turn(state_->accounts.size(), now, between_accounts);
    if (account.due > now)
      state_->keep_time(AccountIndex{i});
    else
      state_->on_due(AccountIndex{i}, now, outbox);
  }
  state_->settle(now, outbox);
}

void Agent::receive(const Packet& packet, Instant now, Outbox& outbox) {
  if (packet.protocol == Protocol::sip)
    state_->receive_sip(packet, now, outbox);
  else if (state_->finding.receive(packet, now, outbox))
    return network_changed(now, outbox);
  state_->settle(now, outbox);
}

void Agent::expire(Instant now, Outbox& outbox) {
  state_->on_failures(state_->layer.expire(now, outbox), now, outbox);
  state_->edge.proxy.expire(state_->layer, now, outbox);
  state_->edge.location.expire(now, outbox);
  state_->expire_acks(now, outbox);
  state_->finding.expire(now, outbox);
  state_->wheel.expire(now, [&](AccountIndex index) { state_->on_due(index, now, outbox); });
  state_->expire_watches(now, outbox);
  state_->settle(now, outbox);
}

void Agent::connection_changed(const FlowChange& change, Instant now, Outbox& outbox) {
  if (change.protocol == Protocol::dns) {
    state_->finding.upstream_changed(change, now, outbox);
    return state_->settle(now, outbox);
  }
  const Target target{change.transport, change.remote};
  if (const auto known = state_->servers.find(target); known != state_->servers.end()) {
    Server& server = known->second;
    if (change.state == FlowState::opened && server.connecting_since) server.connected_in = now - *server.connecting_since;
    server.connecting_since.reset();
    // What is registered over a connection cannot be reached without it (RFC 5626 §4.4).
    if (change.state == FlowState::closed && server.attached > 0) state_->heartbeat_lost(target, now, outbox);
  }
  if (change.state == FlowState::closed) state_->edge.location.flow_closed(change.flow, outbox);
  state_->has_connection_closed = change.state == FlowState::closed && is_reliable(change.transport);
  state_->on_failures(state_->layer.flow_changed(change, now, outbox), now, outbox);
  state_->has_connection_closed = false;
  state_->settle(now, outbox);
}

std::optional<Instant> Agent::next_expiry() const {
  std::optional<Instant> next = state_->wheel.next();
  const Edge& edge = state_->edge;
  const auto next_ack = edge.awaited_acks.empty() ? std::nullopt : std::optional{edge.awaited_acks.front().until};
  for (const auto& other : {state_->layer.next_expiry(), state_->finding.next_expiry(), state_->next_watch(), edge.proxy.next_expiry(),
                            edge.location.next_expiry(), next_ack, state_->order_due, state_->search_due})
    if (other) next = next ? std::min(*next, *other) : *other;
  return next;
}

void Agent::network_changed(Instant now, Outbox& outbox) {
  for (std::uint32_t i = 0; i < state_->accounts.size(); ++i) {
    Account& account = state_->accounts[i];
    account.listed_until = now;
    // Who has a turn already, or finds out anyway, needs no other.
    if (account.doubted_at != Account::never || account.state == switching::State::renewing) continue;
    const Instant turn = switching::has_service(account.state) ? state_->turn_to_move(now) : now;
    if (turn <= now) {
      state_->happened(AccountIndex{i}, switching::Event::network_changed, now, outbox);
      continue;
    }
    account.doubted_at = std::min(account.doubted_at, turn);
    state_->keep_time(AccountIndex{i});
  }
  state_->settle(now, outbox);
}

void Agent::handled(std::uint64_t id, const HandlerOutcome& outcome, Instant now, Outbox& outbox) {
  state_->content_handled(id, outcome, now, outbox);
}

void Agent::leave(Instant now, Outbox& outbox) {
  state_->waiting_for_servers.clear();
  state_->has_left = true;
  for (std::uint32_t i = 0; i < state_->accounts.size(); ++i) {
    Account& account = state_->accounts[i];
    account.due = account.doubted_at = account.return_at = Account::never;
    account.left = std::exchange(account.bound_at, std::nullopt);
    if (account.under_way) state_->layer.abandon(account.under_way->transaction);
    account.under_way.reset();
    account.is_postponed = false;
    if (account.left) state_->send(AccountIndex{i}, Purpose::let_go, now, outbox);
  }
}

bool Agent::is_idle() const {
  return std::ranges::none_of(state_->accounts, [this](const Account& account) {
    const bool resolves = !state_->has_left && account.state == switching::State::resolving;
    return account.under_way || account.letting_go || account.is_postponed || resolves;
  });
}

void Agent::probe(const Target& server, Instant now, Outbox& outbox) { state_->send_heartbeat(server, now, outbox); }

Report Agent::report(Instant now) const {
  Report report;
  for (const Account& account : state_->accounts)
    report.accounts.push_back({account.settings.aor,
                               account.state,
                               account.bound_at,
                               account.list.rank(),
                               account.bound_at ? account.bound_until - now : Duration::zero(),
                               account.registered_since,
                               account.last,
                               {account.list.servers().begin(), account.list.servers().end()},
                               state_->edge.location.ids(account.settings.aor, now).size()});
  for (const auto& [target, server] : state_->servers)
    report.servers.push_back(
        {target, server.attached, server.watch.answering_since(), server.watch.heard_at(), server.connected_in, server.answered_in});
  report.resolved_in = state_->finding.took();
  report.is_resolved = state_->finding.result() == Finding::Result::found;
  return report;
}

}  // namespace ringhold::agent
