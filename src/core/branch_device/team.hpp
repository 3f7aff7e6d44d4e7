#pragma once

#include <optional>
#include <string_view>

#include "base/team.hpp"
#include "branch_device/command.hpp"
#include "branch_device/settings.hpp"

namespace ringhold::branch_device {

/// The worker that has the bindings of an AOR, and serves what is sent to it.
WorkerNumber owner_of(std::string_view aor, const Team& team);
/// What one worker of a team may do of what the whole may: requests and returning phones per second.
Settings share_of(Settings settings, const Team& team);

/// Who of a team a command is for; nothing: for all.
std::optional<WorkerNumber> worker_for(const Command& command, const Settings& settings, const Team& team);
/// One answer of those of two workers, the leader's first: lists one after the other, numbers summed.
Answer merged(Answer first, Answer second);

}  // namespace ringhold::branch_device
