#pragma once

#include <chrono>

#include "base/time.hpp"

namespace ringhold::net {

/// The clock of the running program: anchored to the Unix epoch when made, then as steady as CLOCK_MONOTONIC. Copies agree.
class RunningClock {
 public:
  RunningClock();
  Instant now() const { return Instant{std::chrono::steady_clock::now().time_since_epoch() + offset_}; }
  /// How far the machine's clock was set since then, by NTP or by hand.
  Duration ahead() const { return std::chrono::system_clock::now().time_since_epoch() - now().time_since_epoch(); }
  std::chrono::steady_clock::time_point steady(Instant instant) const {
    return std::chrono::steady_clock::time_point{instant.time_since_epoch() - offset_};
  }

 private:
  Duration offset_;
};

}  // namespace ringhold::net
