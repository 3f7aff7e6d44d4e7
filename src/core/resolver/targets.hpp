#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/random.hpp"
#include "dns/message.hpp"
#include "sip/uri.hpp"

namespace ringhold::resolver {

/// What a SIP URI demands of the way to its server (RFC 3263 §4: "TARGET", port, transport).
struct Wanted {
  std::string_view host;  ///< maddr if there is one, else the host
  std::optional<Port> port;
  std::optional<Transport> transport;  ///< nothing: for the server to say
  bool secure = false;                 ///< sips: TLS only

  Transport usual_transport() const { return transport.value_or(secure ? Transport::tls : Transport::udp); }
  Port usual_port(Transport by) const { return port.value_or(default_port(by)); }
};
/// Nothing for other schemes and for transports that we do not speak.
std::optional<Wanted> wanted(const sip::Uri& uri);

/// What DNS has said so far.
struct Known {
  std::span<const dns::Record> records;   ///< NAPTR, SRV, A, AAAA and CNAME; others are left alone
  std::span<const dns::Question> absent;  ///< asked, and there is no such record
};
/// What we speak ourselves, transports in the order in which we like them.
struct Abilities {
  std::span<const Transport> transports;
  bool ipv4 = true;
  bool ipv6 = false;
};
/// The places to try, in order, as far as is known; and what must be asked before more can be said. With both, the targets
/// serve if the questions stay unanswered.
struct Resolution {
  std::vector<Target> targets;
  std::vector<dns::Question> missing;
};
/// RFC 3263 §4.1 and §4.2 as a pure function: NAPTR, then SRV (RFC 2782), then addresses. Call it again with the answers.
Resolution resolve(const Wanted& wanted, const Known& known, const Abilities& abilities, Random& random);

inline constexpr std::size_t max_targets = 32;  ///< more are left out
inline constexpr unsigned max_aliases = 8;      ///< CNAMEs followed from one name

/// One server that SRV records name, in the order of RFC 2782.
struct KnownServer {
  std::string_view name;
  Target target;
};

/// What is known of names: addresses of a host, and the servers of the one domain that was learnt.
struct Knowledge {
  std::string_view domain;
  std::span<const KnownServer> servers;
  std::vector<Address> (*addresses_of)(const void* source, std::string_view host) = nullptr;
  const void* source = nullptr;
};

/// The same over servers that are known and ordered already; empty when its host is a name of which nothing is known.
/// Numeric host or explicit port: no SRV. A transport parameter or the scheme sips narrows the servers.
std::vector<Target> targets_of(const sip::Uri& uri, const Knowledge& knowledge);

}  // namespace ringhold::resolver
