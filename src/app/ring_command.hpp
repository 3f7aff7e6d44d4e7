#pragma once

#include <string>
#include <vector>

#include "app/asking.hpp"

namespace ringhold::app {

/// `ringhold ring show USER`: which terminals would ring now, in which order and how long (G7), and what is set for other hours.
int show_ring(const Asking& asking, const std::string& user);
/// `ringhold ring set USER [--when WHEN] simultaneous|STEP…`, a step being "TYPE[,TYPE][:SECONDS]" (G2). With WHEN (parse_when())
/// only what holds then is set; without, only what holds otherwise.
int set_ring(const Asking& asking, const std::string& user, const std::vector<std::string>& words, const std::string& fallback,
             const std::string& when);
/// `ringhold ring remove USER [--when WHEN]`: what is set for then, or all of it.
int remove_ring(const Asking& asking, const std::string& user, const std::string& when);

/// `ringhold ring type DEVICE TYPE|auto` (RNG-09).
int set_type(const Asking& asking, const std::string& device, const std::string& type);

}  // namespace ringhold::app
