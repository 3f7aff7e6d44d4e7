// Whether accounts are where they should be: at one place, and never without any for long.
#include <fmt/format.h>

#include <algorithm>

#include "sim/agent_checkers.hpp"

namespace ringhold::sim {

namespace {

constexpr Duration let_go_within = 40s;  // Timer F, and the turn of who sends it
constexpr Duration timer_f = 32s;
constexpr Duration look_up = 5s;  // an answer of DNS, or the patience for it

bool holds(const AgentCheckers::Holders& holders, const Address& place, const std::string& user) {
  const auto found = holders.find(place);
  return found != holders.end() && found->second.contains(user);
}

}  // namespace

const Place* AgentCheckers::place(const Address& address) const {
  const auto found = std::ranges::find(places_, address, &Place::address);
  return found == places_.end() ? nullptr : &*found;
}

void AgentCheckers::look(std::vector<Place> places, const Holders& holders) {
  for (Place& now : places) {
    const Place* const before = place(now.address);
    if (now.takes) now.takes_since = before != nullptr && before->takes_since ? before->takes_since : world_.clock.now();
  }
  places_ = std::move(places);
  for (auto& [user, account] : accounts_)
    if (agents_[account.agent].running) judge_cover(account, holders);
  judge_hand_overs(holders);
}

/// SWI-16, DIS-21: who stands at a place goes to a lower one only if the place has failed him.
void AgentCheckers::judge_switch(const AccountSight& account, const Address& to) {
  if (!account.at || *account.at == to || !account.trying_since) return;
  const Instant now = world_.clock.now();
  const Place* const left = place(*account.at);
  if (left == nullptr || !left->takes || *left->takes_since > *account.trying_since) return;
  if (!agents_[account.agent].is_lower(to, *account.at, now)) return;
  const auto avoided = account.left_alone_until.find(*account.at);
  if (avoided != account.left_alone_until.end() && avoided->second >= account.confirmed_at) return;
  broken(fmt::format("{} went from {} to {}, although the former serves (SWI-16)", account.user, account.at->text(), to.text()));
}

/// How long an account may be without a place, when one could have taken it since `usable_from` on.
///
/// It stands at a place that dies: up to 1.2 heartbeats pass before OPTIONS are sent (jitter), up to 8 s, or half a heartbeat, before
/// they count as lost, and its turn comes among all accounts of the agent. Then in the worst order each other target is tried before
/// the one that serves, and costs Timer F (32 s; a connection that nobody answers less), and before each DNS may be asked,
/// which has 5 s: one round. Refused packets and 5xx cost nothing.
/// If the place came to serve only when it had been tried in this round already, the rest of the round passes, then timer 1 or 2, and
/// a second round. The k-th wait is at most 1.2 * 2^k of timer 1, and those before took at least 0.8 * (2^k - 1) of it: so it is at
/// most 1.2 of timer 1 and 1.5 of the time that has passed since it began to try (SWI-18). Timer 2 doubles later, so likewise.
Duration AgentCheckers::allowed_gap(const AccountSight& account, Instant usable_from) const {
  const AgentSight& agent = agents_.at(account.agent);
  const switching::Settings& pauses = agent.settings.switching;
  const Duration turn = std::min<Duration>(60s, 10ms * static_cast<int>(agent.settings.accounts.size()));
  const Duration noticing = pauses.heartbeat * 6 / 5 + std::min<Duration>(pauses.heartbeat / 2, 8s) + turn;
  const Duration round = (timer_f + look_up) * static_cast<int>(agent.targets());
  if (!account.trying_since || usable_from <= *account.trying_since) return noticing + round;
  const Duration first_wait = (agent.targets() == 1 ? pauses.retry_single : pauses.retry_all) * 6 / 5;
  return noticing + 2 * round + first_wait + (usable_from - *account.trying_since) * 3 / 2;
}

void AgentCheckers::judge_cover(AccountSight& account, const Holders& holders) {
  const Instant now = world_.clock.now();
  const bool is_covered =
      std::ranges::any_of(places_, [&](const Place& one) { return one.reachable && holds(holders, one.address, account.user); });
  if (is_covered) {
    account.uncovered_since.reset();
    account.uncovered_was_told = false;
    return;
  }
  if (!account.uncovered_since) account.uncovered_since = now;
  const AgentSight& agent = agents_[account.agent];
  for (const Place& one : places_) {
    const auto known = agent.known_since.find(one.address);
    if (!one.takes || known == agent.known_since.end()) continue;
    Instant usable_from = std::max(*one.takes_since, known->second);
    if (const auto avoided = account.left_alone_until.find(one.address); avoided != account.left_alone_until.end())
      usable_from = std::max(usable_from, avoided->second);
    const Duration gap = now - std::max(usable_from, *account.uncovered_since);
    const Duration limit = allowed_gap(account, usable_from);
    longest_gap_ = std::max(longest_gap_, std::chrono::duration<double>(gap) / std::chrono::duration<double>(limit));
    if (gap <= limit || account.uncovered_was_told) continue;
    account.uncovered_was_told = true;
    broken(fmt::format("{} has been nowhere for {} s, although {} would have taken it (T4, SWI-05, SWI-15): {} s are allowed", account.user,
                       gap / 1s, one.address.text(), limit / 1s));
  }
}

/// DIS-21: when a better server has accepted, the lower binding is let go.
void AgentCheckers::judge_hand_overs(const Holders& holders) {
  const Instant now = world_.clock.now();
  std::erase_if(hand_overs_, [&](const HandOver& one) {
    const AccountSight& account = accounts_.at(one.user);
    const AgentSight& agent = agents_[account.agent];
    const Place* const left = place(one.left);
    const auto avoided = account.left_alone_until.find(one.left);
    const bool had_refused = avoided != account.left_alone_until.end() && avoided->second >= one.confirmed_there;
    if (!agent.running || agent.started_at > one.confirmed_there || account.at == one.left || had_refused) return true;
    if (left == nullptr || !left->takes || *left->takes_since > one.confirmed_there) return true;
    const Place* const present = account.at ? place(*account.at) : nullptr;
    if (left->shares_books && present != nullptr && present->shares_books) return true;
    // What is under way may have arrived at the other server of the same books already.
    if (now - one.at < let_go_within || (left->shares_books && account.trying_since)) return false;
    if (holds(holders, one.left, one.user))
      broken(fmt::format("{} is at {} since {} s, and {} still holds it (DIS-21)", one.user,
                         account.at ? account.at->text().c_str() : "nowhere", (now - one.at) / 1s, one.left.text()));
    return true;
  });
}

bool AgentCheckers::all_at(const Address& place) const {
  return std::ranges::all_of(accounts_, [&](const auto& one) { return one.second.at == place; });
}

void AgentCheckers::judge_home(const Address& first, const Holders& holders) {
  for (const auto& [user, account] : accounts_) {
    if (!sim::holds(holders, first, user)) broken(fmt::format("{} is not at {} after the healing (DIS-21)", user, first.text()));
    for (const Place& one : places_) {
      const Place* const home = place(first);
      if (one.address == first || (one.shares_books && home != nullptr && home->shares_books)) continue;
      if (sim::holds(holders, one.address, user))
        broken(fmt::format("{} holds {} long after the healing (DIS-21)", one.address.text(), user));
    }
  }
}

void AgentCheckers::judge_left(Instant left_at, const Holders& holders) {
  for (const auto& [address, users] : holders)
    for (const std::string& user : users) {
      // A REGISTER that was under way may arrive after the removal, which left nothing behind to compare numbers with.
      const auto& sent = accounts_.at(user).registers;
      const bool was_under_way = std::ranges::any_of(sent, [&](Instant at) { return at > left_at - 1s && at < left_at; });
      if (!was_under_way) broken(fmt::format("{} still holds {} after it has left", address.text(), user));
    }
}

}  // namespace ringhold::sim
