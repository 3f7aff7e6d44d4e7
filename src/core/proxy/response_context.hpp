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
  Text route;        ///< values of Route to add (Path of the binding); empty: none
  Destination destination;
  std::vector<Destination> alternates{};  ///< next addresses of the same target
  int unreachable_status = 503;           ///< what a transport error counts as (§16.9); 430 for a flow (RFC 5626 §5.3)
  Text credentials{};                     ///< whole lines, in place of what the request brings for the same realm (§22.3)
};

/// One client transaction of a response context, and what is left to try when it fails.
struct Leg {
  enum class State : std::uint8_t {
    pending,   ///< the best response waits for it
    given_up,  ///< silent while all others have ended: nobody waits, but what it says late is answered
    ended,
  };
  Hop hop;
  transaction::TransactionId client;
  State state = State::pending;
  bool cancelled = false;  ///< CANCEL sent, or owed once a 1xx comes (§9.1)
  bool cancel_sent = false;
  bool unanswered = false;      ///< cancelled because its time to ring was over: nobody completed the call elsewhere
  std::uint16_t breadth = 0;    ///< Max-Breadth
  std::uint16_t attempt = 0;    ///< which of the places is tried
  std::uint8_t redirects = 0;   ///< so many led to this target (§16.7 step 4)
  std::uint8_t challenges = 0;  ///< so many were answered here
  int status = 0;               ///< final, once ended
  Instant sent_at;              ///< INVITE: this attempt
  Instant called_at;            ///< INVITE: the first attempt
  Instant ended_at;
  /// INVITE: Timer C (§16.6 step 11); once cancelled, when a final response is no longer waited for (§9.1).
  Instant due = Instant::max();

  /// The place for an attempt; null when there are no more.
  const Destination* place(std::size_t number) const {
    if (number == 0) return &hop.destination;
    return number <= hop.alternates.size() ? &hop.alternates[number - 1] : nullptr;
  }
};

struct ResponseContext;
using ContextId = Id<ResponseContext>;

/// Whether the targets that a request is forwarded to are all that there will be.
enum class Search : std::uint8_t {
  complete,
  may_go_on,  ///< more come by add_targets(), until end_search(): the best response waits for that
};

/// RFC 3261 §16.7: what joins the client transactions of one request to its server transaction.
struct ResponseContext {
  transaction::TransactionId server;
  sip::Method method = sip::Method::other;
  Text call_id;  ///< of an INVITE, for the books on calls
  Text from_tag;
  Instant started;
  Packet arrival;  ///< how the request came, without its bytes
  boost::container::small_vector<Leg, 1> legs;
  int best_status = 0;
  Text best_response;            ///< bytes as forwarded, our Via removed; empty: ours to make
  std::vector<Text> challenges;  ///< WWW- and Proxy-Authenticate lines of all 401 and 407 (step 7)
  Text cancel_reason;            ///< Reason lines for CANCELs (RFC 3326)
  bool final_sent = false;
  bool open = false;     ///< Search::may_go_on, not ended yet
  bool closing = false;  ///< ended: only the answers to CANCELs are waited for, and not for long
  bool cancelled_by_caller = false;
  bool withheld = false;  ///< the final response is none at all (RFC 4320 §4.2)
  /// Non-INVITE: when 100 is due (RFC 4320 §4.1). INVITE to several: from when on silent legs hold nobody up (C5).
  Instant early_due = Instant::max();
  Instant end_by = Instant::max();    ///< after a final response to INVITE: no more 2xx are waited for (RFC 6026)
  Instant in_wheel = Instant::max();  ///< earliest entry in the timer wheel

  bool any(Leg::State state) const {
    for (const Leg& leg : legs)
      if (leg.state == state) return true;
    return false;
  }
  /// Whether a leg is left that was not told to stop.
  bool any_trying() const {
    for (const Leg& leg : legs)
      if (leg.state == Leg::State::pending && !leg.cancelled) return true;
    return false;
  }
  bool any_success() const {
    for (const Leg& leg : legs)
      if (leg.status >= 200 && leg.status < 300) return true;
    return false;
  }
};

}  // namespace ringhold::proxy
