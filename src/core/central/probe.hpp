#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/flow.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "base/time.hpp"

namespace ringhold::central {

/// Who we are towards the central site.
struct Identity {
  Text domain;                 ///< of the From header
  Text host;                   ///< sent-by when a listener has no address of its own (0.0.0.0)
  std::vector<Target> listen;  ///< our SIP listeners: the probe leaves by the one of the server's transport and family
};

/// Where a probe to `target` leaves and goes.
Destination probe_destination(const Identity& identity, const Target& target);

/// Appends an OPTIONS request (RFC 3261 §11) with its mandatory headers only, so that the smallest server answers it, and
/// returns its Via branch. The Request-URI is the server's address: no proxy would send that on.
std::string append_probe(const Identity& identity, const Target& target, Random& random, std::string& bytes);

}  // namespace ringhold::central
