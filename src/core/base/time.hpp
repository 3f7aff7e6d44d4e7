#pragma once

#include <chrono>
#include <cstdint>

namespace ringhold {

/// A span of time in nanoseconds; written `32s`, `500ms` with the standard literals.
using Duration = std::chrono::nanoseconds;

/// The clock that nobody in the core can read: it has no now(). The shell anchors it to the Unix epoch once at start
/// and then lets it run with the monotonic clock, so an Instant can be stored on disk and is never moved by clock steps.
struct Clock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Clock>;
  static constexpr bool is_steady = true;
};

/// A moment, as nanoseconds since the Unix epoch.
using Instant = Clock::time_point;

using namespace std::chrono_literals;

/// Milliseconds since the Unix epoch, the form in which moments are stored.
constexpr std::int64_t to_unix_ms(Instant instant) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(instant.time_since_epoch()).count();
}

constexpr Instant from_unix_ms(std::int64_t milliseconds) { return Instant{std::chrono::milliseconds{milliseconds}}; }

/// Whole seconds, rounded up: what remains of a lifetime as protocols write it. Never negative.
constexpr std::uint32_t seconds_ceil(Duration duration) {
  if (duration <= Duration::zero()) return 0;
  return static_cast<std::uint32_t>((duration + 1s - 1ns) / 1s);
}

}  // namespace ringhold
