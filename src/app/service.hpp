#pragma once

#include <functional>

#include "base/time.hpp"

namespace ringhold::app {

/// A program that runs until it is told to stop, as the service manager and those who send signals see it.
struct Service {
  std::function<void()> reload;    ///< SIGHUP; none: it is ignored
  std::function<bool()> is_alive;  ///< asked for the watchdog of systemd
  Duration pace = 20s;
  std::function<void()> look_around;  ///< at that pace: what else may have changed
};

/// Waits for SIGTERM or SIGINT.
void run(const Service& service);

}  // namespace ringhold::app
