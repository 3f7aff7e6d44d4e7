#include "calls/call_table.hpp"

#include <algorithm>

namespace ringhold::calls {

namespace {

Text key(std::string_view call_id, std::string_view tag) { return Text{call_id} + " " + Text{tag}; }

}  // namespace

CallId CallTable::find(std::string_view call_id, std::string_view tag, std::string_view other_tag) const {
  for (const std::string_view caller : {tag, other_tag})
    if (const auto found = by_dialog_.find(key(call_id, caller)); found != by_dialog_.end()) return found->second;
  return {};
}

void CallTable::renew(Call& call, Instant now) {
  call.end_by = now + (call.session > Duration{} ? std::min(call.session + session_grace, longest_call) : longest_call);
}

void CallTable::invited(const sip::Message& invite, Text caller, Text callee, std::string_view mode, Instant now, Outbox& outbox) {
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
  call.began = now;
  call.since = now;
  call.mode = mode;
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
  if (call->state == CallState::ringing) call->legs = Text{answer.legs};
  if (answer.status >= 300) {
    // A refused re-INVITE does not end the call (RFC 3261 §14.1).
    if (call->state != CallState::ringing) return;
    return end(id, End::refused, answer.status == 487 ? EndedBy::caller : EndedBy::callee, answer.status, now, outbox);
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
  if (std::ranges::none_of(call->dialogs, &Dialog::alive))
    end(id, End::bye, request.from_tag() == call->from_tag ? EndedBy::caller : EndedBy::callee, 0, now, outbox);
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

bool CallTable::is_of(const Row& row, WorkerNumber worker, WorkerNumber workers) {
  const Text* const id = row.columns.empty() ? nullptr : std::get_if<Text>(&row.columns[0]);
  if (id == nullptr || id->empty()) return worker == 0;
  const char last = id->back();
  const int digit = is_digit(last) ? last - '0' : last >= 'a' && last <= 'f' ? last - 'a' + 10 : 0;
  return digit % workers == worker;
}

Text CallTable::next_record_id(Instant began) {
  // As texts they are in order for the next centuries; several may begin in one millisecond, and at several workers.
  constexpr std::string_view digits = "0123456789abcdef";
  std::uint64_t number = static_cast<std::uint64_t>(to_unix_ms(began)) << 20U | (next_record_++ & 0xffffU) << 4U | (worker_ & 0xfU);
  Text id(16, '0');
  for (auto place = id.rbegin(); place != id.rend(); ++place, number >>= 4U) *place = digits[number & 0xfU];
  return id;
}

void CallTable::turned_away(const sip::Message& invite, std::string_view caller, std::string_view callee, std::string_view mode, int status,
                            Instant now, Outbox& outbox) {
  if (!log_.admits(now)) return;
  log_.add({.id = next_record_id(now),
            .call_id = Text{invite.call_id().substr(0, longest_text)},
            .caller = Text{caller.substr(0, longest_text)},
            .callee = Text{callee.substr(0, longest_text)},
            .began = now,
            .answered = std::nullopt,
            .ended = now,
            .how = End::refused,
            .by = EndedBy::nobody,
            .status = status,
            .mode = Text{mode},
            .legs = {}},
           outbox);
}

CallRecord CallTable::record_of(const Call& call, End how, EndedBy by, int status, Instant now) {
  const bool answered = call.state == CallState::answered;
  return {.id = next_record_id(call.began),
          .call_id = call.call_id.substr(0, longest_text),
          .caller = call.caller.substr(0, longest_text),
          .callee = call.callee.substr(0, longest_text),
          .began = call.began,
          .answered = answered ? std::optional{call.since} : std::nullopt,
          .ended = now,
          .how = how,
          .by = by,
          .status = answered ? 200 : status,
          .mode = Text{call.mode},
          .legs = call.legs.substr(0, longest_legs)};
}

void CallTable::end(CallId id, End how, EndedBy by, int status, Instant now, Outbox& outbox) {
  const Call& call = *calls_.find(id);
  const auto seconds = call.state == CallState::answered ? (now - call.since) / 1s : 0;
  outbox.note({"call_ended",
               {{"call_id", call.call_id},
                {"caller", call.caller},
                {"callee", call.callee},
                {"how", name(how)},
                {"status", status},
                {"talked_s", seconds}}});
  if (log_.admits(now)) log_.add(record_of(call, how, by, status, now), outbox);
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
    end(id, End::lost, EndedBy::nobody, 0, now, outbox);
  });
}

}  // namespace ringhold::calls
