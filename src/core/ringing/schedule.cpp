#include "ringing/schedule.hpp"

#include <algorithm>
#include <array>

namespace ringhold::ringing {

namespace {

constexpr std::array<std::string_view, 8> day_names{"mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"};
constexpr std::size_t holiday = 7;
constexpr std::chrono::minutes whole_day{24 * 60};

bool has_day(const Days& days, std::chrono::local_days date, const Calendar& calendar) {
  return days.test(calendar.is_holiday(date) ? holiday : std::chrono::weekday{date}.iso_encoding() - 1U);
}

std::string_view wrong_with_hours(const Schedule& schedule) {
  if (schedule.from >= whole_day) return "it begins at 23:59 at the latest";
  if (schedule.to == std::chrono::minutes{0}) return "midnight, when it ends, is 24:00";
  if (schedule.from == schedule.to) return "it ends when it begins; the whole day is 00:00 to 24:00";
  return {};
}

Text wrong_with(const Schedule& schedule, const TerminalTypes& types) {
  if (schedule.days.none()) return "it names no day";
  if (const auto wrong = wrong_with_hours(schedule); !wrong.empty()) return Text{wrong};
  return wrong_with(schedule.plan, types);
}

/// The text up to the next such character, which is taken away with it.
std::string_view take_until(char end, std::string_view& rest) {
  const auto at = std::min(rest.find(end), rest.size());
  const std::string_view taken = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return taken;
}

std::optional<Schedule> parse_schedule(std::string_view line) {
  std::vector<std::string> names;
  for (std::string_view words = take_until(' ', line); !words.empty();) names.emplace_back(take_until(',', words));
  const auto days = parse_days(names);
  std::string_view hours = take_until(' ', line);
  const auto from = parse_time_of_day(take_until('-', hours));
  const auto to = parse_time_of_day(hours);
  if (!days || !from || !to) return std::nullopt;
  Schedule schedule{*days, *from, *to, {}};
  if (!wrong_with_hours(schedule).empty()) return std::nullopt;
  const auto fallback = line.find('>');
  if (fallback != std::string_view::npos) schedule.plan.fallback = line.substr(fallback + 1);
  auto steps = parse_steps(trimmed(line.substr(0, fallback)));
  if (!steps) return std::nullopt;
  schedule.plan.steps = std::move(*steps);
  return schedule;
}

}  // namespace

std::vector<std::string> names_of(const Days& days) {
  std::vector<std::string> names;
  for (std::size_t day = 0; day < days.size(); ++day)
    if (days.test(day)) names.emplace_back(day_names[day]);
  return names;
}

std::expected<Days, std::string> parse_days(std::span<const std::string> names) {
  Days days;
  for (const std::string& name : names) {
    const auto* const found = std::ranges::find(day_names, name);
    if (found == day_names.end()) return std::unexpected{"\"" + name + "\" is none of mon, tue, wed, thu, fri, sat, sun, holiday"};
    days.set(static_cast<std::size_t>(found - day_names.begin()));
  }
  if (days.none()) return std::unexpected{std::string{"it names no day"}};
  return days;
}

bool Schedule::holds(const LocalTime& local, const Calendar& calendar) const {
  if (from < to) return has_day(days, local.date, calendar) && local.time >= from && local.time < to;
  if (local.time >= from) return has_day(days, local.date, calendar);
  return local.time < to && has_day(days, local.date - std::chrono::days{1}, calendar);
}

const Schedule* holding(std::span<const Schedule> schedules, const Calendar& calendar, Instant now) {
  if (schedules.empty()) return nullptr;
  const LocalTime local = calendar.local(now);
  const auto found = std::ranges::find_if(schedules, [&](const Schedule& one) { return one.holds(local, calendar); });
  return found == schedules.end() ? nullptr : &*found;
}

Text wrong_with(std::span<const Schedule> schedules, const TerminalTypes& types) {
  if (schedules.size() > most_schedules) return "more than " + std::to_string(most_schedules) + " schedules";
  for (std::size_t i = 0; i < schedules.size(); ++i)
    if (const Text wrong = wrong_with(schedules[i], types); !wrong.empty()) return "schedule " + std::to_string(i + 1) + ": " + wrong;
  return {};
}

Text text_of(std::span<const Schedule> schedules) {
  Text text;
  for (const Schedule& schedule : schedules) {
    if (!text.empty()) text += '\n';
    const auto begin = text.size();
    for (const std::string& name : names_of(schedule.days)) text.append(text.size() == begin ? "" : ",").append(name);
    text.append(" ").append(text_of(schedule.from)).append("-").append(text_of(schedule.to));
    if (!schedule.plan.steps.empty()) text.append(" ").append(text_of(schedule.plan.steps));
    if (!schedule.plan.fallback.empty()) text.append(" >").append(schedule.plan.fallback);
  }
  return text;
}

std::optional<std::vector<Schedule>> parse_schedules(std::string_view text) {
  std::vector<Schedule> schedules;
  while (!text.empty()) {
    auto schedule = parse_schedule(take_until('\n', text));
    if (!schedule || schedules.size() == most_schedules) return std::nullopt;
    schedules.push_back(std::move(*schedule));
  }
  return schedules;
}

}  // namespace ringhold::ringing
