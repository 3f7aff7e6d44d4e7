#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/time.hpp"

namespace ringhold::sim {

/// What happened, line by line; kept only when a run is replayed for reading.
class Ladder {
 public:
  void enable(Instant start) {
    enabled_ = true;
    start_ = start;
  }
  bool enabled() const { return enabled_; }
  void packet(Instant now, const Endpoint& from, const Endpoint& to, std::string_view bytes, std::string_view fate);
  void event(Instant now, std::string_view who, std::string_view text);
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  void add(Instant now, std::string text);
  bool enabled_ = false;
  Instant start_{};
  std::vector<std::string> lines_;
};

}  // namespace ringhold::sim
