#pragma once

#include <string>
#include <vector>

#include "app/asking.hpp"

namespace ringhold::app {

/// `ringhold ring show USER`: which terminals would ring now, in which order and how long (G7).
int show_ring(const Asking& asking, const std::string& user);
/// `ringhold ring set USER simultaneous|STEP…`, a step being "TYPE[,TYPE][:SECONDS]" (G2).
int set_ring(const Asking& asking, const std::string& user, const std::vector<std::string>& words, const std::string& fallback);

/// `ringhold ring type DEVICE TYPE|auto` (RNG-09).
int set_type(const Asking& asking, const std::string& device, const std::string& type);

}  // namespace ringhold::app
