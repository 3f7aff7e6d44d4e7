#pragma once

#include "app/toml_section.hpp"
#include "branch_device/settings.hpp"

namespace ringhold::app {

/// The table [ringing] with its [[ringing.type]] tables.
void read_ringing(TomlSection table, branch_device::Settings::Ringing& ringing);

}  // namespace ringhold::app
