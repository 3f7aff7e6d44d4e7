#include "calls/call_table.hpp"

#include <algorithm>
#include <utility>

#include "base/hash.hpp"
#include "calls/dialog_journal.hpp"
#include "sip/name_addr.hpp"

namespace ringhold::calls {

namespace {

std::uint32_t hash_of(std::string_view text) { return static_cast<std::uint32_t>(quick_hash(text)); }
std::uint32_t hash_of(std::string_view call_id, std::string_view tag) {
  return static_cast<std::uint32_t>(quick_hash(call_id) * 0x9e37'79b9'7f4a'7c15U >> 32U) ^ hash_of(tag);
}

/// Of From and To: what a request in the dialog has to repeat, where that is not simply the AOR. Nothing when it is too long.
std::optional<Text> uris_of(const sip::Message& invite, const Attempt& attempt) {
  const auto& from = invite.from();
  const auto& to = invite.to();
  if (!from || !to || from->uri_text.size() > longest_text || to->uri_text.size() > longest_text) return std::nullopt;
  if (from->uri_text == attempt.caller && to->uri_text == attempt.callee) return Text{};
  return Text{from->uri_text}.append("\n").append(to->uri_text);
}

/// Takes over what a Contact says of where its sender is. False: it cannot be kept, so that nobody knows.
bool take_target(Text& target, const sip::Message& message) {
  if (message.line(sip::Header::contact) == nullptr) return !target.empty();
  const auto contact = sip::NameAddr::parse(message.value(sip::Header::contact), "Contact");
  target = contact && contact->uri_text.size() <= longest_text ? Text{contact->uri_text} : Text{};
  return !target.empty();
}

/// The routes of a response; without all of them the other end cannot be reached: nothing.
std::optional<Text> routes_of(const sip::Message& response) {
  Text routes;
  response.for_each_value(sip::Header::record_route, [&](std::string_view value, const sip::HeaderLine&) {
    routes.append(routes.empty() ? "" : ", ").append(value);
    return routes.size() <= longest_routes;
  });
  return routes.size() <= longest_routes ? std::optional{std::move(routes)} : std::nullopt;
}

}  // namespace

std::uint32_t CallTable::find_index(std::string_view call_id, std::string_view caller_tag) const {
  return by_dialog_.find(hash_of(call_id, caller_tag), [&](std::uint32_t index) {
    const Call& call = calls_.at(index);
    return call.call_id == call_id && call.from_tag == caller_tag;
  });
}

CallId CallTable::find(std::string_view call_id, std::string_view tag, std::string_view other_tag) const {
  for (const std::string_view caller : {tag, other_tag})
    if (const std::uint32_t index = find_index(call_id, caller); index != Index::none) return calls_.id_at(index);
  return {};
}

void CallTable::renew(Call& call, Instant now) {
  call.end_by = now + (call.session > Duration{} ? std::min(call.session + session_grace, longest_call) : longest_call);
}

CallId CallTable::track(Call call) {
  const CallId id = calls_.insert();
  if (!id) {
    ++untracked_;
    return id;
  }
  Call& kept = *calls_.find(id);
  kept = std::move(call);
  by_dialog_.set(hash_of(kept.call_id, kept.from_tag), id.index, [&](std::uint32_t index) { return index == id.index; });
  join(id.index * 2);
  join(id.index * 2 + 1);
  schedule(id, kept);
  return id;
}

void CallTable::invited(const sip::Message& invite, Attempt attempt, Instant now, Outbox& outbox) {
  if (find_index(invite.call_id(), invite.from_tag()) != Index::none) return;
  if (invite.call_id().size() > longest_text || invite.from_tag().size() > longest_text) {
    ++untracked_;
    return;
  }
  Call call;
  call.call_id = Text{invite.call_id()};
  call.from_tag = Text{invite.from_tag()};
  auto uris = uris_of(invite, attempt);
  call.parties = {std::move(attempt.caller), std::move(attempt.callee)};
  call.caller_whole = take_target(call.caller_target, invite) && uris;
  call.uris = std::move(uris).value_or(Text{});
  call.caller_at = attempt.from;
  call.invite_cseq = invite.cseq() ? invite.cseq()->number : 0;
  call.search = attempt.search;
  call.follows_bindings = attempt.follows_bindings;
  call.began = now;
  call.since = now;
  call.mode = attempt.mode;
  call.end_by = now + longest_ringing;
  const CallId id = track(std::move(call));
  if (!id) return;
  const Call& kept = *calls_.find(id);
  if (!attempt.terminal.empty()) rename(id, Side::caller, attempt.terminal);
  outbox.note({"call_started", {{"call_id", kept.call_id}, {"caller", kept.party(Side::caller)}, {"callee", kept.party(Side::callee)}}});
}

Dialog* CallTable::take_dialog(Call& call, const Answer& answer) {
  // Of a re-INVITE by the callee the tags stand the other way round.
  const bool by_caller = answer.from_tag == call.from_tag;
  const std::string_view callee_tag = by_caller ? answer.to_tag : answer.from_tag;
  Dialog* dialog = call.find(callee_tag);
  // Those that only ring make room for one that was answered.
  const bool is_final = answer.status >= 200;
  if (dialog == nullptr && is_final) forget_early(call);
  const std::size_t most = is_final ? dialogs_per_call : early_per_call;
  if (dialog == nullptr && call.dialogs.size() < most && callee_tag.size() <= longest_text) {
    dialog = &call.dialogs.emplace_back();
    dialog->callee_tag = Text{callee_tag};
    dialog->cseq[index_of(Side::caller)] = call.invite_cseq;
    dialog->early = true;
  }
  if (dialog == nullptr || answer.response == nullptr) return dialog;
  // Whoever answers says where he is from now on (§12.2.1.2).
  if (by_caller)
    dialog->whole = take_target(dialog->callee_target, *answer.response) && dialog->whole;
  else
    call.caller_whole = take_target(call.caller_target, *answer.response) && call.caller_whole;
  (by_caller ? dialog->callee_at : call.caller_at) = answer.from;
  // Routes stay what they were when the dialog was confirmed (§12.1.2, §13.2.2.4).
  if (dialog->early) {
    auto routes = routes_of(*answer.response);
    dialog->whole = routes && !dialog->callee_target.empty();
    dialog->routes = std::move(routes).value_or(Text{});
  }
  return dialog;
}

void CallTable::rang(const Answer& answer) {
  Call* call = calls_.find(find(answer.call_id, answer.from_tag, answer.to_tag));
  if (call == nullptr || call->state != CallState::ringing || answer.to_tag.empty()) return;
  const Dialog* dialog = call->find(answer.to_tag);
  if (dialog == nullptr || dialog->callee_target.empty()) take_dialog(*call, answer);
}

bool CallTable::responded(const Answer& answer, Instant now, Outbox& outbox) {
  const CallId id = find(answer.call_id, answer.from_tag, answer.to_tag);
  Call* call = calls_.find(id);
  if (call == nullptr || answer.status < 200) return false;
  if (call->state == CallState::ringing) call->legs = Text{answer.legs};
  if (answer.status >= 300) {
    // A refused re-INVITE does not end the call (RFC 3261 §14.1).
    if (call->state != CallState::ringing) return false;
    if (call->restarted)
      end(id, End::terminal_restart, ended_by(*call->restarted), answer.status, now, outbox);
    else
      end(id, End::refused, answer.status == 487 ? EndedBy::caller : EndedBy::callee, answer.status, now, outbox);
    return false;
  }
  Dialog* dialog = take_dialog(*call, answer);
  if (dialog != nullptr && !dialog->alive) return false;
  call->session = answer.session;
  renew(*call, now);
  schedule(id, *call);
  if (dialog != nullptr) {
    dialog->early = false;
    keep(*call, *dialog, now, outbox);
  }
  if (!answer.terminal.empty()) rename(id, answer.from_tag == call->from_tag ? Side::callee : Side::caller, answer.terminal);
  if (call->state == CallState::answered) return call->restarted.has_value();
  forget_early(*call);
  call->state = CallState::answered;
  call->since = now;
  outbox.note(
      {"call_answered", {{"call_id", call->call_id}, {"caller", call->party(Side::caller)}, {"callee", call->party(Side::callee)}}});
  return call->restarted.has_value();
}

void CallTable::rename(CallId id, Side side, std::string_view aor) {
  Call& call = *calls_.find(id);
  if (call.party(side) == aor) return;
  // B1 speaks of the device: an anonymous caller, or somebody who answers in another's place, is found by his own AOR.
  if (call.uris.empty()) call.uris = call.party(Side::caller) + "\n" + call.party(Side::callee);
  const std::uint32_t node = id.index * 2 + static_cast<std::uint32_t>(index_of(side));
  leave(node);
  call.parties[index_of(side)] = Text{aor};
  call.other_aor[index_of(side)] = true;
  call.next_of_party[index_of(side)] = call.previous_of_party[index_of(side)] = Call::none;
  join(node);
}

void CallTable::forget_early(Call& call) {
  const auto end = std::remove_if(call.dialogs.begin(), call.dialogs.end(), [](const Dialog& one) { return one.early; });
  call.dialogs.erase(end, call.dialogs.end());
}

void CallTable::refreshed(const Answer& answer, Instant now, Outbox& outbox) {
  const CallId id = find(answer.call_id, answer.from_tag, answer.to_tag);
  Call* call = calls_.find(id);
  if (call == nullptr || call->state != CallState::answered || answer.status >= 300) return;
  const bool by_caller = answer.from_tag == call->from_tag;
  const Dialog* dialog = call->find(by_caller ? answer.to_tag : answer.from_tag);
  if (dialog == nullptr || !dialog->alive) return;
  keep(*call, *take_dialog(*call, answer), now, outbox);
  call->session = answer.session;
  renew(*call, now);
  schedule(id, *call);
}

void CallTable::passed(const sip::Message& request, const Target& from, Instant now, Outbox& outbox) {
  const CallId id = find(request.call_id(), request.from_tag(), request.to_tag());
  Call* call = calls_.find(id);
  if (call == nullptr) return;
  const Side side = request.from_tag() == call->from_tag ? Side::caller : Side::callee;
  Dialog* dialog = call->find(side == Side::caller ? request.to_tag() : request.from_tag());
  // §12.2.2: a target refresh.
  const bool refreshes = request.method() == sip::Method::invite || request.method() == sip::Method::update;
  if (dialog != nullptr) {
    if (const auto& cseq = request.cseq()) dialog->cseq[index_of(side)] = std::max(dialog->cseq[index_of(side)], cseq->number);
    (side == Side::caller ? call->caller_at : dialog->callee_at) = from;
    if (refreshes && side == Side::caller) call->caller_whole = take_target(call->caller_target, request) && call->caller_whole;
    if (refreshes && side == Side::callee) dialog->whole = take_target(dialog->callee_target, request) && dialog->whole;
  }
  // A BYE while it rings ends an early dialog only (RFC 3261 §15); the INVITE still gets its final response.
  if (call->state != CallState::answered) return;
  if (request.method() != sip::Method::bye) {
    // A session timer is refreshed by a 2xx only.
    if (call->session == Duration{}) renew(*call, now);
    // A row is as old as a second at most; whatever passes, the disk is not worn out by it.
    if (dialog != nullptr && dialog->alive && (refreshes || now >= call->kept_at + 1s)) keep(*call, *dialog, now, outbox);
    return;
  }
  // Of more dialogs than are kept one may be unknown.
  if (dialog == nullptr && is_up(*call)) return;
  if (dialog != nullptr) {
    if (!std::exchange(dialog->alive, false)) return;
    forget(*call, *dialog, outbox);
  }
  if (!is_up(*call)) end(id, End::bye, ended_by(side), 0, now, outbox);
}

void CallTable::release(CallId id, std::string_view callee_tag, Side restarted, Instant now, Outbox& outbox) {
  Call* call = calls_.find(id);
  Dialog* dialog = call == nullptr ? nullptr : call->find(callee_tag);
  if (dialog == nullptr || !std::exchange(dialog->alive, false)) return;
  forget(*call, *dialog, outbox);
  if (call->state == CallState::answered && !is_up(*call)) end(id, End::terminal_restart, ended_by(restarted), 0, now, outbox);
}

void CallTable::note_restarted(CallId id, Side side) {
  if (Call* call = calls_.find(id)) call->restarted = side;
}

bool CallTable::is_up(const Call& call) {
  return std::ranges::any_of(call.dialogs, [](const Dialog& dialog) { return dialog.alive && !dialog.early; });
}

bool CallTable::knows(const sip::Message& request) const {
  return static_cast<bool>(find(request.call_id(), request.from_tag(), request.to_tag()));
}

std::uint32_t CallTable::first_of(std::string_view aor) const {
  return by_party_.find(hash_of(aor), [&](std::uint32_t node) { return party_at(node) == aor; });
}

std::vector<std::pair<CallId, Side>> CallTable::calls_of(std::string_view aor) const {
  std::vector<std::pair<CallId, Side>> found;
  for (std::uint32_t node = first_of(aor); node != Call::none; node = calls_.at(node / 2).next_of_party[node % 2])
    found.emplace_back(calls_.id_at(node / 2), node % 2 == 0 ? Side::caller : Side::callee);
  return found;
}

void CallTable::join(std::uint32_t node) {
  const Text& aor = party_at(node);
  const std::uint32_t first = first_of(aor);
  if (first == Call::none) {
    if (notes_parties_) parties_.push_back({aor, true});
  } else {
    calls_.at(first / 2).previous_of_party[first % 2] = node;
    calls_.at(node / 2).next_of_party[node % 2] = first;
  }
  by_party_.set(hash_of(aor), node, [&](std::uint32_t other) { return party_at(other) == aor; });
}

void CallTable::leave(std::uint32_t node) {
  const Text& aor = party_at(node);
  const auto is_chain = [&](std::uint32_t other) { return party_at(other) == aor; };
  const std::uint32_t next = calls_.at(node / 2).next_of_party[node % 2];
  const std::uint32_t previous = calls_.at(node / 2).previous_of_party[node % 2];
  if (next != Call::none) calls_.at(next / 2).previous_of_party[next % 2] = previous;
  if (previous != Call::none) {
    calls_.at(previous / 2).next_of_party[previous % 2] = next;
  } else if (next != Call::none) {
    by_party_.set(hash_of(aor), next, is_chain);
  } else {
    by_party_.erase(hash_of(aor), is_chain);
    if (notes_parties_) parties_.push_back({aor, false});
  }
}

void CallTable::end(CallId id, End how, EndedBy by, int status, Instant now, Outbox& outbox) {
  const Call& call = *calls_.find(id);
  const auto seconds = call.state == CallState::answered ? (now - call.since) / 1s : 0;
  outbox.note({"call_ended",
               {{"call_id", call.call_id},
                {"caller", call.party(Side::caller)},
                {"callee", call.party(Side::callee)},
                {"how", name(how)},
                {"status", status},
                {"talked_s", seconds}}});
  if (log_.admits(now)) log_.add(record_of(call, how, by, status, now), outbox);
  for (const Dialog& dialog : call.dialogs)
    if (dialog.alive && !dialog.early) forget(call, dialog, outbox);
  leave(id.index * 2);
  leave(id.index * 2 + 1);
  by_dialog_.erase(hash_of(call.call_id, call.from_tag), [&](std::uint32_t index) { return index == id.index; });
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
