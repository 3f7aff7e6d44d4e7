#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "location/location_service.hpp"

namespace ringhold::events {

enum class Extent : std::uint8_t { full, partial };

/// What a document of RFC 3680 §5 says of one AOR.
struct Reginfo {
  std::string_view aor;
  std::uint32_t version = 0;
  Extent extent = Extent::full;
  bool active = false;  ///< the AOR has a live binding
  std::span<const location::BindingEvent> contacts;
};

/// Appends application/reginfo+xml.
void append_reginfo(std::string& out, const Reginfo& info, Instant now);

}  // namespace ringhold::events
