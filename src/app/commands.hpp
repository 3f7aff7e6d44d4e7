#pragma once

#include <string>

#include "app/asking.hpp"

namespace ringhold::app {

/// The commands that talk to the running program; each returns an exit code (0 done, 1 failed, 3 invalid configuration).
int show_status(const Asking& asking);
int show_registrations(const Asking& asking, const std::string& aor);
int show_calls(const Asking& asking);
/// The last calls that ended: who was called when, and why each stopped ringing (C6).
int show_past_calls(const Asking& asking, unsigned limit);
int set_mode(const Asking& asking, const std::string& mode);

/// `ringhold check`: the file's errors (3), or what the program would do with it (0).
int check(const Asking& asking);

/// `ringhold dhcp-snippet`: the lines that hand out option 6 (us) and option 120 (the domain) (D12).
int dhcp_snippet(const Asking& asking, const std::string& server);

}  // namespace ringhold::app
