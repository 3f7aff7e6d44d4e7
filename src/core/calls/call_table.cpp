#include "calls/call_table.hpp"

#include <algorithm>

namespace ringhold::calls {

namespace {

Text key(std::string_view call_id, std::string_view tag) { return Text{call_id} + " " + Text{tag}; }

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

void CallTable::renew(Call& call, Instant now) {
  call.end_by = now + (call.session > Duration{} ? std::min(call.session + session_grace, longest_call) : longest_call);
}

void CallTable::invited(const sip::Message& invite, Text caller, Text callee, Instant now, Outbox& outbox) {
  const Text dialog = key(invite.call_id(), invite.from_tag());
  if (by_dialog_.contains(dialog)) return;
  const CallId id = calls_.insert();
  if (!id) {
    ++untracked_;
    return;
  }
  Call& call = *calls_.find(id);
  call.call_id = Text{invite.call_id()};
  call.from_tag = Text{invite.from_tag()};
  call.caller = std::move(caller);
  call.callee = std::move(callee);
  call.since = now;
  call.end_by = now + longest_ringing;
  by_dialog_.emplace(dialog, id);
  join(call.caller);
  join(call.callee);
  schedule(id, call);
  outbox.note({"call_started", {{"call_id", call.call_id}, {"caller", call.caller}, {"callee", call.callee}}});
}

void CallTable::responded(const Answer& answer, Instant now, Outbox& outbox) {
  const CallId id = find(answer.call_id, answer.from_tag, answer.to_tag);
  Call* call = calls_.find(id);
  if (call == nullptr || answer.status < 200) return;
  if (answer.status >= 300) {
    // A refused re-INVITE does not end the call (RFC 3261 §14.1).
    if (call->state == CallState::ringing) end(id, End::refused, answer.status, now, outbox);
    return;
  }
  // Of a re-INVITE by the callee the tags stand the other way round.
  const std::string_view callee_tag = answer.from_tag == call->from_tag ? answer.to_tag : answer.from_tag;
  const auto dialog = std::ranges::find(call->dialogs, callee_tag, &Dialog::callee_tag);
  if (dialog == call->dialogs.end()) {
    if (call->dialogs.size() < dialogs_per_call) call->dialogs.push_back({Text{callee_tag}});
  } else if (!dialog->alive) {
    return;
  }
  call->session = answer.session;
  renew(*call, now);
  schedule(id, *call);
  if (call->state == CallState::answered) return;
  call->state = CallState::answered;
  call->since = now;
  outbox.note({"call_answered", {{"call_id", call->call_id}, {"caller", call->caller}, {"callee", call->callee}}});
}

void CallTable::refreshed(const Answer& answer, Instant now) {
  const CallId id = find(answer.call_id, answer.from_tag, answer.to_tag);
  Call* call = calls_.find(id);
  if (call == nullptr || call->state != CallState::answered || answer.status >= 300) return;
  call->session = answer.session;
  renew(*call, now);
  schedule(id, *call);
}

void CallTable::passed(const sip::Message& request, Instant now, Outbox& outbox) {
  const CallId id = find(request.call_id(), request.from_tag(), request.to_tag());
  Call* call = calls_.find(id);
  // A BYE while it rings ends an early dialog only (RFC 3261 §15); the INVITE still gets its final response.
  if (call == nullptr || call->state != CallState::answered) return;
  if (request.method() != sip::Method::bye) {
    // A session timer is refreshed by a 2xx only.
    if (call->session == Duration{}) renew(*call, now);
    return;
  }
  const std::string_view callee_tag = request.from_tag() == call->from_tag ? request.to_tag() : request.from_tag();
  const auto dialog = std::ranges::find(call->dialogs, callee_tag, &Dialog::callee_tag);
  if (dialog == call->dialogs.end()) return;
  dialog->alive = false;
  if (std::ranges::none_of(call->dialogs, &Dialog::alive)) end(id, End::bye, 0, now, outbox);
}

bool CallTable::knows(const sip::Message& request) const {
  return static_cast<bool>(find(request.call_id(), request.from_tag(), request.to_tag()));
}

void CallTable::join(const Text& aor) {
  if (++by_party_[aor] == 1 && notes_parties_) parties_.push_back({aor, true});
}

void CallTable::leave(const Text& aor) {
  const auto found = by_party_.find(aor);
  if (found == by_party_.end() || --found->second != 0) return;
  by_party_.erase(found);
  if (notes_parties_) parties_.push_back({aor, false});
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
  leave(call.caller);
  leave(call.callee);
  by_dialog_.erase(key(call.call_id, call.from_tag));
  calls_.erase(id);
}

void CallTable::schedule(CallId id, Call& call) {
  if (call.end_by >= call.in_wheel) return;
  call.in_wheel = call.end_by;
  wheel_.add(call.end_by, id);
}

void CallTable::expire(Instant now, Outbox& outbox) {
  wheel_.expire(now, [&](CallId id) {
    Call* call = calls_.find(id);
    if (call == nullptr || now < call->in_wheel) return;  // an entry left from a deadline that was moved forward
    call->in_wheel = Instant::max();
    if (call->end_by > now) return schedule(id, *call);
    end(id, End::lost, 0, now, outbox);
  });
}

}  // namespace ringhold::calls
