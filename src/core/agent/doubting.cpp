// What fails beside registrations makes the account ask for itself (SWI-13, SWI-14).
#include <algorithm>

#include "agent/state.hpp"
#include "base/hash.hpp"

namespace ringhold::agent {

namespace {

constexpr Duration just_now = 5s;  ///< so long a registration answers for what fails after it
constexpr std::size_t most_awaited_acks = 10'000;

/// A dialog, by who called.
std::uint64_t dialog_of(std::string_view call_id, std::string_view caller, std::string_view callee) {
  std::uint64_t hash = quick_hash(call_id);
  for (const std::string_view tag : {caller, callee}) hash = hash * 0x9e3779b97f4a7c15U + quick_hash(tag);
  return hash;
}

}  // namespace

void Agent::State::doubt(AccountIndex index, const Target& server, std::string_view why, Instant now, Outbox& outbox) {
  Account& account = at(index);
  if (account.bound_at != server || !switching::has_service(account.state) || account.doubted_at <= now) return;
  // SWI-14: what fails together is asked about once.
  if (account.last.why == Why::none && account.last.server == server && now - account.last.at < just_now) return;
  outbox.note({"agent_server_doubted", {{"aor", account.settings.aor}, {"server", server.text()}, {"why", why}}});
  account.doubted_at = now;
  keep_time(index);
}

void Agent::State::await_ack(const sip::Message& response, AccountIndex index, const Packet& arrival, Instant now) {
  const Account& account = at(index);
  if (!account.bound_at || account.bound_at->endpoint.address != arrival.remote.address || edge.awaited_acks.size() == most_awaited_acks)
    return;
  edge.awaited_acks.push_back({dialog_of(response.call_id(), response.from_tag(), response.to_tag()), index, *account.bound_at,
                               now + transaction::Timers{}.timeout()});
}

void Agent::State::acknowledged(const sip::Message& ack) {
  if (edge.awaited_acks.empty()) return;
  const std::uint64_t dialog = dialog_of(ack.call_id(), ack.from_tag(), ack.to_tag());
  const auto found = std::ranges::find(edge.awaited_acks, dialog, &AwaitedAck::dialog);
  if (found != edge.awaited_acks.end()) edge.awaited_acks.erase(found);
}

void Agent::State::expire_acks(Instant now, Outbox& outbox) {
  while (!edge.awaited_acks.empty() && edge.awaited_acks.front().until <= now) {
    const AwaitedAck lost = edge.awaited_acks.front();
    edge.awaited_acks.pop_front();
    doubt(lost.account, lost.server, "no ack", now, outbox);
  }
}

}  // namespace ringhold::agent
