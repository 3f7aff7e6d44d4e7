#pragma once

#include <string>

#include "app/asking.hpp"
#include "base/outbox.hpp"

namespace ringhold::app {

/// `ringhold agent`: keeps the accounts registered until SIGTERM or SIGINT.
int run_agent(const std::string& settings_file, Severity least_severity);
/// `ringhold agent --once`: registers each account once, asks its server for a sign of life, takes the registration away again, and
/// prints what happened. 0: all were registered. `patience` bounds the whole.
int agent_once(const Asking& asking, Duration patience);

}  // namespace ringhold::app
