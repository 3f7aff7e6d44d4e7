#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace ringhold {

/// What keys quick_hash(). Who chooses the texts in a table must not be able to choose which of them collide (decision 0011):
/// the program draws a key before its threads begin. Tests and the simulator keep this one, so that a seed replays.
struct HashKey {
  std::uint64_t first = 0xa0761d6478bd642fU;
  std::uint64_t second = 0xe7037ed1a0b428dbU;
};
inline HashKey hash_key;

/// A hash of short texts for tables, in a few multiplications (after Wang Yi's wyhash, 2019). For what others see take SipHash.
/// Not to be kept or sent: it differs between runs.
inline std::uint64_t quick_hash(std::string_view text, const HashKey& key = hash_key) {
  __extension__ using Wide = unsigned __int128;
  const auto mix = [](std::uint64_t a, std::uint64_t b) {
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
  };
  const auto load = [](const char* from, auto word) -> std::uint64_t {
    std::memcpy(&word, from, sizeof word);
    return word;
  };
  const char* at = text.data();
  std::size_t left = text.size();
  std::uint64_t state = key.second;
  for (; left > 16; at += 16, left -= 16) state = mix(load(at, std::uint64_t{}) ^ key.first, load(at + 8, std::uint64_t{}) ^ state);
  // What is left as two words that may overlap.
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  if (left >= 8) {
    a = load(at, std::uint64_t{});
    b = load(at + left - 8, std::uint64_t{});
  } else if (left >= 4) {
    a = load(at, std::uint32_t{});
    b = load(at + left - 4, std::uint32_t{});
  } else if (left > 0) {
    a = load(at, std::uint8_t{}) << 16U | load(at + left / 2, std::uint8_t{}) << 8U | load(at + left - 1, std::uint8_t{});
  }
  return mix(key.first ^ text.size(), mix(a ^ key.first, b ^ state));
}

}  // namespace ringhold
