#pragma once

#include <string>

#include "app/settings_file.hpp"
#include "app/toml_section.hpp"

namespace ringhold::app {

/// The table [agent]; `branch_domain` is what its domain is when it names none (empty: it has to).
AgentConfiguration read_agent(TomlSection table, const std::string& path, const std::string& branch_domain, const Surroundings& machine);

}  // namespace ringhold::app
