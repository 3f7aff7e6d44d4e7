// Pushed content (P1 to P8): what senders ask for, and what they hear of it. core/delivery says whom to try next.
#include <algorithm>

#include "base/row_reader.hpp"
#include "branch_device/state.hpp"
#include "branch_device/team.hpp"
#include "sip/builder.hpp"

namespace ringhold::branch_device {

namespace {

using delivery::Outcome;
using delivery::Reason;
using Stage = PushInProgress::Stage;
using What = PushPromise::What;

constexpr Duration disk_patience = 5s;     ///< then nothing is promised any more
constexpr Duration sender_patience = 16s;  ///< half of Timer F: a SIP sender hears 202 by then
constexpr Duration first_retry = 60s;
constexpr Duration longest_retry = std::chrono::hours{1};
constexpr unsigned most_doublings = 6;

Duration retry_after(unsigned rounds) { return std::min<Duration>(first_retry * (1U << std::min(rounds, most_doublings)), longest_retry); }

}  // namespace

PushId BranchDevice::State::accept_push(delivery::Message message, PushSender sender, Instant now, Outbox& outbox) {
  if (pushes.bytes_in_progress + message.body.size() > settings.push.delivery.store_bytes) return {};
  const bool waits = pushes.store.has(message.aor);
  if (message.aor.size() > RowReader::longest_text) return {};
  const bool is_safe_first = outbox.keeps_changes() && (sender.is_content_with_acceptance || !message.key.empty());
  const Text text_id = message.id;
  const Text key = message.key;
  const std::size_t size = message.body.size();
  const PushId id = pushes.in_progress.insert(PushInProgress{.message = std::move(message),
                                                             .delivery = {settings.push.delivery.strategy, settings.push.delivery.attempt},
                                                             .sender = std::move(sender),
                                                             .began = now});
  if (!id) return {};
  pushes.bytes_in_progress += size;
  PushInProgress& push = *pushes.in_progress.find(id);
  push.delivery = {push.message.strategy, settings.push.delivery.attempt};
  if (push.sender.kind == PushSender::Kind::sip) push.answer_by = now + sender_patience;
  pushes.by_id.emplace(text_id, id);
  if (!key.empty()) pushes.by_key.insert_or_assign(key, text_id);
  if (waits) {
    // In order: behind those that wait for the same user.
    store_push(id, now, outbox);
  } else if (is_safe_first) {
    keep_push(push, outbox);
    push.stage = Stage::keeping;
    promise(What::begin, text_id, {}, now, outbox);
  } else {
    begin_push(id, now, outbox);
  }
  return id;
}

void BranchDevice::State::begin_push(PushId id, Instant now, Outbox& outbox) {
  PushInProgress& push = *pushes.in_progress.find(id);
  push.stage = Stage::trying;
  push.began = now;
  const PushTerminals found = push_terminals(push.message.aor, push.message.event, now);
  push.delivery.add_terminals(found.targets, found.together);
  run_push(id, now, outbox);
}

void BranchDevice::State::run_push(PushId id, Instant now, Outbox& outbox) {
  for (;;) {
    PushInProgress* push = pushes.in_progress.find(id);
    if (push == nullptr) return;
    const auto step = push->delivery.next(now);
    if (!step) break;
    push->attempts.resize(push->delivery.steps().size());
    send_push(id, *step, now, outbox);
  }
  look_at_push(id, now, outbox);
}

void BranchDevice::State::look_at_push(PushId id, Instant now, Outbox& outbox) {
  PushInProgress& push = *pushes.in_progress.find(id);
  // Who was asked at the same time may yet be silent for long.
  if (push.is_kept && push.delivery.is_delivered()) forget_push(push, now, outbox);
  if (push.stage == Stage::trying) {
    switch (push.delivery.outcome()) {
      case Outcome::pending: break;
      case Outcome::delivered:
      case Outcome::refused: settle_push(push, now, outbox); break;
      case Outcome::unreached: {
        const bool has_room = push.is_kept || pushes.store.has_room(push.message.body.size());
        if (push.message.expires_at > now && has_room) {
          keep_push(push, outbox);
          push.stage = Stage::storing;
          hold_user(push);
          // Once is enough: what was promised before is on disk, or about to be.
          if (!push.is_acknowledged && !pushes.promised.contains(push.message.id))
            promise(What::stored, push.message.id, std::exchange(push.sender, {}), now, outbox);
          return look_at_push(id, now, outbox);
        }
        if (push.message.expires_at > push.message.accepted_at && !has_room) push.reason = Reason::store_full;
        settle_push(push, now, outbox);
        break;
      }
    }
  } else if (push.stage == Stage::storing && push.delivery.is_delivered()) {
    // A late 2xx (PSH-16): what was said of it stays said, but nobody gets it again.
    settle_push(push, now, outbox);
  }
  if (push.stage == Stage::settled || push.stage == Stage::storing) {
    if (push.delivery.is_over()) return end_push(id, now, outbox);
  }
  arm_push(id);
}

void BranchDevice::State::hold_user(PushInProgress& push) {
  if (std::exchange(push.holds_user, true)) return;
  pushes.store.hold(push.message.aor);
  watch_for_push(push.message.aor);
}

void BranchDevice::State::settle_push(PushInProgress& push, Instant now, Outbox& outbox) {
  push.stage = Stage::settled;
  push.delivery.close();
  if (push.is_kept)
    forget_push(push, now, outbox);
  else if (!push.message.key.empty())
    record_push(push, now, outbox);
  int status = push.delivery.is_delivered() ? 200 : push.delivery.best_status();
  if (push.reason == Reason::store_failing || push.reason == Reason::store_full) status = 503;
  answer_push(std::exchange(push.sender, {}), push.message.id, status, now, outbox);
}

void BranchDevice::State::forget_push(PushInProgress& push, Instant now, Outbox& outbox) {
  push.is_kept = false;
  record_push(push, now, outbox);
  // Killed at any moment, we find the one or the other (P8).
  promise(What::forget, push.message.id, {}, now, outbox);
}

void BranchDevice::State::answer_push(const PushSender& sender, std::string_view id, int status, Instant now, Outbox& outbox) {
  if (sender.kind == PushSender::Kind::api) outbox.settled(id);
  if (sender.kind != PushSender::Kind::sip) return;
  const auto request = sip::Message::parse(layer.request(sender.server));
  if (!request) return;
  const auto begin = outbox.bytes().size();
  sip::append_response(outbox.bytes(), *request, sender.arrival.remote, status, {}, id, {});
  layer.respond(sender.server, status, begin, now, outbox);
}

void BranchDevice::State::end_push(PushId id, Instant now, Outbox& outbox) {
  PushInProgress push = std::move(*pushes.in_progress.find(id));
  const bool goes_back = push.stage == Stage::storing;
  pushes.bytes_in_progress -= push.message.body.size();
  pushes.by_id.erase(push.message.id);
  pushes.in_progress.erase(id);
  if (push.is_stored) --pushes.stored_in_progress;
  if (goes_back) {
    pushes.last_rounds.insert_or_assign(
        push.message.id, PushRound{push.began, push.delivery.reason(), {push.delivery.steps().begin(), push.delivery.steps().end()}});
    const Instant again = now + retry_after(push.message.rounds);
    if (!push.delivery.steps().empty()) ++push.message.rounds;
    if (outbox.keeps_changes()) outbox.change(delivery::put(push.message));
    return pushes.store.put_back(std::move(push.message), now, again);
  }
  // the next one when it is certain that this one does not come again.
  if (push.holds_user) promise(What::next, push.message.aor, {}, now, outbox);
  record_push(push, now, outbox);
}

void BranchDevice::State::record_push(PushInProgress& push, Instant now, Outbox& outbox) {
  delivery::PushRecord record = delivery::record_of(push.message, now);
  record.began_at = push.began;
  record.is_delivered = push.delivery.is_delivered();
  if (!record.is_delivered) record.reason = push.reason != Reason::none ? push.reason : push.delivery.reason();
  record.steps.assign(push.delivery.steps().begin(), push.delivery.steps().end());
  if (std::exchange(push.is_recorded, true)) {
    const auto* before = pushes.log.find(record.id);
    if (before != nullptr && record.is_delivered && !before->is_delivered) --pushes.failed, ++pushes.delivered;
    pushes.log.put(std::move(record), outbox);
  } else {
    record_push(std::move(record), outbox);
  }
}

void BranchDevice::State::record_push(delivery::PushRecord record, Outbox& outbox) {
  if (record.is_delivered) {
    ++pushes.delivered;
    outbox.note({"push_delivered", {{"id", record.id}, {"to", record.aor}, {"steps", record.steps.size()}}, Severity::debug});
  } else {
    ++pushes.failed;
    const auto severity = record.reason == Reason::store_failing ? Severity::warning : Severity::info;
    outbox.note(
        {"push_failed", {{"id", record.id}, {"to", record.aor}, {"why", name(record.reason)}, {"steps", record.steps.size()}}, severity});
  }
  if (!record.key.empty()) pushes.by_key.erase(record.key);
  pushes.last_rounds.erase(record.id);
  pushes.log.put(std::move(record), outbox);
}

void BranchDevice::State::give_up_push(const delivery::Message& message, Reason reason, Instant now, Outbox& outbox) {
  if (outbox.keeps_changes()) outbox.change(delivery::erase(message));
  delivery::PushRecord record = delivery::record_of(message, now);
  record.reason = reason;
  if (const auto last = pushes.last_rounds.find(message.id); last != pushes.last_rounds.end()) {
    record.began_at = last->second.began;
    record.steps = last->second.steps;
  }
  record_push(std::move(record), outbox);
  unwatch_for_push(message.aor);
}

void BranchDevice::State::keep_push(PushInProgress& push, Outbox& outbox) {
  if (std::exchange(push.is_kept, true)) return;
  if (outbox.keeps_changes()) outbox.change(delivery::put(push.message));
}

void BranchDevice::State::store_push(PushId id, Instant now, Outbox& outbox) {
  PushInProgress& push = *pushes.in_progress.find(id);
  if (push.message.expires_at <= now || !pushes.store.has_room(push.message.body.size())) {
    push.reason = push.message.expires_at <= now ? Reason::unreachable : Reason::store_full;
    settle_push(push, now, outbox);
    return end_push(id, now, outbox);
  }
  keep_push(push, outbox);
  delivery::Message message = std::move(push.message);
  const PushSender sender = std::move(push.sender);
  pushes.bytes_in_progress -= message.body.size();
  pushes.by_id.erase(message.id);
  pushes.in_progress.erase(id);
  const Text text_id = message.id;
  const Text aor = message.aor;
  watch_for_push(aor);
  pushes.store.add(std::move(message), now + longest_retry);
  if (!location.find(aor, now).empty()) pushes.store.wake(aor, now);
  promise(What::stored, text_id, sender, now, outbox);
}

void BranchDevice::State::promise(What what, std::string_view id, PushSender sender, Instant now, Outbox& outbox) {
  PushPromise promise{{++pushes.last_change}, what, Text{id}, std::move(sender), now + disk_patience};
  // Where nothing is kept there is nothing to wait for.
  if (!outbox.keeps_changes()) return keep_promise(promise, now, outbox);
  outbox.promise(promise.change);
  if (what == What::begin || what == What::stored) pushes.promised.insert(promise.id);
  pushes.promises.push_back(std::move(promise));
}

void BranchDevice::State::note_committed(ChangeId change, Instant now, Outbox& outbox) {
  while (!pushes.promises.empty() && pushes.promises.front().change <= change) {
    const PushPromise promise = std::move(pushes.promises.front());
    pushes.promises.pop_front();
    keep_promise(promise, now, outbox);
  }
}

void BranchDevice::State::keep_promise(const PushPromise& promise, Instant now, Outbox& outbox) {
  pushes.promised.erase(promise.id);
  switch (promise.what) {
    case What::begin: {
      const auto found = pushes.by_id.find(promise.id);
      if (found == pushes.by_id.end()) return;
      const PushId id = found->second;
      PushInProgress& push = *pushes.in_progress.find(id);
      if (push.sender.is_content_with_acceptance) {
        push.is_acknowledged = true;
        answer_push(std::exchange(push.sender, {}), promise.id, 202, now, outbox);
        push.stage = Stage::trying;
      }
      return begin_push(id, now, outbox);
    }
    case What::stored: {
      if (const auto found = pushes.by_id.find(promise.id); found != pushes.by_id.end())
        pushes.in_progress.find(found->second)->is_acknowledged = true;
      ++pushes.stored;
      outbox.note({"push_stored", {{"id", promise.id}}, Severity::debug});
      return answer_push(promise.sender, promise.id, 202, now, outbox);
    }
    case What::forget:
      if (outbox.keeps_changes()) outbox.change({Table::push_message, promise.id, {}});
      return;
    case What::next: return pushes.store.release(promise.id, now), unwatch_for_push(promise.id);
  }
}

void BranchDevice::State::break_promises(Instant now, Outbox& outbox) {
  while (!pushes.promises.empty() && pushes.promises.front().until <= now) {
    const PushPromise promise = std::move(pushes.promises.front());
    pushes.promises.pop_front();
    if (promise.what == What::next || promise.what == What::forget) {
      keep_promise(promise, now, outbox);
      continue;
    }
    pushes.promised.erase(promise.id);
    int status = 503;
    if (auto waiting = pushes.store.remove(promise.id)) {
      give_up_push(*waiting, Reason::store_failing, now, outbox);
    } else if (const auto found = pushes.by_id.find(promise.id); found != pushes.by_id.end()) {
      const PushId id = found->second;
      PushInProgress& push = *pushes.in_progress.find(id);
      if (!push.delivery.is_delivered()) push.reason = Reason::store_failing;
      status = push.delivery.is_delivered() ? 200 : status;
      settle_push(push, now, outbox);
      if (push.delivery.is_over()) end_push(id, now, outbox);
    } else if (const auto* record = pushes.log.find(promise.id); record != nullptr && record->is_delivered) {
      status = 200;
    }
    answer_push(promise.sender, promise.id, status, now, outbox);
  }
}

void BranchDevice::State::arm_push(PushId id) {
  PushInProgress& push = *pushes.in_progress.find(id);
  Instant next = push.delivery.next_expiry().value_or(Instant::max());
  if (push.sender.kind == PushSender::Kind::sip) next = std::min(next, push.answer_by);
  if (next >= push.in_wheel) return;
  push.in_wheel = next;
  pushes.wheel.add(next, id);
}

void BranchDevice::State::expire_push(PushId id, Instant now, Outbox& outbox) {
  PushInProgress* push = pushes.in_progress.find(id);
  if (push == nullptr) return;
  push->in_wheel = Instant::max();
  for (const std::size_t step : push->delivery.overdue(now)) {
    note_redirect_failure(*push, step, 408, outbox);
    push->delivery.happened(step, delivery::AttemptEvent::time_over, delivery::Why::none, 0, now);
  }
  if (push->sender.kind == PushSender::Kind::sip && push->answer_by <= now && push->stage == Stage::trying) {
    // RFC 4320: before the sender's Timer F. What becomes of it the record tells.
    keep_push(*push, outbox);
    promise(What::stored, push->message.id, std::exchange(push->sender, {}), now, outbox);
  }
  run_push(id, now, outbox);
}

void BranchDevice::State::expire_pushes(Instant now, Outbox& outbox) {
  std::vector<PushId> due;
  pushes.wheel.expire(now, [&](PushId id) { due.push_back(id); });
  for (const PushId id : due) expire_push(id, now, outbox);
  break_promises(now, outbox);
  if (!pushes.look_ups.empty()) resume_pushes(now, outbox);
  for (const delivery::Message& message : pushes.store.expire(now)) give_up_push(message, Reason::expired, now, outbox);
  deliver_stored(now, outbox);
}

std::optional<Instant> BranchDevice::State::next_push_expiry() const {
  std::optional<Instant> next = pushes.wheel.next();
  const auto sooner = [&](const std::optional<Instant>& one) {
    if (one && (!next || *one < *next)) next = one;
  };
  if (!pushes.promises.empty()) sooner(pushes.promises.front().until);
  for (const PushLookUp& one : pushes.look_ups) sooner(one.until);
  sooner(pushes.store.next_end());
  if (pushes.stored_in_progress < most_stored_in_progress) sooner(pushes.try_stored_at ? pushes.try_stored_at : pushes.store.next_due());
  return next;
}

}  // namespace ringhold::branch_device
