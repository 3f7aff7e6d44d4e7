#pragma once

#include <optional>
#include <vector>

#include "base/address.hpp"
#include "location/binding.hpp"
#include "proxy/response_context.hpp"

namespace ringhold::branch_device {

/// One hop to several addresses of one target, tried in order (RFC 3263 §4.3); those we have no listener for are left out.
std::optional<proxy::Hop> hop_through(const std::vector<Target>& listeners, const std::vector<Target>& targets);

/// Where a contact is reached: by its Path, else by its connection, else at its numeric address; a flow of RFC 5626 by that
/// flow only. Nothing when its connection is gone and a new one would reach nobody: such a contact is skipped (C5).
std::optional<proxy::Hop> hop_to(const location::Binding& binding, const std::vector<Target>& listeners);

}  // namespace ringhold::branch_device
