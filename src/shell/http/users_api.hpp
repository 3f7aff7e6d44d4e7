#pragma once

#include <optional>
#include <variant>

#include "branch_device/command.hpp"
#include "shell/http/server.hpp"

namespace ringhold::http {

/// What a request below /api/v1/users means, or why it is refused; nothing when it is not about users.
std::optional<std::variant<branch_device::Command, Response>> user_command(const Request& request);
/// The answer: a list, or the one user that was asked for.
Response users_response(const Request& request, const std::vector<branch_device::UserReport>& users);

}  // namespace ringhold::http
