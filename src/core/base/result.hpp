#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

namespace ringhold {

/// What is wrong with input, and where, so that a refusal can explain itself. Both texts have static storage.
struct Error {
  std::string_view where;    ///< the header, field or section, as its specification spells it
  std::uint32_t offset = 0;  ///< bytes from the start of the message
  std::string_view what;     ///< "number is 2**31 or more"
};

/// A value, or the error in the input that prevented it.
template <typename T>
using Result = std::expected<T, Error>;

}  // namespace ringhold
