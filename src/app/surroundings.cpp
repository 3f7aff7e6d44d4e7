#include "app/surroundings.hpp"

#include <ifaddrs.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>

#include "app/time_zones.hpp"
#include "base/text.hpp"
#include "shell/net/sockets.hpp"

namespace ringhold::app {

namespace {

std::uint8_t prefix_of(const sockaddr& mask) {
  unsigned bits = 0;
  if (mask.sa_family == AF_INET) {
    bits = static_cast<unsigned>(std::popcount(reinterpret_cast<const sockaddr_in&>(mask).sin_addr.s_addr));
  } else {
    for (const std::uint8_t byte : reinterpret_cast<const sockaddr_in6&>(mask).sin6_addr.s6_addr)
      bits += static_cast<unsigned>(std::popcount(byte));
  }
  return static_cast<std::uint8_t>(bits);
}

Endpoint endpoint_of(const sockaddr& address) {
  sockaddr_storage storage{};
  const std::size_t size = address.sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  std::copy_n(reinterpret_cast<const char*>(&address), size, reinterpret_cast<char*>(&storage));
  return net::to_endpoint(storage);
}

bool is_link_local(const Address& address) {
  const auto bytes = address.bytes();
  return address.is_v4() ? bytes[0] == 169 && bytes[1] == 254 : bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80;
}

using Hardware = decltype(Surroundings::Interface::hardware);

/// The hardware address of the interface `name`, as the list of getifaddrs has it.
Hardware hardware_of(const ifaddrs* list, std::string_view name) {
  Hardware hardware{};
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_PACKET || entry->ifa_name != name) continue;
    sockaddr_ll link{};
    std::memcpy(&link, entry->ifa_addr, sizeof link);
    if (link.sll_hatype == ARPHRD_ETHER && link.sll_halen == hardware.size()) std::memcpy(hardware.data(), link.sll_addr, hardware.size());
  }
  return hardware;
}

std::string contents(const char* path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace

Surroundings look_around() {
  Surroundings found;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) == 0) {
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner{list, freeifaddrs};
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
      if (entry->ifa_addr == nullptr || entry->ifa_netmask == nullptr) continue;
      if (entry->ifa_addr->sa_family != AF_INET && entry->ifa_addr->sa_family != AF_INET6) continue;
      const Address address = endpoint_of(*entry->ifa_addr).address;
      // A link-local address needs its interface named with it, which no SRV record can do.
      if (is_link_local(address)) continue;
      found.interfaces.push_back({entry->ifa_name, address, prefix_of(*entry->ifa_netmask), hardware_of(list, entry->ifa_name)});
    }
  }
  found.now = std::time(nullptr);
  found.time_zone = own_time_zone();
  if (std::array<char, 256> name{}; gethostname(name.data(), name.size() - 1) == 0) found.host_name = lower_case(name.data());
  found.resolvers = parse_resolvers(contents("/etc/resolv.conf"));
  found.default_interface = parse_default_interface(contents("/proc/net/route"));
  return found;
}

std::string parse_default_interface(const std::string& text) {
  std::string best;
  unsigned long best_metric = 0;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    std::string name;
    std::string destination;
    std::string gateway;
    unsigned long flags = 0;
    unsigned long references = 0;
    unsigned long uses = 0;
    unsigned long metric = 0;
    std::string mask;
    if (!(words >> name >> destination >> gateway >> std::hex >> flags >> std::dec >> references >> uses >> metric >> mask)) continue;
    if (destination != "00000000" || mask != "00000000" || (flags & RTF_UP) == 0 || (flags & RTF_REJECT) != 0) continue;
    if (!best.empty() && metric >= best_metric) continue;
    best = name;
    best_metric = metric;
  }
  return best;
}

std::vector<Endpoint> parse_resolvers(const std::string& text) {
  std::vector<Endpoint> resolvers;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    std::string word;
    std::string server;
    if (!(words >> word >> server) || word != "nameserver") continue;
    if (const auto address = Address::parse(server)) resolvers.push_back({*address, Port{53}});
  }
  return resolvers;
}

bool is_private(const Address& address) {
  static const std::vector<Network> networks{*Network::parse("10.0.0.0/8"), *Network::parse("172.16.0.0/12"),
                                             *Network::parse("192.168.0.0/16"), *Network::parse("100.64.0.0/10"),
                                             *Network::parse("fc00::/7")};
  return std::ranges::any_of(networks, [&](const Network& network) { return network.contains(address); });
}

Network network_of(const Surroundings::Interface& interface) {
  const auto bytes = interface.address.bytes();
  std::array<std::uint8_t, 16> masked{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto bits = static_cast<unsigned>(std::clamp(static_cast<int>(interface.prefix) - static_cast<int>(i) * 8, 0, 8));
    masked[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00U >> bits));
  }
  const Address address = interface.address.is_v4() ? Address::v4({masked[0], masked[1], masked[2], masked[3]}) : Address::v6(masked);
  return {address, interface.prefix};
}

}  // namespace ringhold::app
