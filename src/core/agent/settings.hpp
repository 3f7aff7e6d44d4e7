#pragma once

#include <optional>
#include <vector>

#include "agent/push_rules.hpp"
#include "base/address.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "dhcp/inquiry.hpp"
#include "switching/pauses.hpp"

namespace ringhold::agent {

/// One registration that the agent keeps.
struct AccountSettings {
  Text aor;       ///< canonical: "sip:alice@example.test"
  Text username;  ///< for challenges
  Text password;
  Text type{};  ///< of terminal, a name or a code, for registrars that ring by types (X-33, RNG-09); empty: none is said
  friend bool operator==(const AccountSettings&, const AccountSettings&) = default;
};

/// `[agent]` as the mind knows it.
struct Settings {
  std::vector<AccountSettings> accounts;
  Text domain;                        ///< whose servers are looked up; with DHCP: if that names none
  std::vector<Endpoint> nameservers;  ///< in order; with DHCP likewise
  /// T1: what DHCP is asked for. It is asked when one of both is.
  struct Discovery {
    bool domain = false;
    bool nameserver = false;
    dhcp::Settings interface{};
    bool is_wanted() const { return domain || nameserver; }
  } discovery;
  Duration dns_timeout = 800ms;   ///< then the next one is asked as well
  std::vector<Target> servers;    ///< instead of DNS, in order; empty: DNS
  std::vector<Target> uplinks;    ///< where servers reach us: an address of this machine for each transport, as bound
  std::vector<Target> listen;     ///< where phones reach us, as bound; none: nobody is behind us
  std::vector<Network> networks;  ///< who may use us (T14); others are not answered
  std::vector<Text> names;        ///< of this machine, lower case, as phones may have it for their outbound proxy
  Duration expires = 300s;        ///< asked for
  switching::Settings switching;
  PushSettings push;
};

}  // namespace ringhold::agent
