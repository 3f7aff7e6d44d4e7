#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "ringing/schedule.hpp"

namespace ringhold::app {

/// "mon-fri,holiday 08:00-17:00" as `ringhold ring set --when` takes it: days with their ranges, and hours; without hours the
/// whole day. An error says what is wrong.
std::expected<ringing::Schedule, std::string> parse_when(std::string_view text);
/// The shortest text that parse_when() reads so.
std::string text_of_when(const ringing::Schedule& schedule);

}  // namespace ringhold::app
