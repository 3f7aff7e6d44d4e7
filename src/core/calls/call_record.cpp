#include "calls/call_record.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/row_reader.hpp"

namespace ringhold::calls {

namespace {

constexpr std::array ends{End::bye, End::refused, End::lost, End::terminal_restart};
constexpr std::array enders{EndedBy::nobody, EndedBy::caller, EndedBy::callee};

}  // namespace

std::string_view name(End how) {
  switch (how) {
    case End::bye: return "bye";
    case End::refused: return "refused";
    case End::lost: return "lost";
    case End::terminal_restart: return "terminal-restart";
  }
  return "";
}

std::string_view name(EndedBy who) {
  switch (who) {
    case EndedBy::nobody: return "nobody";
    case EndedBy::caller: return "caller";
    case EndedBy::callee: return "callee";
  }
  return "";
}

Change put(const CallRecord& record) {
  return {Table::call,
          record.id,
          {record.id, record.call_id, record.caller, record.callee, to_unix_ms(record.began),
           record.answered ? to_unix_ms(*record.answered) : std::int64_t{0}, to_unix_ms(record.ended), Text{name(record.how)},
           Text{name(record.by)}, std::int64_t{record.status}, record.mode, record.legs}};
}

std::optional<CallRecord> from_row(const Row& row) {
  if (row.table != Table::call) return std::nullopt;
  RowReader reader{row};
  CallRecord record;
  record.id = reader.text();
  record.call_id = reader.text();
  record.caller = reader.text();
  record.callee = reader.text();
  record.began = reader.instant();
  if (const Instant answered = reader.instant(); answered != from_unix_ms(0)) record.answered = answered;
  record.ended = reader.instant();
  record.how = reader.named(ends);
  record.by = reader.named(enders);
  record.status = static_cast<int>(reader.number());
  record.mode = reader.text();
  record.legs = reader.text(longest_legs);
  return reader.valid && !record.id.empty() ? std::optional{std::move(record)} : std::nullopt;
}

bool CallLog::admits(Instant now) {
  if (now >= second_ + 1s || now < second_) {
    second_ = now;
    in_second_ = 0;
  }
  if (in_second_ < most_per_second) return ++in_second_, true;
  ++left_out_;
  return false;
}

void CallLog::add(CallRecord record, Outbox& outbox) {
  outbox.change(put(record));
  records_.push_back(std::move(record));
  keep_within_bound(outbox);
}

void CallLog::restore(const Row& row, Outbox& outbox) {
  auto record = from_row(row);
  if (!record) return;
  const auto place = std::ranges::upper_bound(records_, record->id, {}, &CallRecord::id);
  records_.insert(place, *std::move(record));
  keep_within_bound(outbox);
}

void CallLog::keep_within_bound(Outbox& outbox) {
  while (records_.size() > most_) {
    outbox.change({Table::call, records_.front().id, {}});
    records_.pop_front();
  }
}

}  // namespace ringhold::calls
