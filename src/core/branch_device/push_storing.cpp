// Messages that wait for their users (P8), and what of pushes outlives a restart of ours.
#include <algorithm>

#include "branch_device/state.hpp"
#include "branch_device/team.hpp"

namespace ringhold::branch_device {

namespace {

constexpr Duration central_pace = 10ms;                   ///< between two users, when the central site comes back
constexpr Duration try_again_later = 1s;                  ///< when too much is on its way
constexpr Duration nobody_there = std::chrono::hours{1};  ///< a registration comes first
constexpr Duration restart_pace = 5ms;                    ///< between two users, after a restart of ours
constexpr Duration after_restart = 2s;                    ///< phones have connections to open

}  // namespace

void BranchDevice::State::watch_for_push(std::string_view aor) {
  if (!pushes.watched.contains(aor)) {
    pushes.watched.emplace(aor);
    location.watch(aor);
  }
}

void BranchDevice::State::unwatch_for_push(std::string_view aor) {
  if (pushes.store.has(aor) || pushes.watched.erase(Text{aor}) == 0) return;
  location.unwatch(aor);
}

void BranchDevice::State::wake_pushes(std::span<const location::BindingEvent> events, Instant now) {
  if (pushes.watched.empty()) return;
  for (const location::BindingEvent& event : events)
    if (event.happened == location::Happened::registered || event.is_new_cycle) pushes.store.wake(event.aor, now);
}

void BranchDevice::State::deliver_stored(Instant now, Outbox& outbox) {
  if (pushes.store.size() == 0) return pushes.was_central_usable.reset();
  const bool is_central_usable = !hops_to_central().empty();
  if (is_central_usable && !pushes.was_central_usable.value_or(true)) pushes.store.wake_all(now, central_pace);
  pushes.was_central_usable = is_central_usable;
  if (pushes.try_stored_at && *pushes.try_stored_at > now) return;
  pushes.try_stored_at.reset();
  while (pushes.stored_in_progress < most_stored_in_progress) {
    if (pushes.in_progress.size() == pushes.in_progress.capacity()) {
      pushes.try_stored_at = now + try_again_later;
      return;
    }
    auto message = pushes.store.take(now);
    if (!message) return;
    const bool is_anybody_there = is_central_usable || !location.find(message->aor, now).empty() ||
                                  (!message->event.empty() && !notifier.subscriptions(message->aor, message->event).empty());
    if (!is_anybody_there) {
      pushes.store.put_back(*std::move(message), now, now + nobody_there);
      continue;
    }
    const Text text_id = message->id;
    const delivery::Strategy strategy = message->strategy;
    pushes.bytes_in_progress += message->body.size();
    ++pushes.stored_in_progress;
    const PushId id = pushes.in_progress.insert(PushInProgress{.message = std::move(*message),
                                                               .delivery = {strategy, settings.push.delivery.attempt},
                                                               .sender = {},
                                                               .is_kept = true,
                                                               .is_acknowledged = true,
                                                               .holds_user = true,
                                                               .is_stored = true,
                                                               .began = now});
    pushes.by_id.emplace(text_id, id);
    begin_push(id, now, outbox);
  }
}

void BranchDevice::State::restore_push(const Row& row, Instant now, Outbox& outbox) {
  const Text* const key = row.columns.empty() ? nullptr : std::get_if<Text>(&row.columns[0]);
  switch (row.table) {
    case Table::redirect: {
      // Of a team whoever has the user's bindings.
      const Text* const aor = row.columns.size() > 1 ? std::get_if<Text>(&row.columns[1]) : nullptr;
      if (team.is_alone() || (aor != nullptr && owner_of(*aor, team) == team.number)) pushes.redirects.restore(row, now, outbox);
      return;
    }
    case Table::push_message: {
      auto message = delivery::message_from_row(row);
      if (!message) {
        if (key != nullptr && team.leads()) outbox.change({Table::push_message, *key, {}});
        return;
      }
      if (!team.is_alone() && owner_of(message->aor, team) != team.number) return;
      pushes.numbers.note(message->id);
      if (!message->key.empty()) pushes.by_key.insert_or_assign(message->key, message->id);
      watch_for_push(message->aor);
      const Instant when = now + after_restart + restart_pace * pushes.watched.size();
      pushes.store.add(*std::move(message), when);
      return;
    }
    case Table::push_record: {
      // As its message was: where the user's orders come, and are repeated.
      const Text* const aor = row.columns.size() > 1 ? std::get_if<Text>(&row.columns[1]) : nullptr;
      if (!team.is_alone() && (aor == nullptr || owner_of(*aor, team) != team.number)) return;
      if (key != nullptr) {
        pushes.numbers.note(*key);
        // Both were there when we were killed: it has ended.
        if (const auto ended = pushes.store.remove(*key)) {
          outbox.change(delivery::erase(*ended));
          unwatch_for_push(ended->aor);
          if (!ended->key.empty()) pushes.by_key.erase(ended->key);
        }
      }
      pushes.log.restore(row);
      return;
    }
    case Table::binding:
    case Table::learnt:
    case Table::setting:
    case Table::user:
    case Table::ring_profile:
    case Table::terminal_type:
    case Table::call:
    case Table::ring_schedule:
    case Table::dialog: return;
  }
}

}  // namespace ringhold::branch_device
