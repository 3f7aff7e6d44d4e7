#pragma once

#include "branch_device/settings.hpp"

namespace ringhold::sim::bench {

/// The branch device of the bench (behaviour.md part 1), as the shipped configuration would make it.
branch_device::Settings settings();

}  // namespace ringhold::sim::bench
