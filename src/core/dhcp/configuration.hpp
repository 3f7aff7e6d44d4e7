#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "base/text.hpp"
#include "dhcp/message.hpp"

namespace ringhold::dhcp {

/// What a DHCP server hands out. Names are host names without final dot: each can stand in a SIP URI as it is.
struct Configuration {
  std::optional<Address> server;       ///< option 54
  std::vector<Address> nameservers;    ///< option 6, in order of preference
  Text domain;                         ///< option 15; empty: none
  std::vector<Text> sip_domains;       ///< option 120 with names (RFC 3361 §3.1), to be tried in order
  std::vector<Address> sip_addresses;  ///< option 120 with addresses (RFC 3361 §3.2): without names no SRV query is made

  /// Takes what an ACK says. An option that is absent is cleared; one that is malformed leaves what was, and its error says
  /// why it was refused.
  std::vector<Error> update(const Message& ack);

  friend bool operator==(const Configuration&, const Configuration&) = default;
};

inline constexpr std::size_t most_addresses = 16;  ///< of one option; more are left out
inline constexpr std::size_t most_names = 32;      ///< likewise

}  // namespace ringhold::dhcp
