// Whose calls are asked: terminals that seem to have lost them, and which dialogs are theirs.
#include <algorithm>

#include "calls/release.hpp"
#include "sip/uri.hpp"

namespace ringhold::calls {

namespace {

/// The place of the terminal that a side of a call is at; null: it is another terminal's. Where requests to it go says that
/// best; where they come from may be a proxy, or a NAT, of several terminals.
const Suspect::Place* place_of(const Suspect& suspect, std::string_view target, const Target& at) {
  const auto is_target = [&](std::string_view contact) { return sip::is_same_place(contact, target); };
  const auto by_contact = std::ranges::find_if(suspect.places, is_target, &Suspect::Place::contact);
  if (by_contact != suspect.places.end()) return &*by_contact;
  const auto by_source =
      std::ranges::find_if(suspect.places, [&](const auto& one) { return to_number(one.source.port) != 0 && one.source == at.endpoint; });
  if (by_source == suspect.places.end() || std::ranges::any_of(suspect.others, is_target)) return nullptr;
  return &*by_source;
}

}  // namespace

bool Release::asks(const Suspect& suspect) const {
  return suspect.why == Suspect::Why::lapsed || settings_.policy != Policy::immediate || suspect.is_foreign ||
         is_unreliable(suspect.user_agent);
}

void Release::suspect(const Suspect& suspect, CallTable& calls, Instant now, Outbox& outbox) {
  if (suspect.number != 0) tallies_[suspect.number].so_far.number = suspect.number;
  begun_ = 0;
  if (settings_.policy != Policy::log && (settings_.audit || suspect.why != Suspect::Why::lapsed))
    for (const auto& [id, side] : calls.calls_of(suspect.aor)) suspect_call(suspect, id, side, calls, now, outbox);
  settle(suspect.number);
}

void Release::suspect_call(const Suspect& suspect, CallId id, Side side, CallTable& calls, Instant now, Outbox& outbox) {
  const Call* call = calls.find(id);
  if (call == nullptr || (call->state == CallState::ringing && suspect.why == Suspect::Why::lapsed)) return;
  const auto begin_check = [&](std::string_view callee_tag, const Suspect::Place& place) {
    Check check;
    check.call = id;
    check.callee_tag = Text{callee_tag};
    check.lost = side;
    check.why = suspect.why;
    check.has_moved = suspect.has_moved;
    check.is_foreign = suspect.is_foreign;
    check.new_contact = suspect.new_contact;
    check.contact = place.contact;
    check.user_agent = suspect.user_agent;
    check.number = suspect.number;
    begin(std::move(check), asks(suspect), calls, now, outbox);
  };
  if (side == Side::caller && call->state == CallState::ringing) {
    const auto* place = place_of(suspect, call->caller_target, call->caller_at);
    if (place != nullptr) begin_check({}, *place);
    return;
  }
  if (call->state == CallState::ringing && call->follows_bindings) return;
  std::vector<std::pair<Text, Suspect::Place>> lost;  // what follows may end the call
  for (const Dialog& dialog : call->dialogs)
    if (const auto* place = place_of(suspect, call->target(side, dialog), call->at(side, dialog)); place != nullptr && dialog.alive)
      lost.emplace_back(dialog.callee_tag, *place);
  for (const auto& [tag, place] : lost) begin_check(tag, place);
  // Whoever has not said yet that it rings has no dialog that could be asked.
  if (call->state != CallState::ringing || !lost.empty() || suspect.is_foreign) return;
  for (const Suspect::Place& place : suspect.places) {
    Errand errand;
    errand.kind = Errand::Kind::drop_target;
    errand.search = call->search;
    errand.contact = place.contact;
    errands_.push_back(std::move(errand));
  }
}

void Release::begin(Check check, bool asks, CallTable& calls, Instant now, Outbox& outbox) {
  check.began = now;
  if (!asks) return let_go(check, false, "immediate", calls, now, outbox);
  if (const CheckId other = find_like(check)) return go_on(other, std::move(check), calls, now);
  const CheckId id = add(std::move(check));
  if (!id) return;
  if (++begun_ <= at_once) return ask_or_wait(id, calls, now);
  schedule(id, now + between_questions * static_cast<int>(begun_ - at_once));
}

void Release::go_on(CheckId id, Check news, CallTable& calls, Instant now) {
  Check& check = *checks_.find(id);
  if (news.why == Suspect::Why::lapsed && (check.is_asked || check.is_resting)) {
    check.wants_again = true;
    return;
  }
  if (news.number != 0 && check.number == 0) {
    check.number = news.number;
    ++tallies_[check.number].open;
  }
  check.why = news.why;
  check.audits = 0;  // now it matters where it is
  check.has_moved = news.has_moved;
  check.is_foreign = news.is_foreign;
  check.new_contact = std::move(news.new_contact);
  check.contact = std::move(news.contact);
  check.user_agent = std::move(news.user_agent);
  check.began = now;
  if (check.is_resting) {
    check.wants_again = true;
    return;
  }
  if (!check.is_asked) ask_or_wait(id, calls, now);
}

CheckId Release::add(Check check) {
  const CheckId id = checks_.insert(std::move(check));
  if (!id) return {};
  const Check& kept = *checks_.find(id);
  by_call_[kept.call.index].push_back(id);
  if (kept.number != 0) ++tallies_[kept.number].open;
  return id;
}

void Release::audit(CallId call, std::string_view callee_tag, Side side, Instant at) {
  Check check;
  check.call = call;
  check.callee_tag = Text{callee_tag};
  check.lost = side;
  check.why = Suspect::Why::lapsed;
  check.began = at;
  if (const CheckId id = add(std::move(check))) schedule(id, at);
}

CheckId Release::find_like(const Check& like) const {
  const auto found = by_call_.find(like.call.index);
  if (found == by_call_.end()) return {};
  const auto same = std::ranges::find_if(found->second, [&](CheckId id) {
    const Check* check = checks_.find(id);
    return check != nullptr && check->call == like.call && check->lost == like.lost && check->callee_tag == like.callee_tag;
  });
  return same == found->second.end() ? CheckId{} : *same;
}

}  // namespace ringhold::calls
