#pragma once

#include <vector>

#include "base/address.hpp"
#include "base/text.hpp"
#include "base/time.hpp"

namespace ringhold::nameserver {

/// Where our own SRV record stands in an answer (D2, D7).
enum class Order : std::uint8_t { ours_last, ours_first, ours_only };

struct Settings {
  Text domain;                            ///< of the central site, lower case
  Text branch_name;                       ///< the survivable registrar's own name
  std::vector<Address> branch_addresses;  ///< what A and AAAA for it answer
  std::vector<Network> networks;          ///< who is served
  std::vector<Target> listeners;          ///< our SIP listeners: what may be injected, and with which port
  std::vector<Endpoint> upstreams;        ///< in order of preference
  Duration timeout = 800ms;               ///< first answer to a client at the latest (D6)
  Duration ttl_max = 60s;                 ///< of an answer that we altered (D2)
  bool inject_when_empty = false;         ///< D3
};

}  // namespace ringhold::nameserver
