#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "base/time.hpp"

namespace ringhold::sim {

/// Virtual time: events run in the order of their moments, and of their making where moments are equal, so one seed always
/// gives one world.
class EventClock {
 public:
  explicit EventClock(Instant start) : now_{start}, start_{start} {}

  Instant now() const { return now_; }
  Instant start() const { return start_; }
  /// An event in the past runs next.
  void at(Instant when, std::function<void()> run);
  void after(Duration delay, std::function<void()> run) { at(now_ + delay, std::move(run)); }
  /// Runs every event up to `until`, and stands there then.
  void run_until(Instant until);
  std::uint64_t events_run() const { return events_run_; }

 private:
  struct Event {
    Instant when;
    std::uint64_t sequence;
    std::function<void()> run;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const { return a.when != b.when ? a.when > b.when : a.sequence > b.sequence; }
  };

  Instant now_;
  Instant start_;
  std::uint64_t next_sequence_ = 0;
  std::uint64_t events_run_ = 0;
  std::priority_queue<Event, std::vector<Event>, Later> events_;
};

}  // namespace ringhold::sim
