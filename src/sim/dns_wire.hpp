#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"

namespace ringhold::sim {

inline constexpr std::uint16_t dns_a = 1;
inline constexpr std::uint16_t dns_soa = 6;
inline constexpr std::uint16_t dns_srv = 33;

/// One record as the simulated phones and the central DNS server see it. Written apart from core/dns on purpose.
struct DnsRecord {
  std::string name;  ///< lower case, without final dot
  std::uint16_t type = dns_a;
  std::uint32_t ttl = 0;
  Address address;             ///< A
  std::uint16_t priority = 0;  ///< SRV from here on
  std::uint16_t weight = 0;
  std::uint16_t port = 0;
  std::string target;
};

struct DnsMessage {
  std::uint16_t id = 0;
  bool response = false;
  unsigned rcode = 0;
  std::string question;  ///< in the spelling it came in
  std::uint16_t type = 0;
  std::vector<DnsRecord> answers;  ///< A and SRV records of the answer section, in its order
  std::vector<DnsRecord> additional;
};

std::optional<DnsMessage> parse_dns(std::string_view bytes);
std::string dns_query(std::uint16_t id, std::string_view name, std::uint16_t type);
/// An authoritative answer to `query`; with nothing in it, an SOA makes it cacheable as negative (RFC 2308).
std::string dns_answer(const DnsMessage& query, unsigned rcode, const std::vector<DnsRecord>& answers,
                       const std::vector<DnsRecord>& additional);
std::string describe_dns(std::string_view bytes);

}  // namespace ringhold::sim
