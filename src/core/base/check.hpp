#pragma once

#include <source_location>

namespace ringhold {

/// Ends the program with a line on stderr that names the broken promise. Never for anything the network can cause.
[[noreturn]] void check_failed(std::source_location where);

/// A promise of ours; always on. Bindings are on disk and a restart takes under a second, so stopping is the safe way.
constexpr void check(bool promise, std::source_location where = std::source_location::current()) {
  if (!promise) [[unlikely]]
    check_failed(where);
}

}  // namespace ringhold
