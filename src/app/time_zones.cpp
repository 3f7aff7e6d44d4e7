#include "app/time_zones.hpp"

#include <date/tz.h>

#include <exception>

namespace ringhold::app {

namespace {

constexpr date::sys_days no_later_than{date::year{2200} / 1 / 1};

}  // namespace

std::string own_time_zone() {
  try {
    return date::current_zone()->name();
  } catch (const std::exception&) { return {}; }  // no data, or a link that leads nowhere
}

std::optional<ringing::TimeZone> read_time_zone(const std::string& name) {
  try {
    const date::time_zone* const zone = date::locate_zone(name);
    date::sys_info info = zone->get_info(date::sys_seconds{});
    ringing::TimeZone read{name, info.offset, {}};
    while (info.begin < info.end && info.end < no_later_than) {
      const auto at = info.end;
      info = zone->get_info(at);
      if (info.offset != read.offset_at(Instant::max())) read.changes.push_back({Instant{at.time_since_epoch()}, info.offset});
    }
    return read;
  } catch (const std::exception&) { return std::nullopt; }
}

}  // namespace ringhold::app
