#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

namespace ringhold {

/// The enumerator's name as the source has it, or a text that begins with '(' when `value` is none. g++ and clang.
template <auto value>
  requires std::is_enum_v<decltype(value)>
constexpr std::string_view enumerator() {
  constexpr std::string_view text = __PRETTY_FUNCTION__;
  constexpr std::size_t begin = text.find("value = ") + 8;
  constexpr std::size_t end = text.find_first_of(";]", begin);
  constexpr std::string_view full = text.substr(begin, end - begin);
  if constexpr (full.front() == '(')
    return full;
  else
    return full.substr(full.rfind(':') + 1);
}

/// For documentation and tests of machines: an enum of up to 32 enumerators that begins at zero, as Set takes them.
template <typename Enum>
constexpr std::string_view enum_name(Enum value) {
  constexpr auto names = []<std::size_t... index>(std::index_sequence<index...>) {
    return std::array<std::string_view, sizeof...(index)>{enumerator<static_cast<Enum>(index)>()...};
  }(std::make_index_sequence<32>{});
  return names[static_cast<std::size_t>(std::to_underlying(value))];
}

}  // namespace ringhold
