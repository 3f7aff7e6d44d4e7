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

PushService::PushService(BranchDevice::State& state) : state_{state}, numbers_{state.team.number}, store_{state.settings.push.delivery} {}

PushId PushService::accept(delivery::Message message, const PushSender& sender, Instant now, Outbox& outbox) {
  if (bytes_in_progress_ + message.body.size() > state_.settings.push.delivery.store_bytes) return {};
  const bool waits = store_.has(message.aor);
  if (message.aor.size() > RowReader::longest_text) return {};
  const bool is_safe_first = outbox.keeps_changes() && (sender.is_content_with_acceptance || !message.key.empty());
  const Text text_id = message.id;
  const Text key = message.key;
  const std::size_t size = message.body.size();
  const PushId id =
      in_progress_.insert(PushInProgress{.message = std::move(message),
                                         .delivery = {state_.settings.push.delivery.strategy, state_.settings.push.delivery.attempt},
                                         .sender = sender,
                                         .began = now});
  if (!id) return {};
  bytes_in_progress_ += size;
  PushInProgress& push = *in_progress_.find(id);
  push.delivery = {push.message.strategy, state_.settings.push.delivery.attempt};
  if (push.sender.kind == PushSender::Kind::sip) push.answer_by = now + sender_patience;
  by_id_.emplace(text_id, id);
  if (!key.empty()) by_key_.insert_or_assign(key, text_id);
  if (waits) {
    // In order: behind those that wait for the same user.
    put_behind(id, now, outbox);
  } else if (is_safe_first) {
    keep(push, outbox);
    push.stage = Stage::keeping;
    promise(What::begin, text_id, {}, now, outbox);
  } else {
    begin_delivery(id, now, outbox);
  }
  return id;
}

void PushService::begin_delivery(PushId id, Instant now, Outbox& outbox) {
  PushInProgress& push = *in_progress_.find(id);
  push.stage = Stage::trying;
  push.began = now;
  const PushTerminals found = terminals_of(push.message.aor, push.message.event, now);
  push.delivery.add_terminals(found.targets, found.together);
  run(id, now, outbox);
}

void PushService::run(PushId id, Instant now, Outbox& outbox) {
  for (;;) {
    PushInProgress* push = in_progress_.find(id);
    if (push == nullptr) return;
    const auto step = push->delivery.next(now);
    if (!step) break;
    push->attempts.resize(push->delivery.steps().size());
    send(id, *step, now, outbox);
  }
  look_at(id, now, outbox);
}

void PushService::look_at(PushId id, Instant now, Outbox& outbox) {
  PushInProgress& push = *in_progress_.find(id);
  // Who was asked at the same time may yet be silent for long.
  if (push.is_kept && push.delivery.is_delivered()) forget(push, now, outbox);
  if (push.stage == Stage::trying) {
    switch (push.delivery.outcome()) {
      case Outcome::pending: break;
      case Outcome::delivered:
      case Outcome::refused: settle(push, now, outbox); break;
      case Outcome::unreached: {
        const bool has_room = push.is_kept || store_.has_room(push.message.body.size());
        if (push.message.expires_at > now && has_room) {
          keep(push, outbox);
          push.stage = Stage::storing;
          hold(id);
          // Once is enough: what was promised before is on disk, or about to be.
          if (!push.is_acknowledged && !promised_.contains(push.message.id))
            promise(What::stored, push.message.id, std::exchange(push.sender, {}), now, outbox);
          return look_at(id, now, outbox);
        }
        if (push.message.expires_at > push.message.accepted_at && !has_room) push.reason = Reason::store_full;
        settle(push, now, outbox);
        break;
      }
    }
  } else if (push.stage == Stage::storing && push.delivery.is_delivered()) {
    // A late 2xx (PSH-16): what was said of it stays said, but nobody gets it again.
    settle(push, now, outbox);
  }
  if (push.stage == Stage::settled || push.stage == Stage::storing) {
    if (push.delivery.is_over()) return end_delivery(id, now, outbox);
  }
  arm(id);
}

void PushService::hold(PushId id) {
  PushInProgress& push = *in_progress_.find(id);
  if (std::exchange(push.holds_user, true)) return;
  store_.hold(push.message.aor);
  holders_.insert_or_assign(push.message.aor, id);
  watch(push.message.aor);
}

void PushService::settle(PushInProgress& push, Instant now, Outbox& outbox) {
  push.stage = Stage::settled;
  push.delivery.close();
  if (push.is_kept)
    forget(push, now, outbox);
  else if (!push.message.key.empty())
    log_end(push, now, outbox);
  int status = push.delivery.is_delivered() ? 200 : push.delivery.best_status();
  if (push.reason == Reason::store_failing || push.reason == Reason::store_full) status = 503;
  answer(std::exchange(push.sender, {}), push.message.id, status, now, outbox);
}

void PushService::forget(PushInProgress& push, Instant now, Outbox& outbox) {
  push.is_kept = false;
  log_end(push, now, outbox);
  // Killed at any moment, we find the one or the other (P8).
  promise(What::forget, push.message.id, {}, now, outbox);
}

