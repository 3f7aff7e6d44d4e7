#include "central/health.hpp"

#include <utility>

namespace ringhold::central {

std::string_view name(Health health) {
  switch (health) {
    case Health::unknown: return "unknown";
    case Health::up: return "up";
    case Health::suspect: return "suspect";
    case Health::down: return "down";
  }
  std::unreachable();
}

std::string_view name(Sign sign) {
  switch (sign) {
    case Sign::answered: return "answered";
    case Sign::unavailable: return "answered 503";
    case Sign::lost: return "no answer";
    case Sign::refused: return "refused";
  }
  std::unreachable();
}

bool ServerHealth::take(Sign sign, const Thresholds& thresholds, Instant now) {
  last_ = sign;
  HealthEvent event{};
  if (sign == Sign::answered) {
    losses_ = refusals_ = 0;
    if (answers_ < thresholds.up_after) ++answers_;
    event = answers_ >= thresholds.up_after ? HealthEvent::answered_enough : HealthEvent::answered;
  } else {
    answers_ = 0;
    // Bounded, for a server may be down for years.
    if (losses_ < 1'000'000) ++losses_;
    if (sign != Sign::refused)
      refusals_ = 0;
    else if (refusals_ < 1'000'000)
      ++refusals_;
    event = losses_ >= thresholds.down_after ? HealthEvent::lost_enough : HealthEvent::lost;
  }
  const auto [next, actions] = health_machine.step(state_, event);
  state_ = next;
  if (!actions.contains(HealthAction::tell)) return false;
  since_ = now;
  return true;
}

}  // namespace ringhold::central
