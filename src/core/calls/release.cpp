#include "calls/release.hpp"

#include <algorithm>

namespace ringhold::calls {

namespace {

constexpr std::string_view lapsed_reason = "SIP;cause=480;text=\"Terminal lost\"";
constexpr Duration until_it_rings = 1s;  ///< then it is looked again whether a call has a dialog that can be asked

}  // namespace

bool Release::is_wanted(const Check& check) const {
  return settings_.policy != Policy::log && (settings_.audit || check.why != Suspect::Why::lapsed);
}

void Release::put_off(CheckId id, Instant now) {
  Check* check = checks_.find(id);
  if (check == nullptr) return;
  check->is_asked = false;
  schedule(id, now + audit_again);
}

void Release::answered_too_late(const Answer& answer, CallTable& calls, Instant now, Outbox& outbox) {
  Check check;
  check.call = calls.find(answer.call_id, answer.from_tag, answer.to_tag);
  const Call* call = calls.find(check.call);
  if (call == nullptr || !call->restarted) return;
  check.lost = *call->restarted;
  check.callee_tag = Text{answer.to_tag};
  let_go(check, true, "gone", calls, now, outbox);
}

Dialog* Release::dialog_to_ask(Check& check, CallTable& calls) {
  Call& call = *calls.find(check.call);
  Dialog* dialog = call.find(check.asked_tag.empty() ? check.callee_tag : check.asked_tag);
  // Of a call that rings any dialog will do to ask the caller; another may have been answered since.
  if (dialog == nullptr && check.lost == Side::caller) {
    const auto any = std::ranges::find_if(call.dialogs, &Dialog::alive);
    dialog = any == call.dialogs.end() ? nullptr : &*any;
  }
  if (dialog == nullptr || !dialog->alive) return nullptr;
  check.asked_tag = dialog->callee_tag;
  return dialog;
}

bool Release::ask(CheckId id, CallTable& calls) {
  Check& check = *checks_.find(id);
  const Call& call = *calls.find(check.call);
  const Dialog* dialog = dialog_to_ask(check, calls);
  if (dialog == nullptr) return false;
  check.is_asked = true;
  check.is_sent = false;
  if (!call.is_whole(*dialog)) return true;  // it cannot be asked
  Errand errand;
  errand.check = id;
  errand.is_repeated = check.why == Suspect::Why::lapsed && check.audits > 0;
  errand.request = probe(call, *dialog, check.lost);
  errand.request.trusts_no_binding = check.is_foreign;
  // One of the two probes goes by the dialog's route set, as whatever the other party sends. The other one goes straight to the
  // terminal: a proxy in between may be gone, and with it only the way.
  if (check.state != CheckState::asked) go_straight(errand.request, {});
  // A terminal that has another port now is asked there as well; what it says counts if nobody answers at its own place.
  if (check.state == CheckState::asked && !check.new_contact.empty()) {
    Errand other = errand;
    other.place = 1;
    go_straight(other.request, check.new_contact);
    errands_.push_back(std::move(other));
  }
  errands_.push_back(std::move(errand));
  return true;
}

void Release::ask_or_wait(CheckId id, CallTable& calls, Instant now) { schedule(id, now + (ask(id, calls) ? patience : until_it_rings)); }

void Release::sent(const Errand& errand, transaction::TransactionId probe) {
  Check* check = checks_.find(errand.check);
  if (check == nullptr || !probe) return;
  check->probes.push_back(probe);
  if (errand.place == 0) check->is_sent = true;
}

void Release::on_response(const transaction::Owner& owner, int status, CallTable& calls, transaction::Layer& layer, Instant now,
                          Outbox& outbox) {
  const CheckId id{owner.index, owner.generation};
  Check* check = checks_.find(id);
  // A 408 comes from somebody in between; so far nobody has answered.
  if (check == nullptr || status < 200 || status == 408) return;
  const bool gone = status == 481 || status == 404;
  if (gone && owner.leg == 1) {
    check->new_says_gone = true;
    if (!check->is_refused) return;
  }
  take(id, gone ? CheckEvent::gone : CheckEvent::lives, gone ? "gone" : "answered", calls, layer, now, outbox);
}

void Release::on_failure(const transaction::Failure& failure, CallTable& calls, transaction::Layer& layer, Instant now, Outbox& outbox) {
  const CheckId id{failure.owner.index, failure.owner.generation};
  Check* check = checks_.find(id);
  if (check == nullptr || !check->is_asked || failure.owner.leg == 1 || failure.cause != transaction::Failure::Cause::transport_error)
    return;
  check->is_refused = true;
  if (check->new_says_gone) return take(id, CheckEvent::gone, "gone", calls, layer, now, outbox);
  // A connection that is gone may be made anew. Whom nobody has seen restart, and who cannot be reached so either, is left alone.
  const Destination* to = layer.destination(failure.transaction);
  if (check->why != Suspect::Why::lapsed || to == nullptr || !is_reliable(to->transport)) return;
  take(id, check->state == CheckState::asked ? CheckEvent::silence : CheckEvent::lives, "unreachable", calls, layer, now, outbox);
}

void Release::heard(std::string_view call_id, std::string_view tag, std::string_view other_tag, CallTable& calls, transaction::Layer& layer,
                    Instant now, Outbox& outbox) {
  const CallId call = calls.find(call_id, tag, other_tag);
  const auto found = by_call_.find(call.index);
  if (!call || found == by_call_.end()) return;
  for (const CheckId id : std::vector<CheckId>{found->second}) {
    const Check* check = checks_.find(id);
    if (check == nullptr || check->call != call || !check->is_asked) continue;
    const bool is_caller = calls.find(call)->from_tag == tag;
    if (is_caller ? check->lost == Side::caller && check->asked_tag == other_tag : check->lost == Side::callee && check->asked_tag == tag)
      take(id, CheckEvent::lives, "heard", calls, layer, now, outbox);
  }
}

void Release::expire(CallTable& calls, transaction::Layer& layer, Instant now, Outbox& outbox) {
  wheel_.expire(now, [&](CheckId id) {
    Check* check = checks_.find(id);
    if (check == nullptr || check->due > now) return;
    // Somebody has hung up, or the administrator has decided otherwise.
    if (calls.find(check->call) == nullptr || !is_wanted(*check)) return end(id, layer);
    if (check->is_resting) {
      if (!check->wants_again) return end(id, layer);
      check->is_resting = check->wants_again = false;
    }
    if (!check->is_asked) {
      const bool is_over = calls.find(check->call)->state == CallState::answered && dialog_to_ask(*check, calls) == nullptr;
      return is_over ? end(id, layer) : ask_or_wait(id, calls, now);
    }
    if (check->new_says_gone) return take(id, CheckEvent::gone, "gone", calls, layer, now, outbox);
    // Who was not asked has not been silent.
    if (!check->is_sent && check->state != CheckState::in_grace) {
      if (++check->unsent >= most_unsent) return take(id, CheckEvent::lives, "unreachable", calls, layer, now, outbox);
      return ask_or_wait(id, calls, now);
    }
    check->unsent = 0;
    take(id, check->has_moved ? CheckEvent::silence_of_moved : CheckEvent::silence, "silent", calls, layer, now, outbox);
  });
}

void Release::take(CheckId id, CheckEvent event, std::string_view evidence, CallTable& calls, transaction::Layer& layer, Instant now,
                   Outbox& outbox) {
  Check* check = checks_.find(id);
  if (check == nullptr) return;
  if (calls.find(check->call) == nullptr || !is_wanted(*check)) return end(id, layer);
  const auto [next, actions] = check_machine.step(check->state, event);
  check->state = next;
  actions.for_each([&](CheckAction action) {
    switch (action) {
      case CheckAction::ask:
        if (!ask(id, calls)) return end(id, layer);
        return schedule(id, now + patience);
      case CheckAction::wait: return schedule(id, std::max(check->began + settings_.grace, now));
      case CheckAction::keep: return keep(id, evidence, calls, layer, now, outbox);
      case CheckAction::release:
        // Nobody has seen it restart: its silence may be that of the network, so it is asked once more after a while.
        if (event != CheckEvent::gone && check->why == Suspect::Why::lapsed && check->rounds++ == 0) {
          check->state = CheckState::asked;
          check->is_asked = false;
          return schedule(id, std::exchange(check->wants_again, false) ? now : now + settings_.grace);
        }
        let_go(*check, event == CheckEvent::gone, evidence, calls, now, outbox);
        return end(id, layer);
    }
  });
}

void Release::keep(CheckId id, std::string_view evidence, CallTable& calls, transaction::Layer& layer, Instant now, Outbox& outbox) {
  Check& check = *checks_.find(id);
  outbox.note({"call_kept", {{"call_id", calls.find(check.call)->call_id}, {"user_agent", check.user_agent}, {"evidence", evidence}}});
  abandon_probes(check, layer);
  check.state = CheckState::asked;
  check.is_asked = check.is_refused = check.new_says_gone = false;
  check.unsent = check.rounds = 0;
  if (const std::uint64_t number = std::exchange(check.number, 0); number != 0) {
    ++tallies_[number].so_far.kept;
    --tallies_[number].open;
    settle(number);
  }
  if (check.why == Suspect::Why::restarted) {
    remember_unreliable(check.user_agent);
    check.is_resting = true;
    return schedule(id, now + rest);
  }
  // Nobody may register here who would show that he was restarted later on.
  const bool again = std::exchange(check.wants_again, false);
  check.audits = again ? 0 : check.audits + 1;
  schedule(id, again ? now : now + audit_again);
}

void Release::let_go(const Check& check, bool is_certain, std::string_view evidence, CallTable& calls, Instant now, Outbox& outbox) {
  Call* call = calls.find(check.call);
  if (call == nullptr) return;
  const auto note = [&] {
    outbox.note({"call_released",
                 {{"call_id", call->call_id}, {"aor", call->party(check.lost)}, {"user_agent", check.user_agent}, {"evidence", evidence}}});
    if (check.number != 0) ++tallies_[check.number].so_far.released;
  };
  Errand errand;
  if (call->state == CallState::ringing) {
    note();
    errand.kind = check.lost == Side::caller ? Errand::Kind::cancel : Errand::Kind::drop_target;
    errand.search = call->search;
    errand.contact = check.contact;
    if (check.lost == Side::caller) calls.note_restarted(check.call, check.lost);
    errands_.push_back(std::move(errand));
    return;
  }
  const Dialog* dialog = call->find(check.callee_tag);
  // Who was asked while it rang may have been answered by another one since.
  if (const auto any = std::ranges::find_if(call->dialogs, &Dialog::alive); dialog == nullptr && check.lost == Side::caller)
    dialog = any == call->dialogs.end() ? nullptr : &*any;
  if (dialog == nullptr || !dialog->alive || !call->is_whole(*dialog)) return;
  note();
  const Text callee_tag = dialog->callee_tag;
  const std::string_view reason = check.why == Suspect::Why::lapsed ? lapsed_reason : restarted_reason;
  errand.kind = Errand::Kind::bye;
  errand.request = bye(*call, *dialog, other(check.lost), reason);
  errands_.push_back(errand);
  // Who has not said himself that it is gone may have it still.
  if (!is_certain) {
    errand.request = bye(*call, *dialog, check.lost, reason);
    errands_.push_back(std::move(errand));
  }
  calls.release(check.call, callee_tag, check.lost, now, outbox);
}

void Release::end(CheckId id, transaction::Layer& layer) {
  abandon_probes(*checks_.find(id), layer);
  forget(id);
}

void Release::abandon_probes(Check& check, transaction::Layer& layer) {
  for (const transaction::TransactionId probe : check.probes) layer.abandon(probe);
  check.probes.clear();
}

void Release::forget(CheckId id) {
  const Check& check = *checks_.find(id);
  const auto found = by_call_.find(check.call.index);
  std::erase(found->second, id);
  if (found->second.empty()) by_call_.erase(found);
  const std::uint64_t number = check.number;
  checks_.erase(id);
  if (number == 0) return;
  --tallies_[number].open;
  settle(number);
}

void Release::settle(std::uint64_t number) {
  const auto tally = tallies_.find(number);
  if (number == 0 || tally == tallies_.end() || tally->second.open != 0) return;
  concluded_.push_back(tally->second.so_far);
  tallies_.erase(tally);
}

bool Release::is_unreliable(std::string_view user_agent) const { return std::ranges::find(unreliable_, user_agent) != unreliable_.end(); }

void Release::remember_unreliable(const Text& user_agent) {
  if (user_agent.empty() || is_unreliable(user_agent)) return;
  if (unreliable_.size() >= most_unreliable) unreliable_.pop_front();
  unreliable_.push_back(user_agent);
}

void Release::schedule(CheckId id, Instant due) {
  checks_.find(id)->due = due;
  wheel_.add(due, id);
}

}  // namespace ringhold::calls