void PushService::answer(const PushSender& sender, std::string_view id, int status, Instant now, Outbox& outbox) {
  if (sender.kind == PushSender::Kind::api) outbox.settled(id);
  if (sender.kind != PushSender::Kind::sip) return;
  const auto request = sip::Message::parse(state_.layer.request(sender.server));
  if (!request) return;
  const auto begin = outbox.bytes().size();
  sip::append_response(outbox.bytes(), *request, sender.arrival.remote, status, {}, id, {});
  state_.layer.respond(sender.server, status, begin, now, outbox);
}

void PushService::end_delivery(PushId id, Instant now, Outbox& outbox) {
  PushInProgress push = std::move(*in_progress_.find(id));
  const bool goes_back = push.stage == Stage::storing;
  bytes_in_progress_ -= push.message.body.size();
  by_id_.erase(push.message.id);
  in_progress_.erase(id);
  if (push.is_stored) --stored_in_progress_;
  if (const auto holder = holders_.find(push.message.aor); holder != holders_.end() && holder->second == id) holders_.erase(holder);
  if (goes_back) {
    last_rounds_.insert_or_assign(
        push.message.id, PushRound{push.began, push.delivery.reason(), {push.delivery.steps().begin(), push.delivery.steps().end()}});
    const Instant again = now + retry_after(push.message.rounds);
    if (!push.delivery.steps().empty()) ++push.message.rounds;
    if (outbox.keeps_changes()) outbox.change(delivery::put(push.message));
    return store_.put_back(std::move(push.message), now, again);
  }
  // the next one when it is certain that this one does not come again.
  if (push.holds_user) promise(What::next, push.message.aor, {}, now, outbox);
  log_end(push, now, outbox);
}

void PushService::log_end(PushInProgress& push, Instant now, Outbox& outbox) {
  delivery::PushRecord record = delivery::record_of(push.message, now);
  record.began_at = push.began;
  record.is_delivered = push.delivery.is_delivered();
  if (!record.is_delivered) record.reason = push.reason != Reason::none ? push.reason : push.delivery.reason();
  record.steps.assign(push.delivery.steps().begin(), push.delivery.steps().end());
  if (std::exchange(push.is_recorded, true)) {
    const auto* before = log_.find(record.id);
    if (before != nullptr && record.is_delivered && !before->is_delivered) --failed_, ++delivered_;
    log_.put(std::move(record), outbox);
  } else {
    log_end(std::move(record), outbox);
  }
}

void PushService::log_end(delivery::PushRecord record, Outbox& outbox) {
  if (record.is_delivered) {
    ++delivered_;
    outbox.note({"push_delivered", {{"id", record.id}, {"to", record.aor}, {"steps", record.steps.size()}}, Severity::debug});
  } else {
    ++failed_;
    const auto severity = record.reason == Reason::store_failing ? Severity::warning : Severity::info;
    outbox.note(
        {"push_failed", {{"id", record.id}, {"to", record.aor}, {"why", name(record.reason)}, {"steps", record.steps.size()}}, severity});
  }
  if (!record.key.empty()) by_key_.erase(record.key);
  last_rounds_.erase(record.id);
  log_.put(std::move(record), outbox);
}

void PushService::give_up(const delivery::Message& message, Reason reason, Instant now, Outbox& outbox) {
  if (outbox.keeps_changes()) outbox.change(delivery::erase(message));
  delivery::PushRecord record = delivery::record_of(message, now);
  record.reason = reason;
  if (const auto last = last_rounds_.find(message.id); last != last_rounds_.end()) {
    record.began_at = last->second.began;
    record.steps = last->second.steps;
  }
  log_end(std::move(record), outbox);
  unwatch(message.aor);
}

void PushService::keep(PushInProgress& push, Outbox& outbox) {
  if (std::exchange(push.is_kept, true)) return;
  if (outbox.keeps_changes()) outbox.change(delivery::put(push.message));
}

void PushService::put_behind(PushId id, Instant now, Outbox& outbox) {
  PushInProgress& push = *in_progress_.find(id);
  if (push.message.expires_at <= now || !store_.has_room(push.message.body.size())) {
    push.reason = push.message.expires_at <= now ? Reason::unreachable : Reason::store_full;
    settle(push, now, outbox);
    return end_delivery(id, now, outbox);
  }
  keep(push, outbox);
  delivery::Message message = std::move(push.message);
  const PushSender sender = push.sender;
  bytes_in_progress_ -= message.body.size();
  by_id_.erase(message.id);
  in_progress_.erase(id);
  const Text text_id = message.id;
  const Text aor = message.aor;
  watch(aor);
  store_.add(std::move(message), now + longest_retry);
  if (!state_.location.find(aor, now).empty()) store_.wake(aor, now);
  promise(What::stored, text_id, sender, now, outbox);
}

