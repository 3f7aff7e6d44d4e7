#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <vector>

#include "agent/account.hpp"
#include "base/journal.hpp"
#include "location/location_service.hpp"
#include "proxy/proxy.hpp"
#include "registrar/registrar.hpp"

namespace ringhold::agent {

/// Whose message it is, as far as its address and our socket tell.
enum class Source : std::uint8_t { phone, server, stranger };

/// Where a request goes: the target set, or why there is none.
struct Way {
  std::vector<proxy::Hop> hops;
  proxy::Refusal refusal{480, {}, {}};
};

/// A call of a server that a phone has answered: the ACK must come before `until` (SWI-13).
struct AwaitedAck {
  std::uint64_t dialog = 0;
  AccountIndex account{};
  Target server;
  Instant until;
};

/// What the agent keeps for the phones behind it (T14).
struct Edge {
  Edge(const Settings& settings, Random& random);

  /// Whose user that is, as in the Contact that servers know; empty: nobody's.
  std::span<const AccountIndex> with_user(std::string_view escaped) const;

  std::vector<Target> listeners;  ///< for phones, as they see them
  proxy::Identity identity;
  location::LocationService location;
  registrar::Registrar registrar;
  proxy::Proxy proxy;
  boost::unordered_flat_map<Text, AccountIndex, TextHash, TextEqual> by_aor;
  boost::unordered_flat_map<Text, std::vector<AccountIndex>, TextHash, TextEqual> by_user;  ///< not escaped; one, unless domains differ
  std::deque<AwaitedAck> awaited_acks;                                                      ///< oldest first
  std::vector<Row> restored;                                                                ///< bindings, until the time is known
};

}  // namespace ringhold::agent
