#pragma once

#include <array>
#include <cstdint>

#include "base/random.hpp"

namespace ringhold::net {

/// Numbers that cannot be guessed, from OpenSSL in pages of 4 KB. One per thread.
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;

 private:
  std::array<std::uint64_t, 512> page_;
  std::size_t used_ = page_.size();
};

}  // namespace ringhold::net
