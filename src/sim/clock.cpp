#include "sim/clock.hpp"

#include <algorithm>
#include <utility>

namespace ringhold::sim {

void EventClock::at(Instant when, std::function<void()> run) { events_.push({std::max(when, now_), next_sequence_++, std::move(run)}); }

void EventClock::run_until(Instant until) {
  while (!events_.empty() && events_.top().when <= until) {
    // The queue gives out const references only; the event is taken out before it may add others.
    Event event = std::move(const_cast<Event&>(events_.top()));
    events_.pop();
    now_ = event.when;
    ++events_run_;
    event.run();
  }
  now_ = std::max(now_, until);
}

}  // namespace ringhold::sim
