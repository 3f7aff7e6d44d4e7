#pragma once

#include <optional>

#include "base/journal.hpp"
#include "location/binding.hpp"

namespace ringhold::location {

/// The columns of Table::binding, in the order of the schema: id (AOR and contact), aor, contact, device, call_id, cseq, q,
/// expires_at (ms), registered_at (ms), path, transport, local, source, user_agent.
inline constexpr std::size_t binding_columns = 14;

Text binding_id(const Binding& binding);
Change put(const Binding& binding);
Change erase(const Binding& binding);
/// Nothing when a column has the wrong type or cannot be read. The flow is gone after a restart, but over UDP any socket serves.
std::optional<Binding> from_row(const Row& row);

}  // namespace ringhold::location
