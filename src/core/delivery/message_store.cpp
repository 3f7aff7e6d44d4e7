#include "delivery/message_store.hpp"

#include <algorithm>

namespace ringhold::delivery {

void MessageStore::count_in(const Message& message) {
  ++messages_;
  bytes_ += message.body.size();
  user_of_.emplace(message.id, message.aor);
  ends_.emplace(message.expires_at, message.id);
}

void MessageStore::count_out(const Message& message) {
  --messages_;
  bytes_ -= message.body.size();
  user_of_.erase(message.id);
  ends_.erase({message.expires_at, message.id});
}

void MessageStore::schedule(const Text& aor, User& user, Instant when) {
  unschedule(aor, user);
  user.due = when;
  due_.emplace(when, aor);
}

void MessageStore::unschedule(const Text& aor, User& user) {
  if (!user.due) return;
  due_.erase({*user.due, aor});
  user.due.reset();
}

void MessageStore::add(Message message, Instant when) {
  count_in(message);
  const auto [entry, is_new] = users_.try_emplace(message.aor);
  User& user = entry->second;
  // In the order in which they were accepted, also when the store gives them in another.
  const auto place = std::ranges::upper_bound(user.waiting, message.id, {}, &Message::id);
  user.waiting.insert(place, std::move(message));
  if (!user.is_busy && (!user.due || when < *user.due)) schedule(entry->first, user, when);
}

void MessageStore::put_back(Message message, Instant when) {
  const auto [entry, is_new] = users_.try_emplace(message.aor);
  entry->second.is_busy = false;
  unschedule(entry->first, entry->second);
  add(std::move(message), when);
}

void MessageStore::done(std::string_view aor, Instant when) {
  const auto entry = users_.find(aor);
  if (entry == users_.end()) return;
  entry->second.is_busy = false;
  if (!entry->second.waiting.empty()) return schedule(entry->first, entry->second, when);
  drop_if_empty(aor);
}

void MessageStore::drop_if_empty(std::string_view aor) {
  const auto entry = users_.find(aor);
  if (entry == users_.end() || entry->second.is_busy || !entry->second.waiting.empty()) return;
  unschedule(entry->first, entry->second);
  users_.erase(entry);
}

void MessageStore::wake(std::string_view aor, Instant now) {
  const auto entry = users_.find(aor);
  if (entry == users_.end() || entry->second.is_busy || entry->second.waiting.empty()) return;
  if (!entry->second.due || *entry->second.due > now) schedule(entry->first, entry->second, now);
}

void MessageStore::wake_all(Instant now, Duration pace) {
  Instant when = now;
  for (auto& [aor, user] : users_) {
    if (user.is_busy || user.waiting.empty()) continue;
    if (!user.due || *user.due > when) schedule(aor, user, when);
    when += pace;
  }
}

std::optional<Message> MessageStore::take(Instant now) {
  if (due_.empty() || due_.begin()->first > now) return std::nullopt;
  const auto entry = users_.find(due_.begin()->second);
  User& user = entry->second;
  unschedule(entry->first, user);
  user.is_busy = true;
  Message message = std::move(user.waiting.front());
  user.waiting.pop_front();
  count_out(message);
  return message;
}

std::vector<Message> MessageStore::expire(Instant now) {
  std::vector<Message> over;
  while (!ends_.empty() && ends_.begin()->first <= now)
    if (auto message = remove(Text{ends_.begin()->second})) over.push_back(*std::move(message));
  return over;
}

std::optional<Message> MessageStore::remove(std::string_view id) {
  const auto owner = user_of_.find(id);
  if (owner == user_of_.end()) return std::nullopt;
  const Text aor = owner->second;
  User& user = users_.find(aor)->second;
  const auto place = std::ranges::find(user.waiting, id, &Message::id);
  Message message = std::move(*place);
  user.waiting.erase(place);
  count_out(message);
  if (user.waiting.empty()) {
    unschedule(aor, user);
    drop_if_empty(aor);
  }
  return message;
}

const Message* MessageStore::find(std::string_view id) const {
  const auto owner = user_of_.find(id);
  if (owner == user_of_.end()) return nullptr;
  const User& user = users_.find(owner->second)->second;
  const auto place = std::ranges::find(user.waiting, id, &Message::id);
  return place == user.waiting.end() ? nullptr : &*place;
}

}  // namespace ringhold::delivery
