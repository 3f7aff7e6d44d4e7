#pragma once

#include "base/time.hpp"
#include "proxy/response_context.hpp"

namespace ringhold::proxy {

/// RFC 3261 §16.6 step 11 and §16.7 step 2: an INVITE that rings is given up after Timer C; each provisional but 100
/// sets it anew.
inline void start_timer_c(ResponseContext& context, Duration timer_c, Instant now) { context.timer_c = now + timer_c; }

inline void on_provisional(ResponseContext& context, int status, Duration timer_c, Instant now) {
  if (status > 100 && context.timer_c) context.timer_c = now + timer_c;
}

/// What became due. `give_up`: pending legs are cancelled (§16.8). `end`: the context's time is over.
struct Due {
  bool give_up = false;
  bool end = false;
};
inline Due take_due(ResponseContext& context, Instant now) {
  Due due;
  if (context.timer_c && *context.timer_c <= now) {
    context.timer_c.reset();
    due.give_up = true;
  }
  if (context.end_by && *context.end_by <= now) due.end = true;
  return due;
}

}  // namespace ringhold::proxy
