#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "base/journal.hpp"
#include "base/limits.hpp"
#include "base/outbox.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "delivery/delivery.hpp"
#include "delivery/message.hpp"

namespace ringhold::delivery {

/// What became of a push that has ended, by which steps (P7). `Step::sent_at` and `ended_at` count from the beginning of its last round.
struct PushRecord {
  Text id;
  Text aor;
  Text sender;
  Method method = Method::message;
  Text content_type;
  std::size_t size = 0;  ///< bytes of content
  Instant accepted_at;
  Instant began_at;  ///< its last round
  Instant ended_at;
  bool is_delivered = false;
  Reason reason = Reason::none;
  std::vector<Step> steps;
  Text key;
  friend bool operator==(const PushRecord& a, const PushRecord& b) { return a.id == b.id; }
};
PushRecord record_of(const Message& message, Instant now);

Change put(const PushRecord& record);
std::optional<PushRecord> record_from_row(const Row& row);

/// The last pushes that ended, oldest first; the store has the same ones.
class PushLog {
 public:
  explicit PushLog(std::size_t most = limits::push_records) : most_{most} {}
  /// A new one, or in the place of that with the same id.
  void put(PushRecord record, Outbox& outbox);
  /// In whatever order the store gives them.
  void restore(const Row& row, Outbox& outbox);
  /// Null: it is not known (any more).
  const PushRecord* find(std::string_view id) const;
  /// What has that idempotency key; null likewise.
  const PushRecord* find_key(std::string_view key) const;
  const std::deque<PushRecord>& records() const { return records_; }

 private:
  void insert(PushRecord record);
  void keep_within_bound(Outbox& outbox);

  std::size_t most_;
  std::deque<PushRecord> records_;
  boost::unordered_flat_map<Text, Text, TextHash, TextEqual> by_key_;  ///< ids
};

}  // namespace ringhold::delivery
