#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace ringhold {

/// "800ms", "30s", "5m", "2h", "1d": as the configuration and the API write durations.
std::optional<Duration> parse_duration(std::string_view text);
/// The shortest form that parse_duration() reads back.
std::string to_text(Duration duration);

}  // namespace ringhold
