#include "registrar/date_line.hpp"

#include <array>

namespace ringhold::registrar {

namespace {

constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void append_two_digits(Text& out, std::int64_t number) {
  out.push_back(static_cast<char>('0' + number / 10));
  out.push_back(static_cast<char>('0' + number % 10));
}

}  // namespace

std::string_view DateLine::at(Instant now) {
  const std::int64_t second = to_unix_ms(now) / 1000;
  if (second == second_) return line_;
  second_ = second;
  const std::chrono::sys_days day{std::chrono::days{second / 86'400}};
  const std::chrono::year_month_day date{day};
  line_.assign("Date: ").append(days[std::chrono::weekday{day}.c_encoding()]).append(", ");
  append_two_digits(line_, static_cast<unsigned>(date.day()));
  line_.append(" ").append(months[static_cast<unsigned>(date.month()) - 1]).append(" ");
  line_.append(std::to_string(static_cast<int>(date.year()))).append(" ");
  append_two_digits(line_, second % 86'400 / 3'600);
  line_.push_back(':');
  append_two_digits(line_, second % 3'600 / 60);
  line_.push_back(':');
  append_two_digits(line_, second % 60);
  line_.append(" GMT\r\n");
  return line_;
}

}  // namespace ringhold::registrar
