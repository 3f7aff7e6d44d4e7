#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.hpp"

namespace ringhold::calls {

/// What a restart of a terminal does to its calls (B2).
enum class Policy : std::uint8_t {
  confirm,    ///< each dialog is asked first
  immediate,  ///< they end
  log,        ///< nothing
};
std::string_view name(Policy policy);
std::optional<Policy> parse_policy(std::string_view text);

/// The Reason (RFC 3326) that parties hear of.
inline constexpr std::string_view restarted_reason = "SIP;cause=480;text=\"Terminal restarted\"";

struct ReleaseSettings {
  Policy policy = Policy::confirm;
  Duration grace = 30s;  ///< for a terminal that has moved to say where it is (X-06)
  bool audit = true;     ///< whether terminals are asked, too, that nobody has seen restart (X-29)
};

}  // namespace ringhold::calls
