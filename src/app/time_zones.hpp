#pragma once

#include <optional>
#include <string>

#include "ringing/local_time.hpp"

namespace ringhold::app {

/// The name of the machine's time zone, such as "Europe/Berlin"; empty when it has none.
std::string own_time_zone();

/// The rules of a time zone as the machine's data (the package tzdata) have them, from 1970 to the last change that they know;
/// nothing when they do not know the name.
std::optional<ringing::TimeZone> read_time_zone(const std::string& name);

}  // namespace ringhold::app
