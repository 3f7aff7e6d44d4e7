#pragma once

#include <boost/container/small_vector.hpp>
#include <optional>

#include "base/address.hpp"
#include "base/time.hpp"

namespace ringhold::switching {

/// Servers that asked to be left alone (503 with Retry-After, SWI-07).
class Avoidance {
 public:
  void avoid(const Target& server, Instant until);
  bool is_avoided(const Target& server, Instant now) const;
  /// Until when; nothing: it is not avoided.
  std::optional<Instant> until(const Target& server, Instant now) const;

 private:
  struct One {
    Target server;
    Instant until;
  };
  static constexpr std::size_t most = 64;  ///< then the one that ends first is forgotten
  boost::container::small_vector<One, 1> all_;
};

}  // namespace ringhold::switching
