#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/time.hpp"

namespace ringhold::auth {

/// How often somebody failed lately, as buckets that leak (X2). Keys are keyed hashes, so nobody can choose whom he shares a
/// bucket with; the table never grows.
class Failures {
 public:
  struct Rate {
    unsigned burst = 10;       ///< so many failures are free
    Duration one_every = 10s;  ///< then one more after so long
  };
  Failures(std::size_t buckets, Rate rate) : rate_{rate}, buckets_(buckets) {}

  bool is_over(std::uint64_t key, Instant now) const { return level(buckets_[key % buckets_.size()], now) + rate_.one_every > full(); }
  void note(std::uint64_t key, Instant now) {
    Bucket& bucket = buckets_[key % buckets_.size()];
    bucket = {std::min(level(bucket, now) + rate_.one_every, full()), now};
  }

 private:
  struct Bucket {
    Duration level{};  ///< what is in it, as the time it takes to leak out
    Instant at;
  };
  Duration full() const { return rate_.one_every * static_cast<Duration::rep>(rate_.burst); }
  static Duration level(const Bucket& bucket, Instant now) {
    return std::max(bucket.level - std::max(now - bucket.at, Duration{}), Duration{});
  }

  Rate rate_;
  std::vector<Bucket> buckets_;
};

}  // namespace ringhold::auth
