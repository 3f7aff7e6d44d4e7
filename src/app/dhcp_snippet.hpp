#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"

namespace ringhold::app {

/// RFC 3361 §3.1: a zero byte, then the domain in the wire form of DNS, as hexadecimal. Only a name leads phones to SRV records.
std::string option_120(std::string_view domain);

/// The lines that make a DHCP server ("dnsmasq", "kea" or "isc") hand out us as DNS server (option 6) and the SIP domain
/// (option 120) (D12). Or why that cannot work.
std::expected<std::vector<std::string>, std::string> dhcp_lines(std::string_view server, std::string_view domain,
                                                                const std::vector<Endpoint>& dns);

}  // namespace ringhold::app
