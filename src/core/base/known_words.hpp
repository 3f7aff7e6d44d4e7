#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace ringhold {

/// Whether a search takes letters of either case for the same.
enum class Letters : std::uint8_t { as_they_are, of_either_case };

/// Finds a text among words that the compiler knows: one look into a table without collisions, which the compiler has made, and
/// two comparisons of eight bytes. Words have 2 to 24 characters, in which no two agree in length and in the first eight.
template <std::size_t count, Letters letters>
class KnownWords {
 public:
  consteval explicit KnownWords(const std::array<std::string_view, count>& words) {
    for (std::size_t i = 0; i < count; ++i)
      entries_[i] = {first_eight(words[i]), middle_eight(words[i]), last_eight(words[i]), words[i].size()};
    while (!place_all()) multiplier_ += 2;
  }

  /// The position of `text` among the words.
  constexpr std::optional<std::size_t> find(std::string_view text) const {
    if (text.size() < shortest || text.size() > longest) return std::nullopt;
    const std::uint64_t first = first_eight(text);
    const std::size_t found = slots_[slot(first, text.size())];
    if (found == nowhere) return std::nullopt;
    const Entry& entry = entries_[found];
    if (entry.first != first || entry.size != text.size()) return std::nullopt;
    if (text.size() > 8 && entry.last != last_eight(text)) return std::nullopt;
    if (text.size() > 16 && entry.middle != middle_eight(text)) return std::nullopt;
    return found;
  }

 private:
  struct Entry {
    std::uint64_t first, middle, last;
    std::size_t size;
  };
  static constexpr std::size_t shortest = 2, longest = 24;
  static constexpr std::uint8_t nowhere = 0xff;
  static constexpr unsigned slot_bits = 8;

  /// The case bit in all bytes of 0x40 and above: then letters of either case are the same, and no other byte becomes a letter
  /// or a hyphen.
  static constexpr std::uint64_t folded(std::uint64_t bytes) {
    if constexpr (letters == Letters::as_they_are) return bytes;
    return bytes | ((bytes & 0x4040404040404040U) >> 1U);
  }
  template <typename Word>
  static constexpr std::uint64_t load(const char* at) {
    if (std::is_constant_evaluated() || std::endian::native != std::endian::little) {
      std::uint64_t word = 0;
      for (std::size_t i = 0; i < sizeof(Word); ++i) word |= static_cast<std::uint64_t>(static_cast<unsigned char>(at[i])) << (8 * i);
      return word;
    }
    Word word;
    std::memcpy(&word, at, sizeof word);
    return word;
  }
  /// A text of up to eight bytes as two loads that may overlap, so that nothing behind it is read.
  static constexpr std::uint64_t first_eight(std::string_view text) {
    const char* const at = text.data();
    const std::size_t size = text.size();
    if (size >= 8) return folded(load<std::uint64_t>(at));
    if (size >= 4) return folded(load<std::uint32_t>(at) | load<std::uint32_t>(at + size - 4) << (8 * (size - 4)));
    return folded(load<std::uint16_t>(at) | load<std::uint16_t>(at + size - 2) << (8 * (size - 2)));
  }
  static constexpr std::uint64_t last_eight(std::string_view text) {
    return text.size() < 8 ? 0 : folded(load<std::uint64_t>(text.data() + text.size() - 8));
  }
  static constexpr std::uint64_t middle_eight(std::string_view text) {
    return text.size() < 16 ? 0 : folded(load<std::uint64_t>(text.data() + 8));
  }

  constexpr std::size_t slot(std::uint64_t first, std::size_t size) const { return (first + size) * multiplier_ >> (64 - slot_bits); }
  consteval bool place_all() {
    slots_.fill(nowhere);
    for (std::size_t i = 0; i < count; ++i) {
      std::uint8_t& place = slots_[slot(entries_[i].first, entries_[i].size)];
      if (place != nowhere) return false;
      place = static_cast<std::uint8_t>(i);
    }
    return true;
  }

  std::uint64_t multiplier_ = 0x9e3779b97f4a7c15U;
  std::array<std::uint8_t, std::size_t{1} << slot_bits> slots_{};
  std::array<Entry, count> entries_{};
};

}  // namespace ringhold
