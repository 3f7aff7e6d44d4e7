#pragma once

#include <optional>
#include <vector>

#include "base/address.hpp"
#include "location/location_service.hpp"
#include "proxy/response_context.hpp"

namespace ringhold::proxy {

/// One hop to several addresses of one target, tried in order (RFC 3263 §4.3); those we have no listener for are left out.
std::optional<Hop> hop_through(const std::vector<Target>& listeners, const std::vector<Target>& targets);

/// Where a contact is reached: by its Path, else by its connection, else at its numeric address; a flow of RFC 5626 by that
/// flow only. Nothing when its connection is gone and a new one would reach nobody: such a contact is skipped (C5).
std::optional<Hop> hop_to(const location::Binding& binding, const std::vector<Target>& listeners);

/// One hop for each, in their order, limits::fork_targets of them at most. Several flows of one phone are one hop (RFC 5626 §7).
std::vector<Hop> hops_to(const location::Bindings& bindings, const std::vector<Target>& listeners);

}  // namespace ringhold::proxy
