#include "app/ringing_settings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/time_zones.hpp"
#include "ringing/ring_plan.hpp"
#include "sip/uri.hpp"

namespace ringhold::app {

namespace {

ringing::TerminalType read_type(TomlSection& table) {
  ringing::TerminalType type;
  type.code = ringing::TypeCode{static_cast<std::uint16_t>(table.count("code", 0, 0, ringing::highest_type_code))};
  type.name = table.text("name").value_or("");
  const bool is_name = !type.name.empty() && std::ranges::all_of(type.name, [](char c) { return is_alpha(c) || is_digit(c) || c == '-'; });
  if (!is_name || parse_number<std::uint64_t>(type.name))
    table.error("name", fmt::format("\"{}\": expected letters, digits and hyphens, such as \"ip-phone\"", type.name));
  for (const TomlItem& pattern : table.texts("user_agent").value_or(std::vector<TomlItem>{})) type.user_agents.push_back(pattern.text);
  type.mobile = table.flag("mobile", false);
  table.finish();
  return type;
}

void read_calendar(TomlSection& table, const std::string& own_zone, ringing::Calendar& calendar) {
  if (const auto name = table.text("time_zone")) {
    if (auto zone = read_time_zone(*name))
      calendar.zone = std::move(*zone);
    else
      table.error("time_zone",
                  fmt::format("\"{}\": expected a time zone of this machine's data, such as \"Europe/Berlin\" or \"UTC\"", *name));
  } else if (!own_zone.empty()) {
    calendar.zone = read_time_zone(own_zone).value_or(ringing::TimeZone{});
  }
  for (const TomlItem& item : table.texts("holidays").value_or(std::vector<TomlItem>{})) {
    if (const auto date = ringing::parse_date(item.text))
      calendar.holidays.push_back(*date);
    else
      table.error("holidays", item.line, fmt::format("\"{}\": expected a date, such as \"2026-12-25\"", item.text));
  }
  std::ranges::sort(calendar.holidays);
}

}  // namespace

void read_ringing(TomlSection table, const Surroundings& machine, branch_device::Settings::Ringing& ringing) {
  ringing.step = table.duration("step", ringing.step, 1s, ringing::longest_step);
  ringing.total = table.duration("total", ringing.total, 5s, 10min);
  for (const TomlItem& item : table.texts("trusted").value_or(std::vector<TomlItem>{})) {
    if (const auto network = Network::parse(item.text))
      ringing.trusted.push_back(*network);
    else
      table.error("trusted", item.line, fmt::format("\"{}\": expected an address or a network of application servers", item.text));
  }
  read_calendar(table, machine.time_zone, ringing.calendar);
  auto types = table.tables("type");
  if (!types.empty()) ringing.types.clear();
  for (TomlSection& one : types) {
    const ringing::TerminalType type = read_type(one);
    const bool twice = std::ranges::any_of(
        ringing.types, [&](const ringing::TerminalType& other) { return other.code == type.code || other.name == type.name; });
    if (twice) one.error("code", fmt::format("{}: expected another code and name than those above", ringing::to_number(type.code)));
    ringing.types.push_back(type);
  }
  table.finish();
}

}  // namespace ringhold::app
