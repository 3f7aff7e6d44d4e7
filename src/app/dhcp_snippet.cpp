#include "app/dhcp_snippet.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ringhold::app {

namespace {

/// "0007…" as "00:07:…".
std::string with_colons(std::string_view digits) {
  std::string text;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    if (i != 0) text.push_back(':');
    text.append(digits.substr(i, 2));
  }
  return text;
}

}  // namespace

std::string option_120(std::string_view domain) {
  std::string digits = "00";
  while (!domain.empty()) {
    const std::size_t end = std::min(domain.find('.'), domain.size());
    digits += fmt::format("{:02x}", end);
    for (const char c : domain.substr(0, end)) digits += fmt::format("{:02x}", static_cast<unsigned char>(c));
    domain.remove_prefix(std::min(end + 1, domain.size()));
  }
  return digits + "00";
}

std::expected<std::vector<std::string>, std::string> dhcp_lines(std::string_view server, std::string_view domain,
                                                                const std::vector<Endpoint>& dns) {
  std::string addresses;
  for (const Endpoint& endpoint : dns)
    if (endpoint.address.is_v4() && endpoint.port == Port{53} && !endpoint.address.is_loopback())
      addresses += (addresses.empty() ? "" : ",") + endpoint.address.text();
  if (addresses.empty())
    return std::unexpected{"dns.listen has no IPv4 address with port 53 that phones can reach, and DHCP option 6 can name no other port"};
  const std::string digits = option_120(domain);
  if (server == "dnsmasq")
    return std::vector{fmt::format("dhcp-option=option:dns-server,{}", addresses), fmt::format("dhcp-option=120,{}", with_colons(digits))};
  if (server == "kea")
    return std::vector{fmt::format(R"({{ "name": "domain-name-servers", "data": "{}" }},)", addresses),
                       fmt::format(R"({{ "code": 120, "space": "dhcp4", "csv-format": false, "data": "{}" }})", digits)};
  if (server == "isc")
    return std::vector{std::string{"option sip-servers code 120 = string;"}, fmt::format("option domain-name-servers {};", addresses),
                       fmt::format("option sip-servers {};", with_colons(digits))};
  return std::unexpected{fmt::format("no lines are known for \"{}\": dnsmasq, kea or isc", server)};
}

}  // namespace ringhold::app
