#pragma once

#include <optional>

#include "base/journal.hpp"
#include "location/binding.hpp"

namespace ringhold::location {

/// The columns of Table::binding, in the order of the schema: id (AOR, contact, reg-id), aor, contact, device (the Contact's
/// parameters; first of all `;flow` where the phone is reached by its flow only), call_id, cseq, q, expires_at (ms), registered_at (ms),
/// path, transport, local, source, user_agent.
inline constexpr std::size_t binding_columns = 14;

/// Whose binding a row holds; empty when it is none.
std::string_view aor_of_row(const Row& row);
Text binding_id(const Binding& binding);
Change put(const Binding& binding);
Change erase(const Binding& binding);

/// A row read back: the registration views the row's texts. Nothing when a column has the wrong type or cannot be read. The
/// flow is gone after a restart, but over UDP any socket serves.
std::optional<Registration> from_row(const Row& row);

}  // namespace ringhold::location
