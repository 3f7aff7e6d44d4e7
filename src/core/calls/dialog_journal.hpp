#pragma once

#include <optional>
#include <string_view>

#include "base/journal.hpp"
#include "base/team.hpp"
#include "calls/call.hpp"

namespace ringhold::calls {

/// The key of a dialog in the store: Call-ID, the caller's tag, the callee's tag.
Text dialog_key(const Call& call, std::string_view callee_tag);
/// A dialog that is up, with what of its call has to outlive us, so that a restart of its terminal after one of ours is seen,
/// too. `worker` has it.
Change put(const Call& call, const Dialog& dialog, WorkerNumber worker);
/// The call, answered, with that one dialog; nothing when the row is no such row.
std::optional<Call> dialog_from_row(const Row& row);
WorkerNumber worker_of_dialog(const Row& row);

}  // namespace ringhold::calls
