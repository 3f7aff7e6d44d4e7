#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "base/journal.hpp"
#include "base/outbox.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "calls/call.hpp"

namespace ringhold::calls {

/// What became of a call.
enum class End : std::uint8_t { bye, refused, lost, terminal_restart };
std::string_view name(End how);
enum class EndedBy : std::uint8_t { nobody, caller, callee };
std::string_view name(EndedBy who);
constexpr EndedBy ended_by(Side side) { return side == Side::caller ? EndedBy::caller : EndedBy::callee; }

/// Longer texts are cut in a record: who calls chooses them, and thousands of records are kept.
inline constexpr std::size_t longest_text = 256;
inline constexpr std::size_t longest_legs = 8192;
inline constexpr std::size_t longest_routes = 1024;  ///< of a dialog; one with more cannot be released

/// What is kept of one call attempt (C6).
struct CallRecord {
  Text id;  ///< in the order in which calls began
  Text call_id;
  Text caller;  ///< AORs
  Text callee;
  Instant began;
  std::optional<Instant> answered;
  Instant ended;
  End how = End::lost;
  EndedBy by = EndedBy::nobody;
  int status = 0;  ///< of the final response; 200 for one that was answered
  Text mode;       ///< in which the call began
  Text legs;       ///< who was called: a line each, "URI AFTER_MS UNTIL_MS STATUS WHY"
  friend bool operator==(const CallRecord&, const CallRecord&) = default;
};

Change put(const CallRecord& record);
std::optional<CallRecord> from_row(const Row& row);

/// The last calls that ended, oldest first; the store has the same ones.
class CallLog {
 public:
  explicit CallLog(std::size_t most) : most_{most} {}
  /// Whether one more fits into this second. A flood of calls must not wear out the disk, nor push out what phones need kept;
  /// those that do not fit are counted.
  bool admits(Instant now);
  void add(CallRecord record, Outbox& outbox);
  /// In whatever order the store gives them.
  void restore(const Row& row, Outbox& outbox);
  const std::deque<CallRecord>& records() const { return records_; }
  std::uint64_t left_out() const { return left_out_; }

  static constexpr unsigned most_per_second = 200;

 private:
  void keep_within_bound(Outbox& outbox);

  std::size_t most_;
  Instant second_;
  unsigned in_second_ = 0;
  std::uint64_t left_out_ = 0;
  std::deque<CallRecord> records_;
};

}  // namespace ringhold::calls
