// Whether servers live: heartbeats, and everything else that they say (SWI-13 to SWI-17, X-27).
#include <algorithm>

#include "agent/state.hpp"
#include "central/probe.hpp"

namespace ringhold::agent {

using switching::Watch;

namespace {

constexpr Duration longest_turn = 60s;
constexpr Duration between_doubts = 2ms;  ///< R7: 5 000 within 10 s are served
constexpr Duration between_moves = 2ms;
constexpr int moves_at_once = 50;
constexpr std::size_t most_servers = 64;

}  // namespace

Instant Agent::State::in_turn(std::size_t accounts_concerned, Instant now, Duration each) {
  if (accounts_concerned <= 1) return now;
  return now + random.between(Duration::zero(), std::min(longest_turn, each * static_cast<int>(accounts_concerned)));
}

Instant Agent::State::turn_to_move(Instant now) {
  const Duration each = std::min(between_moves, longest_turn / static_cast<int>(std::max<std::size_t>(1, accounts.size())));
  last_move = std::clamp(last_move, now - each * moves_at_once, now + each * static_cast<int>(accounts.size())) + each;
  return std::max(now, last_move);
}

void Agent::State::settle_watches(Instant now) {
  if (!std::exchange(watches_changed, false)) return;
  for (auto& [target, server] : servers) {
    const auto purpose = server.wanted > 0     ? Watch::Purpose::candidate
                         : server.attached > 0 ? Watch::Purpose::heartbeat
                                               : Watch::Purpose::nothing;
    if (purpose != server.watch.purpose()) server.told = false;
    server.watch.set_purpose(purpose, now, settings.switching, random);
  }
  if (servers.size() <= most_servers) return;
  boost::container::flat_map<Target, Server> kept;
  for (auto& [target, server] : servers)
    if (server.attached + server.wanted > 0 || server.heartbeat || std::ranges::find(servers_in_order, target) != servers_in_order.end())
      kept.emplace(target, server);
  servers = std::move(kept);
}

bool Agent::State::answers(const Target& target) const {
  const auto known = servers.find(target);
  return known != servers.end() && known->second.watch.answering_since();
}

bool Agent::State::has_stayed(const Target& target, Instant now) const {
  return answers(target) && now - *servers.find(target)->second.watch.answering_since() >= settings.switching.return_after;
}

void Agent::State::heard(const Target& target, Instant now, Outbox& outbox) {
  const auto known = servers.find(target);
  if (known == servers.end()) return;
  Server& server = known->second;
  server.watch.heard(now, settings.switching, random);
  if (server.wanted == 0 || server.told) return;
  // To whom any server is better than none, the first answer is enough (SWI-18); others see first whether it stays (SWI-17).
  const bool stays = has_stayed(target, now);
  server.told = stays;
  bool any = false;
  for (std::uint32_t i = 0; i < accounts.size(); ++i) {
    Account& account = accounts[i];
    plan_overtaking(AccountIndex{i}, now);
    const bool waits =
        account.state == switching::State::waiting && account.last.why != Why::status && account.last.why != Why::credentials;
    const bool would_return = stays && account.state == switching::State::registered && account.list.is_better(target);
    const bool has_refused = std::ranges::find(account.refused_by, target) != account.refused_by.end();
    if (!(waits && account.list.rank_of(target) && !has_refused) && !would_return) continue;
    if (account.return_at != Account::never || account.avoidance.is_avoided(target, now)) continue;
    // Who waits moves, and has his turn then.
    account.return_at = waits ? now : in_turn(registers_of_return * server.wanted, now, between_accounts);
    keep_time(AccountIndex{i});
    any = true;
  }
  if (any && stays) outbox.note({"agent_better_server_answers", {{"server", target.text()}, {"accounts", server.wanted}}});
}

void Agent::State::send_heartbeat(const Target& target, Instant now, Outbox& outbox) {
  Server& server = servers[target];
  const central::Identity identity{settings.domain, {}, settings.uplinks};
  const auto begin = outbox.bytes().size();
  const Text branch = central::append_probe(identity, target, random, outbox.bytes());
  server.asked_at = now;
  server.watch.asked(now, settings.switching);
  server.heartbeat = layer.start_client(sip::Method::options, branch, begin, central::probe_destination(identity, target),
                                        {transaction::Owner::Kind::heartbeat, 0, 0, 0}, now, outbox);
  if (!server.heartbeat) outbox.bytes().resize(begin);
  if (is_reliable(target.transport) && !server.connecting_since) server.connecting_since = now;
}

void Agent::State::heartbeat_lost(const Target& target, Instant now, Outbox& outbox) {
  Server& server = servers[target];
  const bool did_answer = server.watch.answering_since().has_value();
  if (server.heartbeat) layer.abandon(server.heartbeat);
  server.heartbeat = {};
  server.told = false;
  server.watch.missed(now, settings.switching, random);
  if (server.attached == 0) return;
  if (did_answer) outbox.note({"agent_heartbeat_lost", {{"server", target.text()}, {"accounts", server.attached}}, Severity::warning});
  // SWI-15: the registration decides.
  for (std::uint32_t i = 0; i < accounts.size(); ++i) {
    Account& account = accounts[i];
    if (account.list.current() == nullptr || *account.list.current() != target || !switching::has_service(account.state)) continue;
    account.doubted_at = std::min(account.doubted_at, in_turn(server.attached, now, between_doubts));
    keep_time(AccountIndex{i});
  }
  doubt_order(now);
}

void Agent::State::expire_watches(Instant now, Outbox& outbox) {
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const auto& [target, server] = *servers.nth(i);
    if (server.watch.answer_by() && *server.watch.answer_by() <= now) {
      heartbeat_lost(target, now, outbox);
    } else if (server.watch.due() && *server.watch.due() <= now) {
      // Whom it has asked to be left alone wants no OPTIONS either (SWI-07).
      const bool left_alone = !accounts.empty() && std::ranges::all_of(accounts, [&](const Account& account) {
        return !account.list.rank_of(target) || account.avoidance.is_avoided(target, now);
      });
      if (left_alone)
        servers[target].watch.missed(now, settings.switching, random);
      else
        send_heartbeat(target, now, outbox);
    }
  }
}

std::optional<Instant> Agent::State::next_watch() const {
  std::optional<Instant> next;
  const auto earliest = [&](std::optional<Instant> instant) {
    if (instant) next = next ? std::min(*next, *instant) : *instant;
  };
  for (const auto& [target, server] : servers) {
    earliest(server.watch.answer_by());
    earliest(server.watch.due());
  }
  return next;
}

}  // namespace ringhold::agent
