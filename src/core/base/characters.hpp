#pragma once

#include <array>
#include <string_view>

namespace ringhold {

/// A set of bytes as a table made by the compiler: one load per question, where a search through a literal costs a call.
class Characters {
 public:
  consteval explicit Characters(std::string_view members) {
    for (const char c : members) table_[static_cast<unsigned char>(c)] = true;
  }
  /// All letters and digits of ASCII, and `others`.
  static consteval Characters alphanumeric_and(std::string_view others) {
    Characters set{others};
    for (unsigned char c = 'a'; c <= 'z'; ++c) set.table_[c] = set.table_[c - 32U] = true;
    for (unsigned char c = '0'; c <= '9'; ++c) set.table_[c] = true;
    return set;
  }
  /// Control characters, the blank and DEL, and `others`.
  static consteval Characters controls_blank_and(std::string_view others) {
    Characters set{others};
    for (unsigned char c = 0; c <= ' '; ++c) set.table_[c] = true;
    set.table_[0x7f] = true;
    return set;
  }

  /// All bytes that are not in this set.
  consteval Characters complement() const {
    Characters other{""};
    for (std::size_t i = 0; i < table_.size(); ++i) other.table_[i] = !table_[i];
    return other;
  }

  /// The same without the bytes of 0x80 and above.
  consteval Characters complement_in_ascii() const {
    Characters other = complement();
    for (std::size_t i = 0x80; i < table_.size(); ++i) other.table_[i] = false;
    return other;
  }

  constexpr bool contains(char c) const { return table_[static_cast<unsigned char>(c)]; }
  constexpr bool contain_all(std::string_view text) const {
    for (const char c : text)
      if (!contains(c)) return false;
    return true;
  }
  constexpr bool contain_any(std::string_view text) const { return find_in(text) < text.size(); }
  /// Where the first member stands in `text`; its size when none does.
  constexpr std::size_t find_in(std::string_view text, std::size_t from = 0) const {
    std::size_t i = from;
    while (i < text.size() && !contains(text[i])) ++i;
    return i < text.size() ? i : text.size();
  }

 private:
  std::array<bool, 256> table_{};
};

inline constexpr Characters white_space{" \t\r\n"};

}  // namespace ringhold
