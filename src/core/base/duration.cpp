#include "base/duration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace ringhold {

namespace {

struct Unit {
  std::string_view name;
  Duration length;
};
constexpr std::array units{Unit{"ms", 1ms}, Unit{"s", 1s}, Unit{"m", 1min}, Unit{"h", 1h}, Unit{"d", 24h}};

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_number<std::uint32_t>(text.substr(0, digits), 1'000'000);
  if (!number) return std::nullopt;
  for (const Unit& unit : units)
    if (text.substr(digits) == unit.name) return unit.length * static_cast<Duration::rep>(*number);
  return std::nullopt;
}

std::string to_text(Duration duration) {
  for (auto unit = units.rbegin(); unit != units.rend(); ++unit)
    if (duration % unit->length == Duration::zero()) return fmt::format("{}{}", duration / unit->length, unit->name);
  return fmt::format("{}ns", duration.count());
}

}  // namespace ringhold
