#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/builder.hpp"
#include "dns/message.hpp"
#include "nameserver/query.hpp"

namespace ringhold::nameserver {

/// The records of an answer that we put together ourselves.
struct Composition {
  dns::Rcode rcode = dns::Rcode::no_error;
  std::uint16_t flags = 0;  ///< besides QR, RA, RD, CD
  std::optional<dns::ExtendedError> error;
  std::vector<dns::Record> records;  ///< any order; sections are written one after another

  void add(dns::Section section, const dns::Name& name, std::uint16_t type, std::uint32_t ttl, std::string_view data);
  bool has(const dns::Name& name, std::uint16_t type) const;
};

/// Appends the answer to `out`. If it is more than the client takes, first Additional goes, then Authority, then all
/// records, with TC set (D2, RFC 2181 §9).
void write_answer(std::string& out, const Client& client, const Composition& composition);

}  // namespace ringhold::nameserver
