#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "base/journal.hpp"
#include "base/named.hpp"
#include "base/time.hpp"

namespace ringhold {

/// Columns one after another; `valid` tells at the end whether all had the type that was asked for.
class RowReader {
 public:
  static constexpr std::size_t longest_text = 256;
  explicit RowReader(const Row& row) : row_{row} {}
  Text text(std::size_t longest = longest_text) {
    const Text* const value = next_ < row_.columns.size() ? std::get_if<Text>(&row_.columns[next_++]) : nullptr;
    valid = valid && value != nullptr;
    return value != nullptr ? value->substr(0, longest) : Text{};
  }
  Instant instant() {
    // Some thousand years: whatever else stands there cannot be counted in nanoseconds.
    const std::int64_t milliseconds = number();
    valid = valid && milliseconds >= 0 && milliseconds < 1LL << 43U;
    return from_unix_ms(valid ? milliseconds : 0);
  }
  std::int64_t number() {
    const auto* const value = next_ < row_.columns.size() ? std::get_if<std::int64_t>(&row_.columns[next_++]) : nullptr;
    valid = valid && value != nullptr;
    return value != nullptr ? *value : 0;
  }
  template <typename Values>
  auto named(const Values& values) {
    const auto found = ringhold::named(values, text());
    valid = valid && found;
    return found.value_or(values.front());
  }
  bool valid = true;

 private:
  const Row& row_;
  std::size_t next_ = 0;
};

}  // namespace ringhold
