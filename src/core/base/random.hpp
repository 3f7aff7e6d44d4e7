#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace ringhold {

/// The only source of chance. The shell gives numbers that cannot be guessed, the simulator numbers from its seed.
class Random {
 public:
  virtual ~Random() = default;

  /// 64 uniform bits.
  virtual std::uint64_t next() = 0;

  /// Uniform in [0, bound); `bound` above zero. The bias of the multiplication is under 2^-32 for the bounds we use.
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32); }

  /// Uniform in [low, high].
  Duration between(Duration low, Duration high) {
    if (high <= low) return low;
    return low + Duration{static_cast<Duration::rep>(next() % static_cast<std::uint64_t>((high - low).count() + 1))};
  }
};

/// A seeded source for tests and the simulator (splitmix64): the same seed gives the same world.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_{seed} {}
  std::uint64_t next() override {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

}  // namespace ringhold
