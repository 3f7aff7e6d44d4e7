#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/flow.hpp"
#include "base/limits.hpp"
#include "base/slab.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "sip/method.hpp"
#include "transaction/layer.hpp"

namespace ringhold::proxy {

/// One element of the target set (RFC 3261 §16.5): a Request-URI and the places to try for it, one after another
/// (RFC 3263 §4.3), as the dispatcher found them.
struct Hop {
  Text request_uri;  ///< empty: as received
  Text route;        ///< value of a Route header to add (Path of the binding); empty: none
  Destination destination;
  std::vector<Destination> alternates;  ///< next addresses of the same target
};

/// One client transaction of a response context, and what is left to try when it fails.
struct Leg {
  enum class State : std::uint8_t { pending, ended };
  Hop hop;
  transaction::TransactionId client;
  State state = State::pending;
  bool cancelled = false;  ///< CANCEL sent, or owed once a 1xx comes (§9.1)
  bool cancel_sent = false;
  std::string_view cancel_reason;  ///< header line with static storage, or empty
  int status = 0;                  ///< final, once ended
  std::size_t next_alternate = 0;
};

struct ResponseContext;
using ContextId = Id<ResponseContext>;

/// RFC 3261 §16.7: what joins the client transactions of one request to its server transaction.
struct ResponseContext {
  transaction::TransactionId server;
  sip::Method method = sip::Method::other;
  Text call_id;  ///< of an INVITE, for the books on calls
  Text from_tag;
  Endpoint source;  ///< where the request came from, for answers of our own
  boost::container::small_vector<Leg, 1> legs;
  int best_status = 0;
  Text best_response;            ///< bytes as forwarded, our Via removed; empty: ours to make
  std::vector<Text> challenges;  ///< WWW- and Proxy-Authenticate lines of all 401 and 407 (step 7)
  bool final_sent = false;
  bool cancelled_by_caller = false;
  std::optional<Instant> timer_c;   ///< §16.8
  std::optional<Instant> in_wheel;  ///< earliest entry in the timer wheel
  std::optional<Instant> end_by;    ///< after a final response to INVITE, or after CANCEL (§9.1)
};

}  // namespace ringhold::proxy
