// The machine of core/switching, performed for each account.
#include <algorithm>

#include "agent/state.hpp"
#include "base/row_reader.hpp"
#include "sip/uri.hpp"

namespace ringhold::agent {

using switching::Action;
using switching::Event;

void Agent::State::happened(AccountIndex index, Event event, Instant now, Outbox& outbox) {
  Account& account = at(index);
  const auto [next, actions] = switching::machine.step(account.state, event);
  if (next == account.state && actions.empty()) return;
  count(account, -1);
  account.state = next;
  if (next == switching::State::resolving || next == switching::State::renewing) account.due = Account::never;
  actions.for_each([&](Action action) { act(index, action, now, outbox); });
  count(account, +1);
  watches_changed = true;
  plan_overtaking(index, now);
  keep_time(index);
}

void Agent::State::act(AccountIndex index, Action action, Instant now, Outbox& outbox) {
  Account& account = at(index);
  switch (action) {
    case Action::abandon:
      if (account.under_way) layer.abandon(account.under_way->transaction);
      account.under_way.reset();
      account.above.reset();
      return;
    case Action::go_first: account.list.go_first(account.avoidance, now); return begin_stay(account);
    case Action::go_next: account.list.go_next(account.avoidance, now); return begin_stay(account);
    case Action::go_above:
      if (account.above) account.list.go_to(*account.above);
      account.above.reset();
      return begin_stay(account);
    case Action::keep_place:
      if (account.list.current() != nullptr) return;
      account.list.go_first(account.avoidance, now);
      return begin_stay(account);
    case Action::succeed:
      account.list.succeed();
      account.waits = 0;
      account.refused_in_stay = false;
      account.same_request = false;
      account.followed.clear();
      account.refused_by.clear();
      return;
    case Action::let_go:
      if (account.left) send(index, Purpose::let_go, now, outbox);
      return;
    case Action::plan_refresh: return plan_refresh(account, now);
    case Action::stay:
      if (account.above)
        if (const auto known = servers.find(*account.above); known != servers.end()) {
          known->second.watch.doubt();
          known->second.told = false;
        }
      account.above.reset();
      return;
    case Action::wait_for_all: return wait(account, switching::wait_for_all(account.waits, settings.switching, random), now, outbox);
    case Action::wait_for_one: return wait(account, switching::wait_for_one(account.waits, settings.switching, random), now, outbox);
    case Action::ask_servers: waiting_for_servers.push_back(index); return finding.begin(now, outbox);
    case Action::prove:
    case Action::lengthen:
    case Action::follow:
    case Action::simplify: return;  // classify() has sent it, with what the answer said
    case Action::send_register: return register_in_turn(index, now, outbox);
    case Action::send_anew: return send(index, Purpose::register_here, now, outbox);
    case Action::send_removal: return send(index, Purpose::remove_here, now, outbox);
    case Action::send_above: return send(index, Purpose::register_above, now, outbox);
  }
}

void Agent::State::begin_stay(Account& account) {
  account.refused_in_stay = false;
  account.is_plain = false;
  account.followed.clear();
  account.expires = settings.expires;
}

void Agent::State::follow_order(Account& account, Instant now) {
  if (account.list.current() != nullptr && !account.list.has_untried_overtaker(account.avoidance, now)) return;
  count(account, -1);
  account.list.go_first(account.avoidance, now);
  begin_stay(account);
  count(account, +1);
  watches_changed = true;
}

void Agent::State::register_in_turn(AccountIndex index, Instant now, Outbox& outbox) {
  Account& account = at(index);
  if (account.list.current() == nullptr) follow_order(account, now);
  const Instant turn = account.list.has_succeeded() ? now : turn_to_move(now);
  if (turn <= now) return send(index, Purpose::register_here, now, outbox);
  if (account.under_way) layer.abandon(account.under_way->transaction);
  account.under_way.reset();
  account.is_postponed = true;
  account.due = turn;
}

void Agent::State::send_postponed(AccountIndex index, Instant now, Outbox& outbox) {
  Account& account = at(index);
  account.is_postponed = false;
  account.due = Account::never;
  follow_order(account, now);  // it may be another one by now
  send(index, Purpose::register_here, now, outbox);
  plan_overtaking(index, now);
}

void Agent::State::plan_refresh(Account& account, Instant now) {
  account.due = now + switching::refresh_after(account.bound_until - now, random);
  account.doubted_at = Account::never;
  account.return_at = Account::never;
  // Who was refreshing when a better server was back did not go then.
  for (const Target& server : account.list.servers())
    if (account.list.is_better(server) && has_stayed(server, now) && !account.avoidance.is_avoided(server, now))
      account.return_at = in_turn(registers_of_return * accounts.size(), now, between_accounts);
  account.order_is_read = account.order_is_read && account.return_at != Account::never;
}

void Agent::State::wait(Account& account, Duration duration, Instant now, Outbox& outbox) {
  // A server that named its time is not asked before (SWI-07).
  if (const auto until = account.list.all_avoided_until(account.avoidance, now)) duration = std::max(duration, *until - now);
  ++account.waits;
  account.list.new_round();
  account.due = now + duration;
  account.doubted_at = Account::never;
  account.return_at = Account::never;
  account.registered_since.reset();
  plan_search(now);
  outbox.note({"agent_waits",
               {{"aor", account.settings.aor},
                {"seconds", static_cast<std::int64_t>(seconds_ceil(duration))},
                {"why", name(account.last.why)},
                {"servers", account.list.servers().size()}},
               Severity::warning});
}

void Agent::State::on_due(AccountIndex index, Instant now, Outbox& outbox) {
  Account& account = at(index);
  account.in_wheel = Account::never;
  if (has_left) return;
  if (account.is_postponed && account.due <= now) {
    send_postponed(index, now, outbox);
  } else if (account.due <= now) {
    const bool is_waiting = account.state == switching::State::waiting;
    account.due = Account::never;
    happened(index, is_outdated(account, now) ? Event::list_outdated : is_waiting ? Event::wait_over : Event::refresh_due, now, outbox);
  }
  if (account.doubted_at <= now) {
    account.doubted_at = Account::never;
    happened(index, is_outdated(account, now) && switching::has_service(account.state) ? Event::list_outdated : Event::doubted, now,
             outbox);
  }
  if (account.return_at <= now) {
    account.return_at = Account::never;
    // It may have fallen silent again meanwhile.
    const auto list = account.list.servers();
    if (account.state == switching::State::registering) {
      overtake(index, now, outbox);
      return keep_time(index);
    }
    const bool is_waiting = account.state == switching::State::waiting;
    if (!is_waiting && account.state != switching::State::registered) return keep_time(index);
    // DIS-22, X-22: which one is better may have changed since. Once: an answer with a short TTL serves for the turn that comes then.
    if (!is_waiting && is_outdated(account, now) && !std::exchange(account.order_is_read, false)) {
      account.order_is_read = true;
      return happened(index, Event::list_outdated, now, outbox);
    }
    const auto usable = std::ranges::find_if(list, [&](const Target& server) {
      return (is_waiting ? answers(server) : account.list.is_better(server) && has_stayed(server, now)) &&
             !account.avoidance.is_avoided(server, now);
    });
    if (usable != list.end()) {
      if (!is_waiting) account.above = *usable;
      happened(index, Event::better_answers, now, outbox);
    }
  }
  keep_time(index);
}

void Agent::State::take_list(Account& account) {
  account.listed_until = finding.valid_until();
  if (std::exchange(account.edition, finding.edition()) == finding.edition()) return;
  account.list.assign(finding.draw(random));
}

void Agent::State::take_servers(Instant now, Outbox& outbox) {
  if (!finding.take_ended()) return;
  const bool found = finding.result() == Finding::Result::found;
  if (found)
    servers_in_order = finding.draw(random);
  else if (!waiting_for_servers.empty())
    outbox.note({"agent_servers_unknown", {{"domain", settings.domain}}, Severity::warning});
  for (const AccountIndex index : std::exchange(waiting_for_servers, {})) {
    Account& account = at(index);
    count(account, -1);
    if (found) take_list(account);
    account.listed_until = finding.valid_until();
    count(account, +1);
    if (!found) { account.last = {{}, Why::unresolved, 0, now, finding.took().value_or(Duration::zero())}; }
    // Without an answer the servers of before are tried on.
    const bool any = account.list.has_untried(account.avoidance, now);
    happened(index, any ? Event::servers_known : Event::servers_unknown, now, outbox);
  }
  spread_order(now);
  end_waits(now);
}

void Agent::State::count(const Account& account, int by) {
  const auto add = [&](std::size_t& number) { number = by > 0 ? number + 1 : number - 1; };
  const bool is_waiting = account.state == switching::State::waiting;
  // Also while the registration is refreshed.
  const bool is_settled = !is_waiting && account.list.has_succeeded();
  if (is_settled)
    if (const Target* const current = account.list.current()) add(servers[*current].attached);
  for (const Target& server : account.list.servers())
    if (is_waiting || (is_settled ? account.list.is_better(server) : account.list.has_overtaken(server))) add(servers[server].wanted);
}

void Agent::State::restore(const Row& row) {
  if (row.table != Table::agent_account) return;
  RowReader reader{row};
  const Text aor = reader.text();
  const Text call_id = reader.text();
  const auto cseq = reader.number();
  const Text instance = reader.text();
  const auto account = std::ranges::find(accounts, aor, [](const Account& one) { return one.settings.aor; });
  constexpr std::int64_t largest = 1U << 31U;  // RFC 3261 §8.1.1.5
  if (!reader.valid || account == accounts.end() || !sip::is_plain(call_id)) return;
  constexpr std::string_view before = "<urn:uuid:";
  if (!instance.starts_with(before) || !instance.ends_with(">") ||
      !sip::is_plain(std::string_view{instance}.substr(1, instance.size() - 2)))
    return;
  account->instance = instance;
  if (cseq < 0 || cseq >= largest - limits::cseq_reserve) return;  // then with a Call-ID of its own
  account->call_id = call_id;
  account->cseq = account->cseq_limit = static_cast<std::uint32_t>(cseq);
}

}  // namespace ringhold::agent
