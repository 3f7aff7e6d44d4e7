#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.hpp"
#include "dns/name.hpp"

namespace ringhold::resolver {

/// RFC 3403 RDATA.
struct Naptr {
  std::uint16_t order = 0;
  std::uint16_t preference = 0;
  Text flags;
  Text service;
  dns::Name replacement;

  static std::optional<Naptr> parse(std::string_view data);
  /// What it leads to, if that is an SRV record for SIP: "SIP+D2U" UDP, "SIP+D2T" TCP, "SIPS+D2T" TLS (RFC 3263 §4.1).
  std::optional<Transport> transport() const;
};

}  // namespace ringhold::resolver
