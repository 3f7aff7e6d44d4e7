#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/journal.hpp"
#include "base/text.hpp"
#include "ringing/ring_plan.hpp"
#include "ringing/schedule.hpp"

namespace ringhold::ringing {

/// How a user wants to be called. Without schedules and with the usual plan he needs no profile.
struct RingProfile {
  Text user;                          ///< the part before @ of his AOR, unescaped
  RingPlan plan;                      ///< when no schedule holds
  std::vector<Schedule> schedules{};  ///< the first that holds counts
  bool is_usual() const { return plan.is_usual() && schedules.empty(); }
  friend bool operator==(const RingProfile&, const RingProfile&) = default;
};

/// What is wrong with it; empty when nothing is.
Text wrong_with(const RingProfile& profile, const TerminalTypes& types);

/// As the store keeps it: its plan is a row of ring_profile, its schedules are one of ring_schedule; usual ones are erased.
Change plan_row(const RingProfile& profile);
Change schedules_row(const RingProfile& profile);
/// A profile with what the row holds, and no more; nothing for a row that is of no profile.
std::optional<RingProfile> from_row(const Row& row);

}  // namespace ringhold::ringing
