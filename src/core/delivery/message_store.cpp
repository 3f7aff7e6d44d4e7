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
  const auto entry = users_.try_emplace(message.aor).first;
  User& user = entry->second;
  // In the order in which they were accepted, also when the store gives them in another.
  const auto place = std::ranges::upper_bound(user.waiting, message.id, {}, &Message::id);
  user.waiting.insert(place, std::move(message));
  if (user.held == 0 && (!user.due || when < *user.due)) schedule(entry->first, user, when);
}

void MessageStore::hold(std::string_view aor) {
  const auto entry = users_.try_emplace(Text{aor}).first;
  ++entry->second.held;
  unschedule(entry->first, entry->second);
}

void MessageStore::release(std::string_view aor, Instant now) {
  const auto entry = users_.find(aor);
  if (entry == users_.end() || entry->second.held == 0) return;
  User& user = entry->second;
  if (--user.held > 0) return;
  user.is_woken = false;
  if (!user.waiting.empty()) return schedule(entry->first, user, now);
  drop_if_empty(Text{aor});
}

void MessageStore::put_back(Message message, Instant now, Instant when) {
  const auto entry = users_.try_emplace(message.aor).first;
  User& user = entry->second;
  if (user.held > 0) --user.held;
  if (std::exchange(user.is_woken, user.held > 0 && user.is_woken)) when = now;
  add(std::move(message), when);
}

void MessageStore::drop_if_empty(const Text& aor) {
  const auto entry = users_.find(aor);
  if (entry == users_.end() || entry->second.held > 0 || !entry->second.waiting.empty()) return;
  unschedule(entry->first, entry->second);
  users_.erase(entry);
}

void MessageStore::wake(std::string_view aor, Instant now) {
  const auto entry = users_.find(aor);
  if (entry == users_.end()) return;
  User& user = entry->second;
  if (user.held > 0) {
    user.is_woken = true;
    return;
  }
  if (!user.waiting.empty() && (!user.due || *user.due > now)) schedule(entry->first, user, now);
}

void MessageStore::wake_all(Instant now, Duration pace) {
  Instant when = now;
  for (auto& [aor, user] : users_) {
    if (user.held > 0 || user.waiting.empty()) continue;
    if (!user.due || *user.due > when) schedule(aor, user, when);
    when += pace;
  }
}

std::optional<Message> MessageStore::take(Instant now) {
  if (due_.empty() || due_.begin()->first > now) return std::nullopt;
  const auto entry = users_.find(due_.begin()->second);
  User& user = entry->second;
  unschedule(entry->first, user);
  ++user.held;
  Message message = std::move(user.waiting.front());
  user.waiting.pop_front();
  count_out(message);
  return message;
}

std::vector<Message> MessageStore::expire(Instant now) {
  std::vector<Message> over;
  while (!ends_.empty() && ends_.begin()->first <= now) {
    const Text id = ends_.begin()->second;
    ends_.erase(ends_.begin());
    if (auto message = remove(id)) over.push_back(*std::move(message));
  }
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
