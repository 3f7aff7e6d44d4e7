#pragma once

#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "branch_device/command.hpp"
#include "shell/http/server.hpp"

namespace ringhold::http {

/// What a request for /api/v1/users/USER/ring or /api/v1/devices/DEVICE/type means, or why it is refused; nothing when it is about
/// something else.
std::optional<std::variant<branch_device::Command, Response>> ring_command(const Request& request);
Response ring_response(const std::vector<branch_device::RingReport>& reports);

}  // namespace ringhold::http
