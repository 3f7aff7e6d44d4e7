#include "app/ring_when.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/text.hpp"

namespace ringhold::app {

namespace {

constexpr std::size_t weekdays = 7;  // the holiday comes after them

/// The place of one day; an error when it is none.
std::expected<std::size_t, std::string> day_of(std::string_view name) {
  const auto days = ringing::parse_days(std::vector{std::string{name}});
  if (!days) return std::unexpected{days.error()};
  std::size_t day = 0;
  while (!days->test(day)) ++day;
  return day;
}

/// "mon" or "mon-fri"; a range may go past Sunday.
std::expected<ringing::Days, std::string> range_of(std::string_view text) {
  const auto hyphen = std::min(text.find('-'), text.size());
  const auto first = day_of(text.substr(0, hyphen));
  if (!first) return std::unexpected{first.error()};
  ringing::Days days;
  days.set(*first);
  if (hyphen == text.size()) return days;
  const auto last = day_of(text.substr(hyphen + 1));
  if (!last) return std::unexpected{last.error()};
  if (*first >= weekdays || *last >= weekdays) return std::unexpected{"\"" + std::string{text} + "\": a range is one of weekdays"};
  for (std::size_t day = *first; day != *last; day = (day + 1) % weekdays) days.set(day);
  days.set(*last);
  return days;
}

}  // namespace

std::expected<ringing::Schedule, std::string> parse_when(std::string_view text) {
  text = trimmed(text);
  const auto blank = std::min(text.find(' '), text.size());
  ringing::Schedule schedule;
  for (std::string_view rest = text.substr(0, blank);;) {
    const auto comma = std::min(rest.find(','), rest.size());
    const auto days = range_of(rest.substr(0, comma));
    if (!days) return std::unexpected{days.error()};
    schedule.days |= *days;
    if (comma == rest.size()) break;
    rest.remove_prefix(comma + 1);
  }
  const std::string_view hours = trimmed(text.substr(blank));
  if (hours.empty()) return schedule;
  const auto hyphen = std::min(hours.find('-'), hours.size());
  const auto from = ringing::parse_time_of_day(hours.substr(0, hyphen));
  const auto to = hyphen == hours.size() ? std::nullopt : ringing::parse_time_of_day(hours.substr(hyphen + 1));
  if (!from || !to) return std::unexpected{"\"" + std::string{hours} + "\" is not as 08:00-17:00"};
  schedule.from = *from;
  schedule.to = *to;
  return schedule;
}

std::string text_of_when(const ringing::Schedule& schedule) {
  const auto names = ringing::names_of(~ringing::Days{});
  std::string text;
  const auto add = [&](std::size_t day, char before) {
    if (!text.empty()) text += before;
    text += names[day];
  };
  for (std::size_t day = 0; day < weekdays; ++day) {
    if (!schedule.days.test(day)) continue;
    add(day, ',');
    std::size_t last = day;
    while (last + 1 < weekdays && schedule.days.test(last + 1)) ++last;
    if (last == day) continue;
    add(last, last == day + 1 ? ',' : '-');
    day = last;
  }
  if (schedule.days.test(weekdays)) add(weekdays, ',');
  return text + " " + ringing::text_of(schedule.from) + "-" + ringing::text_of(schedule.to);
}

}  // namespace ringhold::app
