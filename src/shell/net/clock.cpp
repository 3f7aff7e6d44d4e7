#include "shell/net/clock.hpp"

namespace ringhold::net {

RunningClock::RunningClock()
    : offset_{std::chrono::system_clock::now().time_since_epoch() - std::chrono::steady_clock::now().time_since_epoch()} {}

}  // namespace ringhold::net
