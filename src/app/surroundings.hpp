#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include "base/address.hpp"

namespace ringhold::app {

/// What the machine brings along: where defaults come from. Tests make one up.
struct Surroundings {
  struct Interface {
    std::string name;
    Address address;
    std::uint8_t prefix = 0;
    std::array<std::uint8_t, 6> hardware{};  ///< all zero when it is no Ethernet
  };
  std::vector<Interface> interfaces;  ///< one for each address
  std::string default_interface;      ///< of the IPv4 default route; empty: there is none
  std::vector<Endpoint> resolvers;    ///< of /etc/resolv.conf
  std::string host_name;              ///< of the machine, lower case
  std::string time_zone;              ///< "Europe/Berlin"; empty: unknown
  std::time_t now = 0;                ///< for certificates
};

Surroundings look_around();
/// The name servers of a resolv.conf, in order.
std::vector<Endpoint> parse_resolvers(const std::string& text);
/// The interface of the best default route in a /proc/net/route; empty when there is none.
std::string parse_default_interface(const std::string& text);
/// RFC 1918, RFC 6598 and RFC 4193: networks that a branch calls its own.
bool is_private(const Address& address);
/// The network of an interface: its address with the host's bits cleared.
Network network_of(const Surroundings::Interface& interface);

}  // namespace ringhold::app
