#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/hash.hpp"

namespace ringhold {

/// Text that is owned and outlives the step; views (`std::string_view`) never do.
using Text = std::string;

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// ASCII case-insensitive equality, as SIP tokens, URI hosts and DNS names compare.
constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  if (a.empty() || (!std::is_constant_evaluated() && std::memcmp(a.data(), b.data(), a.size()) == 0)) return true;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i] && to_lower(a[i]) != to_lower(b[i])) return false;
  return true;
}

/// `text == literal` where the compiler knows how long the literal is, so that no call is made.
template <std::size_t size>
bool is_literal(std::string_view text, const char (&literal)[size]) {
  return text.size() == size - 1 && std::memcmp(text.data(), literal, size - 1) == 0;
}
/// `text.starts_with(literal)`, likewise.
template <std::size_t size>
bool begins_with(std::string_view text, const char (&literal)[size]) {
  return text.size() >= size - 1 && std::memcmp(text.data(), literal, size - 1) == 0;
}

/// `text` with its capitals of ASCII in lower case, to `to`; eight bytes at a time.
inline void copy_lower_case(std::string_view text, char* to) {
  constexpr std::uint64_t ones = 0x0101010101010101U;
  const auto step = [&](std::size_t at) {
    std::uint64_t bytes;
    std::memcpy(&bytes, text.data() + at, sizeof bytes);
    // The highest bit of each byte tells whether it is at least 'A', and above 'Z'; only ASCII counts.
    const std::uint64_t low = bytes & (0x7f * ones);
    const std::uint64_t capital = ((low + (0x80 - 'A') * ones) ^ (low + (0x7f - 'Z') * ones)) & ~bytes & (0x80 * ones);
    bytes |= capital >> 2U;
    std::memcpy(to + at, &bytes, sizeof bytes);
  };
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) step(at);
  if (at == text.size()) return;
  if (text.size() >= 8) return step(text.size() - 8);
  for (; at < text.size(); ++at) to[at] = to_lower(text[at]);
}

inline Text lower_case(std::string_view text) {
  Text lower(text.size(), '\0');
  copy_lower_case(text, lower.data());
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
  std::size_t operator()(std::string_view text) const { return quick_hash(text); }
};
struct TextEqual {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};

/// A plain value as it stands in memory, for what the same program reads back; a pointer to char may look at any object's bytes.
template <typename Value>
  requires std::is_trivially_copyable_v<Value>
void append_bytes(Text& out, const Value& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// The last `size` hexadecimal digits of a number, with leading zeros.
inline Text hex_digits(std::uint64_t number, std::size_t size = 16) {
  Text digits(size, '0');
  for (auto place = digits.rbegin(); place != digits.rend(); ++place, number >>= 4U) *place = "0123456789abcdef"[number & 0xfU];
  return digits;
}

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
