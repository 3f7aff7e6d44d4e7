#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "branch_device/command.hpp"
#include "shell/http/api.hpp"
#include "shell/http/server.hpp"

namespace ringhold::http {

/// POST /api/v1/push: answered at once when that is refused or settled, later when somebody wants to wait for it.
Reply push(const Program& program, const Request& request);

/// What a request for /api/v1/pushes[/ID] or /api/v1/redirects[/AOR] means, or why it is refused; nothing when it is about something else.
std::optional<std::variant<branch_device::Command, Response>> push_command(const Request& request);
/// The list, the last one first, or the one that was asked for.
Response pushes_response(const Request& request, std::vector<branch_device::PushReport> reports);
Response redirects_response(const std::vector<branch_device::RedirectReport>& reports);

}  // namespace ringhold::http
