#pragma once

#include <string>

#include "base/outbox.hpp"

namespace ringhold::app {

/// `ringhold serve`: runs until SIGTERM or SIGINT; SIGHUP reads the file again. The exit code of docs/exit-codes in --help.
int serve(const std::string& settings_file, Severity least_severity);

}  // namespace ringhold::app
