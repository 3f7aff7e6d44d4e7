#pragma once

#include <cstdint>

#include "base/random.hpp"
#include "base/time.hpp"

namespace ringhold::switching {

/// `[agent.switch]`.
struct Settings {
  Duration heartbeat = 20s;
  Duration retry_all = 30s;     ///< timer 1: after all servers have failed
  Duration retry_single = 60s;  ///< timer 2: when there is but one
  Duration return_after = 30s;  ///< a better server has to answer for so long
};

inline constexpr Duration longest_wait = 30min;  ///< RFC 5626 §4.5, for both timers

/// Timer 1 after that many waits in succession without success: it doubles, up to longest_wait; ±20 % (SWI-05, SWI-18).
Duration wait_for_all(unsigned waits_before, const Settings& settings, Random& random);
/// Timer 2 likewise. With one server only nothing else can be done meanwhile: it doubles after five waits.
Duration wait_for_one(unsigned waits_before, const Settings& settings, Random& random);
/// When a registration is refreshed: after three quarters of what was granted, of long ones at least 64 s before their end, so that a
/// dead server (Timer F) costs no service; earlier by up to a tenth, so that many do not come in step (SWI-12).
Duration refresh_after(Duration granted, Random& random);
/// `duration` ±20 %.
Duration about(Duration duration, Random& random);

}  // namespace ringhold::switching
