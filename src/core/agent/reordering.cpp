// What becomes of accounts whose server does not answer when DNS puts another one first meanwhile (D7, X-22).
#include <algorithm>

#include "agent/state.hpp"

namespace ringhold::agent {

using switching::State;

namespace {

constexpr Duration between_questions = 5s;  ///< the branch device's probes find out at that pace
constexpr Duration unanswered = 4s;         ///< T2: over UDP a REGISTER has been sent four times by then

constexpr Duration between_searches = 10s;  ///< at least; while servers are known their TTL counts

/// Not so before the first attempt.
bool is_waiting(const Account& account) { return account.state == State::waiting && account.waits > 0; }

bool is_pending(const Account& account) { return account.state == State::registering && account.under_way.has_value(); }

bool gets_no_answer(const Account& account, Instant now) {
  return account.doubted_at != Account::never || (is_pending(account) && now - account.under_way->sent_at >= unanswered);
}

}  // namespace

void Agent::State::doubt_order(Instant now) {
  order_doubted = true;
  if (!order_due) order_due = std::max(now, order_asked_at + between_questions);
}

void Agent::State::ask_order_again(Instant now, Outbox& outbox) {
  if (!order_due || now < *order_due) return;
  order_due.reset();
  if (!std::exchange(order_doubted, false) && std::ranges::none_of(accounts, [&](const Account& one) { return gets_no_answer(one, now); }))
    return;
  order_due = now + between_questions;
  order_asked_at = now;
  finding.ask_again(now, outbox);
}

void Agent::State::spread_order(Instant now) {
  if (finding.result() != Finding::Result::found || std::exchange(spread_edition, finding.edition()) == finding.edition()) return;
  for (std::uint32_t i = 0; i < accounts.size(); ++i) {
    Account& account = accounts[i];
    // Who is on his way to a better server goes on.
    const bool gets_none = is_pending(account) || account.is_postponed || account.doubted_at != Account::never;
    if (account.edition == finding.edition() || !gets_none || account.state == switching::State::returning) continue;
    count(account, -1);
    take_list(account);
    count(account, +1);
    watches_changed = true;
    plan_overtaking(AccountIndex{i}, now);
  }
}

const Target* Agent::State::overtaker(const Account& account, Instant now) const {
  for (const Target& server : account.list.servers())
    if (account.list.has_overtaken(server) && account.list.may_try(server, account.avoidance, now) && answers(server)) return &server;
  return nullptr;
}

void Agent::State::plan_overtaking(AccountIndex index, Instant now) {
  Account& account = at(index);
  if (!is_pending(account)) return;
  const Instant patient_until = account.under_way->sent_at + unanswered;
  if (patient_until <= now && overtaker(account, now) == nullptr) return;
  account.return_at = std::min(account.return_at, std::max(patient_until, now));
  keep_time(index);
}

void Agent::State::overtake(AccountIndex index, Instant now, Outbox& outbox) {
  Account& account = at(index);
  if (!is_pending(account)) return;
  if (now < account.under_way->sent_at + unanswered) return plan_overtaking(index, now);
  const auto known = servers.find(account.under_way->server);
  if (known != servers.end() && known->second.watch.heard_at() >= account.under_way->sent_at) return;
  const Target* const better = overtaker(account, now);
  if (better == nullptr) return doubt_order(now);
  outbox.note({"agent_server_overtaken",
               {{"aor", account.settings.aor}, {"server", account.under_way->server.text()}, {"better", better->text()}},
               Severity::warning});
  if (known != servers.end()) known->second.watch.doubt();
  account.above = *better;
  // The binding there is let go when the other one has accepted (DIS-21).
  happened(index, switching::Event::better_answers, now, outbox);
}

void Agent::State::plan_search(Instant now) {
  const bool any_known = finding.result() == Finding::Result::found;
  if (any_known && finding.valid_until() == Instant::max()) return;
  const Instant due = std::max(now + between_searches, any_known ? finding.valid_until() : now);
  search_due = search_due ? std::min(*search_due, due) : due;
}

void Agent::State::search(Instant now, Outbox& outbox) {
  if (!search_due || now < *search_due) return;
  search_due.reset();
  if (std::ranges::any_of(accounts, is_waiting)) finding.begin(now, outbox);
}

void Agent::State::end_waits(Instant now) {
  bool any = false;
  for (std::uint32_t i = 0; i < accounts.size(); ++i) {
    Account& account = accounts[i];
    if (!is_waiting(account)) continue;
    any = true;
    if (finding.result() != Finding::Result::found || account.edition == finding.edition()) continue;
    const auto is_one_of = [](const auto& some, const Target& server) { return std::ranges::find(some, server) != some.end(); };
    const auto known = account.list.servers();
    if (std::ranges::all_of(servers_in_order,
                            [&](const Target& one) { return is_one_of(known, one) || is_one_of(account.refused_by, one); }))
      continue;
    // Where DNS names some of many, others each time, there is a round for each wait of timer 1, not for each answer.
    const Instant soonest = known.empty() ? now : std::max(now, account.last.at + settings.switching.retry_all);
    account.due = std::min(account.due, soonest);
    account.listed_until = now;
    keep_time(AccountIndex{i});
  }
  if (any) plan_search(now);
}

}  // namespace ringhold::agent
