#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/characters.hpp"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace ringhold {

#ifdef __SSE2__
/// Sixteen bytes that are looked at together. A mask has one bit for each of them, the first one lowest.
class Sixteen {
 public:
  static constexpr std::size_t size = 16;
  explicit Sixteen(const char* at) : bytes_{_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))} {}

  unsigned equal_to(char wanted) const { return mask(_mm_cmpeq_epi8(bytes_, _mm_set1_epi8(wanted))); }
  /// Those that are not in `word_characters`. Bytes of 0x80 and above are negative here, so that no range holds them.
  unsigned outside_words() const {
    const __m128i letters = between(_mm_or_si128(bytes_, _mm_set1_epi8(0x20)), 'a', 'z');
    const __m128i from_hyphen_to_nine = between(bytes_, '-', '9');
    const __m128i slash = _mm_cmpeq_epi8(bytes_, _mm_set1_epi8('/'));
    const __m128i underscore = _mm_cmpeq_epi8(bytes_, _mm_set1_epi8('_'));
    const __m128i words = _mm_or_si128(_mm_or_si128(letters, underscore), _mm_andnot_si128(slash, from_hyphen_to_nine));
    return mask(words) ^ 0xffffU;
  }
  /// Those that are not in `visible_characters`.
  unsigned outside_visible() const { return mask(between(bytes_, '!', '~')) ^ 0xffffU; }

 private:
  static __m128i between(__m128i bytes, char least, char most) {
    return _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8(static_cast<char>(least - 1))),
                         _mm_cmplt_epi8(bytes, _mm_set1_epi8(static_cast<char>(most + 1))));
  }
  static unsigned mask(__m128i bytes) { return static_cast<unsigned>(_mm_movemask_epi8(bytes)); }
  __m128i bytes_;
};

/// The first byte of `text` from `from` on that `mask_of(sixteen)` marks; its size when there is none. `text` has at least 16.
template <typename MaskOf>
std::size_t find_marked(std::string_view text, std::size_t from, MaskOf&& mask_of) {
  for (; from + Sixteen::size <= text.size(); from += Sixteen::size)
    if (const unsigned mask = mask_of(Sixteen{text.data() + from})) return from + static_cast<std::size_t>(std::countr_zero(mask));
  if (from >= text.size()) return text.size();
  // The last bytes again from where 16 are left, without those that were looked at.
  const std::size_t last = text.size() - Sixteen::size;
  const unsigned mask = mask_of(Sixteen{text.data() + last}) >> (from - last);
  return mask != 0 ? from + static_cast<std::size_t>(std::countr_zero(mask)) : text.size();
}
#endif

/// Where `wanted` stands first in `text` from `from` on; the text's size when nowhere. What is looked for in a message is mostly
/// within the next 16 bytes, where a call of memchr costs more than the search.
inline std::size_t find_byte(std::string_view text, std::size_t from, char wanted) {
#ifdef __SSE2__
  if (text.size() >= Sixteen::size) return find_marked(text, from, [=](Sixteen bytes) { return bytes.equal_to(wanted); });
#endif
  while (from < text.size() && text[from] != wanted) ++from;
  return from < text.size() ? from : text.size();
}

/// The places of one byte in a text, one after another: 64 bytes are looked at together and leave a mask, so that a place costs
/// little more than its bit. For what is looked for again and again, as line ends are.
class Places {
 public:
  Places(std::string_view text, char wanted) : text_{text}, wanted_{wanted}, mask_{mask_at(0)} {}

  /// The next place; the text's size when there is none.
  std::size_t next() {
    while (mask_ == 0) {
      if (text_.size() - block_ <= block_size) return text_.size();
      block_ += block_size;
      mask_ = mask_at(block_);
    }
    const std::size_t place = block_ + static_cast<std::size_t>(std::countr_zero(mask_));
    mask_ &= mask_ - 1;
    return place;
  }
  /// The next place that is not before `from`.
  std::size_t next_from(std::size_t from) {
    std::size_t place = next();
    while (place < from && place < text_.size()) place = next();
    return place;
  }

 private:
  static constexpr std::size_t block_size = 64;

  std::uint64_t mask_at(std::size_t begin) const {
    if (text_.size() - begin >= block_size) return mask_of(text_.data() + begin);
    char copy[block_size] = {};
    text_.copy(copy, block_size, begin);
    return mask_of(copy) & ((1ULL << (text_.size() - begin)) - 1);
  }
  std::uint64_t mask_of(const char* block) const {
    std::uint64_t mask = 0;
#ifdef __SSE2__
    for (std::size_t i = 0; i < block_size; i += Sixteen::size) mask |= std::uint64_t{Sixteen{block + i}.equal_to(wanted_)} << i;
#else
    for (std::size_t i = 0; i < block_size; ++i) mask |= std::uint64_t{block[i] == wanted_} << i;
#endif
    return mask;
  }

  std::string_view text_;
  char wanted_;
  std::size_t block_ = 0;
  std::uint64_t mask_;
};

/// What hosts, and mostly users, tags and branches, consist of: no SIP grammar gives these characters a meaning of their own.
inline constexpr Characters word_characters = Characters::alphanumeric_and(".-_");
inline constexpr Characters visible_characters = Characters::controls_blank_and("").complement_in_ascii();

/// Where the word that begins at `from` ends: the first place without a word character, or the text's size.
inline std::size_t find_end_of_word(std::string_view text, std::size_t from) {
#ifdef __SSE2__
  if (text.size() >= Sixteen::size) return find_marked(text, from, [](Sixteen bytes) { return bytes.outside_words(); });
#endif
  while (from < text.size() && word_characters.contains(text[from])) ++from;
  return from < text.size() ? from : text.size();
}

/// The same for characters of ASCII other than blanks and controls.
inline std::size_t find_end_of_visible(std::string_view text, std::size_t from) {
#ifdef __SSE2__
  if (text.size() >= Sixteen::size) return find_marked(text, from, [](Sixteen bytes) { return bytes.outside_visible(); });
#endif
  while (from < text.size() && visible_characters.contains(text[from])) ++from;
  return from < text.size() ? from : text.size();
}

}  // namespace ringhold
