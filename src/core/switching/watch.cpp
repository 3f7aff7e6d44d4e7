#include "switching/watch.hpp"

#include <algorithm>

namespace ringhold::switching {

namespace {
constexpr Duration longest_patience = 8s;
constexpr Duration shortest_pace = 500ms;
}  // namespace

Duration Watch::pace(const Settings& settings) const {
  if (purpose_ != Purpose::candidate) return settings.heartbeat;
  // A candidate that has begun to answer is looked at more often, so that one that comes and goes is not mistaken for one that stays.
  const Duration wanted = settings.return_after / (answering_since_ ? 6 : 3);
  return std::clamp(wanted, shortest_pace, std::max(settings.heartbeat, shortest_pace));
}

void Watch::set_purpose(Purpose purpose, Instant now, const Settings& settings, Random& random) {
  if (purpose == purpose_) return;
  // While nobody looked it may have come and gone.
  if (purpose_ == Purpose::nothing) answering_since_.reset();
  purpose_ = purpose;
  switch (purpose) {
    case Purpose::nothing: answer_by_.reset(); return;
    case Purpose::heartbeat: due_ = now + about(settings.heartbeat, random); return;
    // At once, but with many accounts the reason comes and goes with each of them.
    case Purpose::candidate: due_ = std::max(now, asked_at_ + pace(settings)); return;
  }
}

void Watch::heard(Instant now, const Settings& settings, Random& random) {
  answer_by_.reset();
  heard_at_ = now;
  if (!answering_since_) answering_since_ = now;
  due_ = now + about(pace(settings), random);
}

void Watch::asked(Instant now, const Settings& settings) {
  asked_at_ = now;
  answer_by_ = now + std::min(pace(settings) / 2, longest_patience);
}

void Watch::missed(Instant now, const Settings& settings, Random& random) {
  answer_by_.reset();
  answering_since_.reset();
  due_ = now + about(pace(settings) / 2, random);
}

}  // namespace ringhold::switching