void PushService::promise(What what, std::string_view id, const PushSender& sender, Instant now, Outbox& outbox) {
  PushPromise promise{{++last_change_}, what, Text{id}, sender, now + disk_patience};
  // Where nothing is kept there is nothing to wait for.
  if (!outbox.keeps_changes()) return keep_promise(promise, now, outbox);
  outbox.promise(promise.change);
  if (what == What::begin || what == What::stored) promised_.insert(promise.id);
  promises_.push_back(std::move(promise));
}

void PushService::committed(ChangeId change, Instant now, Outbox& outbox) {
  while (!promises_.empty() && promises_.front().change <= change) {
    const PushPromise promise = std::move(promises_.front());
    promises_.pop_front();
    keep_promise(promise, now, outbox);
  }
}

void PushService::keep_promise(const PushPromise& promise, Instant now, Outbox& outbox) {
  promised_.erase(promise.id);
  switch (promise.what) {
    case What::begin: {
      const auto found = by_id_.find(promise.id);
      if (found == by_id_.end()) return;
      const PushId id = found->second;
      PushInProgress& push = *in_progress_.find(id);
      if (push.sender.is_content_with_acceptance) {
        push.is_acknowledged = true;
        answer(std::exchange(push.sender, {}), promise.id, 202, now, outbox);
        push.stage = Stage::trying;
      }
      return begin_delivery(id, now, outbox);
    }
    case What::stored: {
      if (const auto found = by_id_.find(promise.id); found != by_id_.end()) in_progress_.find(found->second)->is_acknowledged = true;
      ++stored_;
      outbox.note({"push_stored", {{"id", promise.id}}, Severity::debug});
      return answer(promise.sender, promise.id, 202, now, outbox);
    }
    case What::forget:
      if (outbox.keeps_changes()) outbox.change({Table::push_message, promise.id, {}});
      return;
    case What::next: return store_.release(promise.id, now), unwatch(promise.id);
  }
}

void PushService::break_promises(Instant now, Outbox& outbox) {
  while (!promises_.empty() && promises_.front().until <= now) {
    const PushPromise promise = std::move(promises_.front());
    promises_.pop_front();
    if (promise.what == What::next || promise.what == What::forget) {
      keep_promise(promise, now, outbox);
      continue;
    }
    promised_.erase(promise.id);
    int status = 503;
    if (auto waiting = store_.remove(promise.id)) {
      give_up(*waiting, Reason::store_failing, now, outbox);
    } else if (const auto found = by_id_.find(promise.id); found != by_id_.end()) {
      const PushId id = found->second;
      PushInProgress& push = *in_progress_.find(id);
      if (!push.delivery.is_delivered()) push.reason = Reason::store_failing;
      status = push.delivery.is_delivered() ? 200 : status;
      settle(push, now, outbox);
      if (push.delivery.is_over()) end_delivery(id, now, outbox);
    } else if (const auto* record = log_.find(promise.id); record != nullptr && record->is_delivered) {
      status = 200;
    }
    answer(promise.sender, promise.id, status, now, outbox);
  }
}

void PushService::arm(PushId id) {
  PushInProgress& push = *in_progress_.find(id);
  Instant next = push.delivery.next_expiry().value_or(Instant::max());
  if (push.sender.kind == PushSender::Kind::sip) next = std::min(next, push.answer_by);
  if (next >= push.in_wheel) return;
  push.in_wheel = next;
  wheel_.add(next, id);
}

void PushService::expire_one(PushId id, Instant now, Outbox& outbox) {
  PushInProgress* push = in_progress_.find(id);
  if (push == nullptr) return;
  push->in_wheel = Instant::max();
  for (const std::size_t step : push->delivery.overdue(now)) {
    note_redirect_failure(*push, step, 408, outbox);
    push->delivery.happened(step, delivery::AttemptEvent::time_over, delivery::Why::none, 0, now);
  }
  if (push->sender.kind == PushSender::Kind::sip && push->answer_by <= now && push->stage == Stage::trying) {
    // RFC 4320: before the sender's Timer F. What becomes of it the record tells.
    keep(*push, outbox);
    promise(What::stored, push->message.id, std::exchange(push->sender, {}), now, outbox);
  }
  run(id, now, outbox);
}

void PushService::expire(Instant now, Outbox& outbox) {
  std::vector<PushId> due;
  wheel_.expire(now, [&](PushId id) { due.push_back(id); });
  for (const PushId id : due) expire_one(id, now, outbox);
  break_promises(now, outbox);
  if (!look_ups_.empty()) resume(now, outbox);
  for (const delivery::Message& message : store_.expire(now)) give_up(message, Reason::expired, now, outbox);
  deliver_stored(now, outbox);
}

std::optional<Instant> PushService::next_expiry() const {
  std::optional<Instant> next = wheel_.next();
  const auto sooner = [&](const std::optional<Instant>& one) {
    if (one && (!next || *one < *next)) next = one;
  };
  if (!promises_.empty()) sooner(promises_.front().until);
  for (const PushLookUp& one : look_ups_) sooner(one.until);
  sooner(store_.next_end());
  if (stored_in_progress_ < most_stored_in_progress) sooner(try_stored_at_ ? try_stored_at_ : store_.next_due());
  return next;
}

}  // namespace ringhold::branch_device
