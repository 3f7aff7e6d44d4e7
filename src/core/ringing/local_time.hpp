#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace ringhold::ringing {

/// The rules of a time zone as plain data: when its clocks were, and will be, put forward or back.
struct TimeZone {
  struct Change {
    Instant at;
    std::chrono::seconds offset{};  ///< of local clocks to UTC, from then on; east is positive
  };
  std::string name = "UTC";
  std::chrono::seconds offset{};  ///< before the first change
  std::vector<Change> changes{};  ///< the earliest first; what the last one says holds for ever

  std::chrono::seconds offset_at(Instant now) const;
};

/// What a clock on the wall shows.
struct LocalTime {
  std::chrono::local_days date;
  std::chrono::minutes time{};  ///< since midnight, below 24 h
  friend bool operator==(const LocalTime&, const LocalTime&) = default;
};

/// A branch's clock and its days off.
struct Calendar {
  TimeZone zone;
  std::vector<std::chrono::local_days> holidays{};  ///< the earliest first
  Duration ahead{};                                 ///< how far the machine's clock was set since the start: an Instant does not follow it

  LocalTime local(Instant now) const;
  bool is_holiday(std::chrono::local_days date) const;
};

/// "2026-12-25" (RFC 3339 full-date); nothing for what is no date.
std::optional<std::chrono::local_days> parse_date(std::string_view text);
/// "08:00" to "24:00", since midnight; nothing for what is no time of day.
std::optional<std::chrono::minutes> parse_time_of_day(std::string_view text);
/// As parse_time_of_day() reads it.
std::string text_of(std::chrono::minutes time_of_day);
/// "2026-12-25 08:00".
std::string text_of(const LocalTime& local);

}  // namespace ringhold::ringing
