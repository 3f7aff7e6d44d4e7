#include "switching/avoidance.hpp"

#include <algorithm>

namespace ringhold::switching {

void Avoidance::avoid(const Target& server, Instant until) {
  const auto known = std::ranges::find(all_, server, &One::server);
  if (known != all_.end()) {
    known->until = until;
    return;
  }
  if (all_.size() == most) all_.erase(std::ranges::min_element(all_, {}, &One::until));
  all_.push_back({server, until});
}

bool Avoidance::is_avoided(const Target& server, Instant now) const { return until(server, now).has_value(); }

std::optional<Instant> Avoidance::until(const Target& server, Instant now) const {
  const auto known = std::ranges::find(all_, server, &One::server);
  if (known == all_.end() || known->until <= now) return std::nullopt;
  return known->until;
}

}  // namespace ringhold::switching
