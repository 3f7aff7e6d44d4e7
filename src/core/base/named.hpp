#pragma once

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>

namespace ringhold {

/// Of these values the one that name() calls so; nothing when none is.
template <typename Values>
auto named(const Values& values, std::string_view text) {
  const auto found = std::ranges::find(values, text, [](auto value) { return name(value); });
  return found == std::end(values) ? std::nullopt : std::optional{*found};
}

}  // namespace ringhold
