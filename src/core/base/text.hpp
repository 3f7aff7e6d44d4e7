#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringhold {

/// Text that is owned and outlives the step; views (`std::string_view`) never do.
using Text = std::string;

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// ASCII case-insensitive equality, as SIP tokens, URI hosts and DNS names compare.
constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i] && to_lower(a[i]) != to_lower(b[i])) return false;
  return true;
}

inline Text lower_case(std::string_view text) {
  Text lower{text};
  for (char& c : lower) c = to_lower(c);
  return lower;
}

constexpr bool is_white_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Without white space at both ends.
constexpr std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_white_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_white_space(text.back())) text.remove_suffix(1);
  return text;
}

/// The whole text as a decimal number without sign; nothing if it is empty, has other characters or is above `max`.
template <typename Number = std::uint32_t>
constexpr std::optional<Number> parse_number(std::string_view text, Number max = static_cast<Number>(-1)) {
  std::uint64_t value = 0;
  if (text.empty() || text.size() > 19) return std::nullopt;
  for (char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (value > static_cast<std::uint64_t>(max)) return std::nullopt;
  return static_cast<Number>(value);
}

/// For hash tables with Text keys that are asked with views.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
struct TextEqual {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};

/// The decimal digits of a number, on the stack.
class Decimal {
 public:
  explicit Decimal(std::uint64_t number) : end_{std::to_chars(digits_, digits_ + sizeof digits_, number).ptr} {}
  std::string_view text() const { return {digits_, static_cast<std::size_t>(end_ - digits_)}; }
  operator std::string_view() const { return text(); }

 private:
  char digits_[20];
  char* end_;
};

}  // namespace ringhold
