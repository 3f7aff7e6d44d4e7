#include "calls/call_table.hpp"

namespace ringhold::calls {

namespace {

Text key(std::string_view call_id, std::string_view tag) { return Text{call_id} + " " + Text{tag}; }

Text party(const Result<sip::NameAddr>& address) {
  if (!address) return {};
  return sip::address_of_record(address->uri).value_or(Text{});
}

std::string_view name(End how) {
  switch (how) {
    case End::bye: return "bye";
    case End::refused: return "refused";
    case End::lost: return "lost";
  }
  return "";
}

}  // namespace

CallId CallTable::find(std::string_view call_id, std::string_view tag, std::string_view other_tag) const {
  for (const std::string_view caller : {tag, other_tag})
    if (const auto found = by_dialog_.find(key(call_id, caller)); found != by_dialog_.end()) return found->second;
  return {};
}

void CallTable::invited(const sip::Message& invite, Instant now, Outbox& outbox) {
  const Text dialog = key(invite.call_id(), invite.from_tag());
  if (by_dialog_.contains(dialog)) return;
  const CallId id = calls_.insert(Call{Text{invite.call_id()}, Text{invite.from_tag()}, party(invite.from()), party(invite.to()),
                                       CallState::ringing, now, now + longest_ringing});
  if (!id) {
    ++untracked_;
    return;
  }
  const Call& call = *calls_.find(id);
  by_dialog_.emplace(dialog, id);
  ++by_party_[call.caller];
  ++by_party_[call.callee];
  wheel_.add(call.end_by, id);
  outbox.note({"call_started", {{"call_id", call.call_id}, {"caller", call.caller}, {"callee", call.callee}}});
}

void CallTable::responded(std::string_view call_id, std::string_view from_tag, int status, Instant now, Outbox& outbox) {
  const CallId id = find(call_id, from_tag, from_tag);
  Call* call = calls_.find(id);
  if (call == nullptr || status < 200) return;
  if (status >= 300) {
    // A refused re-INVITE does not end the call (RFC 3261 §14.1).
    if (call->state == CallState::ringing) end(id, End::refused, status, now, outbox);
    return;
  }
  call->end_by = now + longest_call;
  if (call->state == CallState::answered) return;
  call->state = CallState::answered;
  call->since = now;
  outbox.note({"call_answered", {{"call_id", call->call_id}, {"caller", call->caller}, {"callee", call->callee}}});
}

void CallTable::passed(const sip::Message& request, Instant now, Outbox& outbox) {
  const CallId id = find(request.call_id(), request.from_tag(), request.to_tag());
  Call* call = calls_.find(id);
  if (call == nullptr) return;
  if (request.method() == sip::Method::bye) return end(id, End::bye, 0, now, outbox);
  if (call->state == CallState::answered) call->end_by = now + longest_call;
}

void CallTable::end(CallId id, End how, int status, Instant now, Outbox& outbox) {
  const Call& call = *calls_.find(id);
  const auto seconds = call.state == CallState::answered ? (now - call.since) / 1s : 0;
  outbox.note({"call_ended",
               {{"call_id", call.call_id},
                {"caller", call.caller},
                {"callee", call.callee},
                {"how", name(how)},
                {"status", status},
                {"talked_s", seconds}}});
  for (const Text& one : {call.caller, call.callee})
    if (const auto found = by_party_.find(one); found != by_party_.end() && --found->second == 0) by_party_.erase(found);
  by_dialog_.erase(key(call.call_id, call.from_tag));
  calls_.erase(id);
}

void CallTable::expire(Instant now, Outbox& outbox) {
  wheel_.expire(now, [&](CallId id) {
    const Call* call = calls_.find(id);
    if (call == nullptr) return;
    if (call->end_by > now) return wheel_.add(call->end_by, id);
    end(id, End::lost, 0, now, outbox);
  });
}

}  // namespace ringhold::calls
