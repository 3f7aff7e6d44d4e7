#pragma once

#include <cstdint>
#include <optional>

#include "base/flow.hpp"
#include "base/text.hpp"
#include "base/time.hpp"

namespace ringhold::location {

/// One contact of an address-of-record, as its last REGISTER left it (RFC 3261 §10.3 step 7).
struct Binding {
  Text aor;      ///< canonical: "sip:alice@example.test"
  Text contact;  ///< the URI as registered; becomes the Request-URI
  Text device;   ///< whose contact it is (device.hpp)
  Text call_id;  ///< of the first REGISTER of this cycle (R4), renewed when it changed
  std::uint32_t cseq = 0;
  std::uint16_t q = 1000;  ///< thousandths
  Instant expires_at;
  Instant registered_at;  ///< of the first REGISTER
  Text path;              ///< Path values in order, comma-separated (RFC 3327); empty: none
  Transport transport = Transport::udp;
  FlowId flow;      ///< none once the connection is gone
  Endpoint local;   ///< our listener
  Endpoint source;  ///< where the REGISTER came from
  Text user_agent;
  Instant due_at;                  ///< the location service's earliest timer for it
  FlowId listed_flow;              ///< the connection under which the location service lists it
  std::uint64_t request_hash = 0;  ///< of the Via branch of the last REGISTER (RST-04); zero: unknown since a restart of ours
};

}  // namespace ringhold::location
