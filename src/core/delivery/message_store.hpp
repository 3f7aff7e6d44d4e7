#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/outbox.hpp"
#include "delivery/message.hpp"
#include "delivery/policy.hpp"

namespace ringhold::delivery {

/// Messages for users whom nobody could reach (P8, PSH-18): each user's in order, one at a time, each for its time. Their rows
/// are their owner's to write.
class MessageStore {
 public:
  explicit MessageStore(const Settings& settings) : settings_{settings} {}
  void reconfigure(const Settings& settings) { settings_ = settings; }

  /// Whether a message of that size may come in.
  bool has_room(std::size_t body_bytes) const {
    return messages_ < settings_.store_messages && bytes_ + body_bytes <= settings_.store_bytes;
  }
  /// Behind those that wait for the same user. Tried at `when`, or when wake() is called.
  void add(Message message, Instant when);
  /// One of the user's is on its way and may come back: until release() or put_back() none is taken.
  void hold(std::string_view aor);
  /// What was taken or held is over: the user's next one may be taken.
  void release(std::string_view aor, Instant now);
  /// The same, but it could not be delivered: it comes first again, and is tried at `when`, or at once if somebody came meanwhile.
  void put_back(Message message, Instant now, Instant when);

  /// Whether anything for that user waits, or is on its way and may come back: what comes now has to wait, too.
  bool has(std::string_view aor) const { return users_.contains(aor); }
  /// Somebody may be there: the user's first message may be taken now.
  void wake(std::string_view aor, Instant now);
  /// The same for all users, one after another, some in each `pace`.
  void wake_all(Instant now, Duration pace);
  /// The first message of a user whose time has come, which is held with it.
  std::optional<Message> take(Instant now);
  /// When take() will give something.
  std::optional<Instant> next_due() const { return due_.empty() ? std::nullopt : std::optional{due_.begin()->first}; }
  /// Those whose time is over.
  std::vector<Message> expire(Instant now);
  std::optional<Instant> next_end() const { return ends_.empty() ? std::nullopt : std::optional{ends_.begin()->first}; }
  /// Nothing: it does not wait here.
  std::optional<Message> remove(std::string_view id);
  const Message* find(std::string_view id) const;

  std::size_t size() const { return messages_; }
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [aor, user] : users_)
      for (const Message& message : user.waiting) visit(message);
  }

 private:
  struct User {
    std::deque<Message> waiting;
    unsigned held = 0;      ///< so many are on their way
    bool is_woken = false;  ///< somebody came while they were
    std::optional<Instant> due;
  };
  void schedule(const Text& aor, User& user, Instant when);
  void unschedule(const Text& aor, User& user);
  void count_in(const Message& message);
  void count_out(const Message& message);
  void drop_if_empty(const Text& aor);

  Settings settings_;
  std::size_t messages_ = 0;
  std::size_t bytes_ = 0;
  boost::unordered_flat_map<Text, User, TextHash, TextEqual> users_;
  boost::unordered_flat_map<Text, Text, TextHash, TextEqual> user_of_;  ///< AOR by id
  std::set<std::pair<Instant, Text>> due_;                              ///< AORs
  std::set<std::pair<Instant, Text>> ends_;                             ///< ids
};

}  // namespace ringhold::delivery
