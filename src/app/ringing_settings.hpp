#pragma once

#include "app/surroundings.hpp"
#include "app/toml_section.hpp"
#include "branch_device/settings.hpp"

namespace ringhold::app {

/// The table [ringing] with its [[ringing.type]] tables.
void read_ringing(TomlSection table, const Surroundings& machine, branch_device::Settings::Ringing& ringing);

}  // namespace ringhold::app
