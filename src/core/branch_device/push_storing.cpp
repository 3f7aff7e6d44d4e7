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

void PushService::watch(std::string_view aor) {
  if (!watched_.contains(aor)) {
    watched_.emplace(aor);
    state_.location.watch(aor);
  }
}

void PushService::unwatch(std::string_view aor) {
  if (store_.has(aor) || watched_.erase(Text{aor}) == 0) return;
  state_.location.unwatch(aor);
}

void PushService::follow_bindings(std::span<const location::BindingEvent> events, Instant now, Outbox& outbox) {
  if (watched_.empty()) return;
  for (const location::BindingEvent& event : events)
    if (event.happened == location::Happened::registered || event.is_new_cycle) wake(event.aor, now, outbox);
}

void PushService::wake(std::string_view aor, Instant now, Outbox& outbox) {
  // What is on its way to others of the user's, or to the central site, goes to who has come as well.
  if (const auto holder = holders_.find(aor); holder != holders_.end()) {
    const PushId id = holder->second;
    PushInProgress& push = *in_progress_.find(id);
    if (push.delivery.join(terminals_of(aor, push.message.event, now).targets)) return run(id, now, outbox);
  }
  store_.wake(aor, now);
}

void PushService::deliver_stored(Instant now, Outbox& outbox) {
  if (store_.size() == 0) return central_.reset();
  // Looked at with each packet as long as anything waits.
  if (!central_ || central_->standing != state_.central.standing_number()) {
    const CentralSeen seen{state_.central.standing_number(), !state_.hops_to_central().empty()};
    if (seen.is_usable && central_ && !central_->is_usable) store_.wake_all(now, central_pace);
    central_ = seen;
  }
  if (try_stored_at_ && *try_stored_at_ > now) return;
  try_stored_at_.reset();
  while (stored_in_progress_ < most_stored_in_progress) {
    if (in_progress_.size() == in_progress_.capacity()) {
      try_stored_at_ = now + try_again_later;
      return;
    }
    auto message = store_.take(now);
    if (!message) return;
    const bool is_anybody_there = central_->is_usable || !state_.location.find(message->aor, now).empty() ||
                                  (!message->event.empty() && !state_.notifier.subscriptions(message->aor, message->event).empty());
    if (!is_anybody_there) {
      store_.put_back(*std::move(message), now, now + nobody_there);
      continue;
    }
    const Text text_id = message->id;
    const delivery::Strategy strategy = message->strategy;
    bytes_in_progress_ += message->body.size();
    ++stored_in_progress_;
    const PushId id = in_progress_.insert(PushInProgress{.message = std::move(*message),
                                                         .delivery = {strategy, state_.settings.push.delivery.attempt},
                                                         .sender = {},
                                                         .is_kept = true,
                                                         .is_acknowledged = true,
                                                         .holds_user = true,
                                                         .is_stored = true,
                                                         .began = now});
    by_id_.emplace(text_id, id);
    holders_.insert_or_assign(in_progress_.find(id)->message.aor, id);
    begin_delivery(id, now, outbox);
  }
}

void PushService::ask_restarted(std::string_view aor, std::string_view device, Instant now, Outbox& outbox) {
  if (redirects_.size() == 0) return;
  const bool is_here = std::ranges::any_of(state_.location.find(aor, now), [&](const location::Binding* binding) {
    return location::device_key(location::traits_of(*binding)) == device;
  });
  // One that has another name now will say anew what it wants.
  if (is_here)
    redirects_.ask_again(device, outbox);
  else
    redirects_.forget(device, "the terminal was restarted", outbox);
}

void PushService::restore(const Row& row, Instant now, Outbox& outbox) {
  const Text* const key = row.columns.empty() ? nullptr : std::get_if<Text>(&row.columns[0]);
  switch (row.table) {
    case Table::redirect: {
      // Of a team whoever has the user's bindings.
      const Text* const aor = row.columns.size() > 1 ? std::get_if<Text>(&row.columns[1]) : nullptr;
      if (state_.team.is_alone() || (aor != nullptr && owner_of(*aor, state_.team) == state_.team.number))
        redirects_.restore(row, now, outbox);
      return;
    }
    case Table::push_message: {
      auto message = delivery::message_from_row(row);
      if (!message) {
        if (key != nullptr && state_.team.leads()) outbox.change({Table::push_message, *key, {}});
        return;
      }
      if (!state_.team.is_alone() && owner_of(message->aor, state_.team) != state_.team.number) return;
      numbers_.note(message->id);
      if (!message->key.empty()) by_key_.insert_or_assign(message->key, message->id);
      watch(message->aor);
      const Instant when = now + after_restart + restart_pace * watched_.size();
      store_.add(*std::move(message), when);
      return;
    }
    case Table::push_record: {
      // As its message was: where the user's orders come, and are repeated.
      const Text* const aor = row.columns.size() > 1 ? std::get_if<Text>(&row.columns[1]) : nullptr;
      if (!state_.team.is_alone() && (aor == nullptr || owner_of(*aor, state_.team) != state_.team.number)) return;
      if (key != nullptr) {
        numbers_.note(*key);
        // Both were there when we were killed: it has ended.
        if (const auto ended = store_.remove(*key)) {
          outbox.change(delivery::erase(*ended));
          unwatch(ended->aor);
          if (!ended->key.empty()) by_key_.erase(ended->key);
        }
      }
      log_.restore(row);
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
    case Table::dialog:
    case Table::agent_account: return;
  }
}

}  // namespace ringhold::branch_device
