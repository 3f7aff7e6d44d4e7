#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "sip/uri.hpp"

namespace ringhold::resolver {

/// One server that SRV records name, in the order of RFC 2782.
struct KnownServer { std::string_view name; Target target; };

/// What is known of names: addresses of a host, and the servers of the one domain that was learnt.
struct Knowledge {
  std::string_view domain;
  std::span<const KnownServer> servers;
  std::vector<Address> (*addresses_of)(const void* source, std::string_view host) = nullptr;
  const void* source = nullptr;
};

/// RFC 3263 §4.1 and §4.2: the places to try for a URI, in order; empty when its host is a name of which nothing is known.
/// Numeric host or explicit port: no SRV. A transport parameter or the scheme sips narrows the servers.
std::vector<Target> targets_of(const sip::Uri& uri, const Knowledge& knowledge);

}  // namespace ringhold::resolver
