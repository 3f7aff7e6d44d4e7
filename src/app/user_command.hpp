#pragma once

#include <optional>
#include <string>

#include "app/asking.hpp"

namespace ringhold::app {

/// `ringhold user …`: who may register with `[registrar] auth = "digest"`. Each talks to the running program, and where none is,
/// to its database; what is acknowledged is on disk (X5). Exit codes as those of the other commands.
int add_user(const Asking& asking, const std::string& name, const std::string& password_file);
int list_users(const Asking& asking);
int remove_user(const Asking& asking, const std::string& name);
int import_users(const Asking& asking, const std::string& file);

/// How many users could prove who they are; nothing when neither program nor database can be asked.
std::optional<std::size_t> count_usable_users(const Configuration& configuration);

}  // namespace ringhold::app
