#pragma once

#include <string>
#include <vector>

#include "app/toml_section.hpp"
#include "branch_device/settings.hpp"

namespace ringhold::app {

/// The table [push] with its [[push.user]] tables; `types` are those that an order may name, `path` is the file's.
void read_push(TomlSection table, const std::string& path, const std::vector<ringing::TerminalType>& types,
               branch_device::Settings::Push& push);

}  // namespace ringhold::app
