#include "ringing/local_time.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace ringhold::ringing {

namespace {

/// A number of just so many digits.
std::optional<unsigned> digits(std::string_view text, std::size_t count) {
  return text.size() == count ? parse_number<unsigned>(text) : std::nullopt;
}

}  // namespace

std::chrono::seconds TimeZone::offset_at(Instant now) const {
  const auto next = std::ranges::upper_bound(changes, now, {}, &Change::at);
  return next == changes.begin() ? offset : std::prev(next)->offset;
}

LocalTime Calendar::local(Instant now) const {
  const std::chrono::local_time<Duration> shown{(now + ahead).time_since_epoch() + zone.offset_at(now + ahead)};
  const auto date = std::chrono::floor<std::chrono::days>(shown);
  return {date, std::chrono::floor<std::chrono::minutes>(shown - date)};
}

bool Calendar::is_holiday(std::chrono::local_days date) const { return std::ranges::binary_search(holidays, date); }

std::optional<std::chrono::local_days> parse_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = digits(text.substr(0, 4), 4);
  const auto month = digits(text.substr(5, 2), 2);
  const auto day = digits(text.substr(8), 2);
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)}, std::chrono::month{*month}, std::chrono::day{*day}};
  return date.ok() ? std::optional{std::chrono::local_days{date}} : std::nullopt;
}

std::optional<std::chrono::minutes> parse_time_of_day(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hours = digits(text.substr(0, 2), 2);
  const auto minutes = digits(text.substr(3), 2);
  if (!hours || !minutes || *minutes > 59 || *hours > 24 || (*hours == 24 && *minutes != 0)) return std::nullopt;
  return std::chrono::hours{*hours} + std::chrono::minutes{*minutes};
}

std::string text_of(std::chrono::minutes time_of_day) {
  return fmt::format("{:02}:{:02}", time_of_day / std::chrono::hours{1}, time_of_day.count() % 60);
}

std::string text_of(const LocalTime& local) {
  const std::chrono::year_month_day date{local.date};
  return fmt::format("{:04}-{:02}-{:02} {}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), text_of(local.time));
}

}  // namespace ringhold::ringing
