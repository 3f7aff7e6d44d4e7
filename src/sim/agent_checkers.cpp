// What agents send and get; what follows from what servers hold stands in agent_cover.cpp.
#include "sim/agent_checkers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.hpp"

namespace ringhold::sim {

namespace {

constexpr Duration timer_f = 32s;
constexpr Duration pace_window = 5min;
// 10 ms apart, drawn over a span: 100 per second, and what chance makes of it (four standard deviations).
constexpr std::size_t most_in_a_second = 140;
constexpr Duration options_window = 60s;

void forget_before(std::deque<Instant>& moments, Instant earliest) {
  while (!moments.empty() && moments.front() < earliest) moments.pop_front();
}

}  // namespace

void AgentCheckers::broken(std::string what) {
  const double seconds = std::chrono::duration<double>(world_.clock.now() - world_.clock.start()).count();
  world_.ladder.event(world_.clock.now(), "BROKEN", what);
  if (violations_.size() < 20) violations_.push_back(fmt::format("at {:.3f} s: {}", seconds, what));
}

void AgentCheckers::know(unsigned number, const agent::Settings& settings) {
  agents_[number].settings = settings;
  for (const auto& one : settings.accounts) {
    AccountSight account;
    account.agent = number;
    account.user = user_of(std::string_view{one.aor});
    accounts_.emplace(account.user, account);
  }
}

void AgentCheckers::world_changed() {
  changes_.push_back(world_.clock.now());
  forget_before(changes_, world_.clock.now() - pace_window);
}

void AgentCheckers::agent_started(unsigned number) {
  agents_[number].start(world_.clock.now());
  for (auto& [user, account] : accounts_) {
    if (account.agent != number) continue;
    account.at.reset();
    account.trying_since.reset();
    account.uncovered_since.reset();
    account.left_alone_until.clear();
    account.least_grant = 24h;
  }
}

void AgentCheckers::agent_killed(unsigned number) {
  agents_[number].running = false;
  for (auto& [user, account] : accounts_)
    // X5: the last second's rows may be lost.
    if (account.agent == number && world_.clock.now() - account.call_id_since < 1s) account.may_renumber = true;
}

void AgentCheckers::agent_spins(unsigned number) { broken(fmt::format("the timers of agent{} spin", number)); }

void AgentCheckers::box_noted(std::string_view fact, std::string_view aor) {
  if (fact != "restart_detected") return;
  const auto account = accounts_.find(user_of(aor));
  if (account != accounts_.end() && !account->second.renumbered)
    broken(fmt::format("the box took {} for restarted (X-01, X-03, X-05)", aor));
}

void AgentCheckers::agent_sent(unsigned number, const Datagram& datagram) {
  if (datagram.to.port == bench::dns_port) return;
  const auto message = parse_sip(datagram.bytes);
  if (!message) return broken(fmt::format("agent{} sent bytes that are no SIP message", number));
  if (!message->is_request() || !seen_.insert(parameter(message->get("Via"), "branch").value_or("")).second) return;
  if (message->method == "REGISTER") return sent_register(number, *message, datagram.to.address);
  if (message->method == "OPTIONS") return sent_options(number, *message, datagram.to.address);
  broken(fmt::format("agent{} sent {}", number, message->method));
}

void AgentCheckers::agent_received(unsigned number, const Datagram& datagram) {
  if (datagram.from.port == bench::dns_port) return agents_[number].take_dns(datagram.bytes, world_.clock.now());
  const auto message = parse_sip(datagram.bytes);
  if (message && !message->is_request() && message->status >= 200) answered(number, *message, datagram.from.address);
}

void AgentCheckers::sent_register(unsigned number, const SipMessage& request, const Address& to) {
  ++registers_;
  const Instant now = world_.clock.now();
  const auto known = accounts_.find(user_of(uri_of(request.get("To"))));
  if (known == accounts_.end() || known->second.agent != number)
    return broken("a REGISTER for nobody's account: " + describe_sip(request.text()));
  AccountSight& account = known->second;
  const bool removal = removes(request);
  const std::string branch = parameter(request.get("Via"), "branch").value_or("");
  open_[branch] = {account.user, to, removal, now};
  judge_numbers(account, request, to);
  account.registers.push_back(now);
  judge_pace(account);
  if (removal) return;
  account.latest = branch;
  // SWI-17: who goes back to a better place than where he is, and not by the credentials that he was asked for.
  if (account.at && account.at != to && !account.trying_since && request.get("Authorization").empty()) judge_spread(number, to);
  if (!account.trying_since) account.trying_since = now;
  std::erase_if(hand_overs_, [&](const HandOver& one) { return one.user == account.user && one.left == to; });
}

void AgentCheckers::sent_options(unsigned number, const SipMessage& request, const Address& to) {
  const Instant now = world_.clock.now();
  const AgentSight& agent = agents_[number];
  const switching::Settings& pauses = agent.settings.switching;
  const std::string protocol = protocol_of(request);
  // only to who has an account, or to who is better than where one is. Without NAPTR all places over UDP come before those over TCP.
  bool is_wanted = false;
  for (const auto& [user, account] : accounts_)
    if (account.agent == number && !is_wanted)
      is_wanted = !account.at || account.trying_since || (account.by == "SIP/2.0/TCP" && protocol == "SIP/2.0/UDP") ||
                  !agent.is_lower(to, *account.at, now);
  if (!is_wanted) broken(fmt::format("agent{} sent OPTIONS to {}, where it has no reason to look (X-27)", number, to.text()));
  // A heartbeat at least 0.8 of its pace after the last word, or 0.4 after one that was lost; of candidates that answer a sixth of
  // return_after is the pace, of those that do not a third. Each time that the reason changes there may be one at once.
  const Duration shortest = std::min(pauses.heartbeat * 2 / 5, std::max<Duration>(pauses.return_after / 6, 500ms) * 4 / 5);
  auto& sent = options_[{number, protocol + " " + to.text()}];
  sent.push_back(now);
  forget_before(sent, now - options_window);
  const std::size_t most = static_cast<std::size_t>(options_window / shortest) + 4;
  if (sent.size() > most) broken(fmt::format("agent{} sent {} OPTIONS to {} within a minute (X-27)", number, sent.size(), to.text()));
}

void AgentCheckers::answered(unsigned number, const SipMessage& response, const Address& from) {
  const std::string branch = parameter(response.get("Via"), "branch").value_or("");
  const auto found = open_.find(branch);
  if (found == open_.end()) return;
  const RegisterSight sent = found->second;
  open_.erase(found);
  const Instant now = world_.clock.now();
  AccountSight& account = accounts_.at(sent.user);
  // It does not wait for that any more: SWI-14, one at a time.
  if (now - sent.at > timer_f || sent.at < agents_[number].started_at || (!sent.removes && branch != account.latest)) return;
  if (response.status == 401 || response.status == 407) {
    // A REGISTER and its credentials are one attempt.
    if (!account.registers.empty()) account.registers.pop_back();
  } else if (response.status == 400) {
    account.may_renumber = true;
  } else if (response.status == 503) {
    const auto seconds = parse_number(response.get("Retry-After")).value_or(0);
    account.left_alone_until[from] = now + std::chrono::seconds{seconds};
  } else if (response.status < 300) {
    if (!sent.removes)
      taken(account, response, from);
    else if (account.at == from)
      account.at.reset();
  }
}

void AgentCheckers::taken(AccountSight& account, const SipMessage& response, const Address& by) {
  const Instant now = world_.clock.now();
  judge_switch(account, by);
  const bool is_better =
      account.at && *account.at != by && now < account.granted_until && !agents_[account.agent].is_lower(by, *account.at, now);
  if (is_better) hand_overs_.push_back({account.user, *account.at, account.confirmed_at, now});
  const Duration granted = std::chrono::seconds{parse_number(parameter(response.get("Contact"), "expires").value_or("")).value_or(0)};
  account.at = by;
  account.by = protocol_of(response);
  account.confirmed_at = now;
  account.granted_until = now + granted;
  account.least_grant = std::min(account.least_grant, granted);
  account.trying_since.reset();
}

void AgentCheckers::judge_numbers(AccountSight& account, const SipMessage& request, const Address& to) {
  std::string call_id{request.get("Call-ID")};
  if (account.call_id != call_id) {
    // SWI-08, SWI-20.
    if (!account.call_id.empty()) {
      if (!account.may_renumber) broken(fmt::format("{} has another Call-ID than before (SWI-20)", account.user));
      account.renumbered = true;
    }
    account.call_id = call_id;
    account.call_id_since = world_.clock.now();
  }
  account.may_renumber = false;
  const unsigned number = request.cseq_number();
  // RFC 3261 §10.3 step 7: a registrar does not take the same number in another request either. By another transport it is the next
  // server, whose request is the same (RFC 3263 §4.3).
  const bool is_tcp = request.get("Via").starts_with("SIP/2.0/TCP");
  const auto [last, is_first] = account.cseq.try_emplace({call_id + (is_tcp ? " tcp" : " udp"), to}, number);
  if (!is_first && number <= last->second)
    broken(fmt::format("{} sent CSeq {} to {} after {} (SWI-20)", account.user, number, to.text(), last->second));
  last->second = number;
}

std::size_t AgentCheckers::most_registers(const AccountSight& account) const {
  const AgentSight& agent = agents_.at(account.agent);
  const switching::Settings& pauses = agent.settings.switching;
  const std::size_t targets = agent.targets();
  // SWI-08: three at each target in a round: refused, removed, refused again. Between rounds timer 1, doubling, or timer 2 (SWI-18).
  const std::size_t round = 3 * targets;
  std::size_t rounds = 1;
  if (targets == 1) {
    rounds += static_cast<std::size_t>(pace_window / (pauses.retry_single * 4 / 5));
  } else {
    for (Duration waited = pauses.retry_all * 4 / 5; waited < pace_window; waited = waited * 2 + pauses.retry_all * 4 / 5) ++rounds;
  }
  // Who is registered: at each lost heartbeat, or refresh; and once for each better server that answers OPTIONS and takes nobody.
  const Duration lost = pauses.heartbeat * 2 / 5 + std::min<Duration>(pauses.heartbeat / 2, 8s);
  const auto refreshed = std::max<Duration>(account.least_grant * 27 / 40, 1s);
  const std::size_t stays = static_cast<std::size_t>(pace_window / std::min(lost, refreshed)) +
                            (targets - 1) * static_cast<std::size_t>(pace_window / pauses.return_after);
  return round + std::max(rounds * round, stays) + changes_.size() * (round + 2);
}

void AgentCheckers::judge_pace(AccountSight& account) {
  const Instant now = world_.clock.now();
  forget_before(account.registers, now - pace_window);
  forget_before(changes_, now - pace_window);
  if (const std::size_t most = most_registers(account); account.registers.size() > most)
    broken(fmt::format("{} REGISTERs of {} within five minutes, {} changes: more than {} (SWI-05, SWI-09)", account.registers.size(),
                       account.user, changes_.size(), most));
}

void AgentCheckers::judge_spread(unsigned number, const Address& to) {
  const Instant now = world_.clock.now();
  auto& sent = burst_[{number, to}];
  sent.push_back(now);
  forget_before(sent, now - 1s);
  if (sent.size() > most_in_a_second)
    broken(fmt::format("agent{} sent {} REGISTERs to {} within a second (X-24, SWI-17)", number, sent.size(), to.text()));
}

}  // namespace ringhold::sim
