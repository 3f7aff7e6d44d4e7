#pragma once

#include <algorithm>

#include "base/time.hpp"
#include "proxy/response_context.hpp"

namespace ringhold::proxy {

/// RFC 3261 §16.6 step 11 and §16.7 step 2: a leg of an INVITE that rings is given up after Timer C; each provisional but
/// 100 sets it anew. A cancelled leg has another deadline then, which nothing moves.
inline void start_timer_c(Leg& leg, Duration timer_c, Instant now) { leg.due = now + timer_c; }

inline void on_provisional(Leg& leg, int status, Duration timer_c, Instant now) {
  if (status > 100 && !leg.cancelled && leg.due != Instant::max()) leg.due = now + timer_c;
}

/// The next moment at which something is to be done for a context.
inline Instant next_deadline(const ResponseContext& context) {
  Instant next = std::min(context.early_due, context.end_by);
  for (const Leg& leg : context.legs)
    if (leg.state != Leg::State::ended) next = std::min(next, leg.due);
  return next;
}

}  // namespace ringhold::proxy
