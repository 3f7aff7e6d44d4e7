#include "switching/pauses.hpp"

#include <algorithm>

namespace ringhold::switching {

namespace {

constexpr unsigned waits_for_one = 5;
constexpr Duration two_timeouts = 64s;  ///< twice Timer F

Duration doubled(Duration base, unsigned times) {
  while (times-- > 0 && base < longest_wait) base *= 2;
  return std::min(base, longest_wait);
}

}  // namespace

Duration about(Duration duration, Random& random) { return random.between(duration * 4 / 5, duration * 6 / 5); }

Duration wait_for_all(unsigned waits_before, const Settings& settings, Random& random) {
  return about(doubled(settings.retry_all, waits_before), random);
}

Duration wait_for_one(unsigned waits_before, const Settings& settings, Random& random) {
  return about(doubled(settings.retry_single, waits_before < waits_for_one ? 0 : waits_before - waits_for_one + 1), random);
}

Duration refresh_after(Duration granted, Random& random) {
  const Duration latest = granted - std::min(granted / 4, two_timeouts);
  return random.between(latest * 9 / 10, latest);
}

}  // namespace ringhold::switching
