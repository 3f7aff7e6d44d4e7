#pragma once

#include <bitset>
#include <chrono>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "base/time.hpp"
#include "ringing/local_time.hpp"
#include "ringing/ring_plan.hpp"

namespace ringhold::ringing {

/// Monday is 0, Sunday 6, and 7 a date of `ringing.holidays`, which is no weekday then.
using Days = std::bitset<8>;

/// The words of a set of days, Monday first: "mon" to "sun" and "holiday".
std::vector<std::string> names_of(const Days& days);
/// What names_of() gave, in any order; an error says what is wrong, also when there are none.
std::expected<Days, std::string> parse_days(std::span<const std::string> names);

/// A plan that holds on some days between two hours (G2), by the clock on the wall: an hour that is skipped when clocks are put
/// forward has none of it, one that comes twice has it twice.
struct Schedule {
  Days days;
  std::chrono::minutes from{};       ///< since midnight
  std::chrono::minutes to{24 * 60};  ///< when it is over; before `from`: on the next day, and what counts is the day of its beginning
  RingPlan plan{};

  bool holds(const LocalTime& local, const Calendar& calendar) const;
  friend bool operator==(const Schedule&, const Schedule&) = default;
};

inline constexpr std::size_t most_schedules = 16;

/// The first that holds now; null when none does.
const Schedule* holding(std::span<const Schedule> schedules, const Calendar& calendar, Instant now);

/// What is wrong with them; empty when nothing is.
Text wrong_with(std::span<const Schedule> schedules, const TerminalTypes& types);

/// A line each, "mon,tue 08:00-17:00 0,1:15 2:20 >voicemail": steps and fallback as they are there.
Text text_of(std::span<const Schedule> schedules);
/// What text_of() gave; nothing for what it cannot have given.
std::optional<std::vector<Schedule>> parse_schedules(std::string_view text);

}  // namespace ringhold::ringing
