#pragma once

#include <bit>
#include <cstddef>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace ringhold {

/// Where `wanted` stands first in `text` from `from` on; the text's size when nowhere. Inlined, because what is looked for in a
/// message is mostly within the next 16 bytes, where a call of memchr costs more than the search.
inline std::size_t find_byte(std::string_view text, std::size_t from, char wanted) {
#ifdef __SSE2__
  constexpr std::size_t step = 16;
  const __m128i pattern = _mm_set1_epi8(wanted);
  const auto found = [&](std::size_t at) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, pattern)));
  };
  for (; from + step <= text.size(); from += step)
    if (const unsigned mask = found(from)) return from + static_cast<std::size_t>(std::countr_zero(mask));
  if (from < text.size() && text.size() >= step) {
    // The last bytes again from where 16 are left, without those that were looked at.
    const std::size_t last = text.size() - step;
    const unsigned mask = found(last) >> (from - last);
    return mask != 0 ? from + static_cast<std::size_t>(std::countr_zero(mask)) : text.size();
  }
#endif
  while (from < text.size() && text[from] != wanted) ++from;
  return from < text.size() ? from : text.size();
}

}  // namespace ringhold
