#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string_view>

namespace ringhold {

/// SipHash-2-4 (Aumasson and Bernstein, 2012): a hash that nobody can compute or predict without the key. For tags and
/// tokens that others see. Several parts are told apart from their concatenation.
class SipHash {
 public:
  constexpr SipHash(std::uint64_t key0, std::uint64_t key1) : key0_{key0}, key1_{key1} {}

  std::uint64_t operator()(std::initializer_list<std::string_view> parts) const {
    State state{key0_ ^ 0x736f6d6570736575U, key1_ ^ 0x646f72616e646f6dU, key0_ ^ 0x6c7967656e657261U, key1_ ^ 0x7465646279746573U};
    for (const std::string_view part : parts) absorb(state, part);
    state.v2 ^= 0xff;
    for (int round = 0; round < 4; ++round) mix(state);
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
  }

 private:
  struct State {
    std::uint64_t v0, v1, v2, v3;
  };

  static void mix(State& s) {
    s.v0 += s.v1;
    s.v1 = std::rotl(s.v1, 13) ^ s.v0;
    s.v0 = std::rotl(s.v0, 32);
    s.v2 += s.v3;
    s.v3 = std::rotl(s.v3, 16) ^ s.v2;
    s.v0 += s.v3;
    s.v3 = std::rotl(s.v3, 21) ^ s.v0;
    s.v2 += s.v1;
    s.v1 = std::rotl(s.v1, 17) ^ s.v2;
    s.v2 = std::rotl(s.v2, 32);
  }
  static void absorb_word(State& state, std::uint64_t word) {
    state.v3 ^= word;
    mix(state);
    mix(state);
    state.v0 ^= word;
  }
  /// Each part ends with a word that holds its length, as the algorithm ends its one input.
  static void absorb(State& state, std::string_view part) {
    std::size_t at = 0;
    for (; part.size() - at >= 8; at += 8) {
      std::uint64_t word;
      std::memcpy(&word, part.data() + at, 8);
      absorb_word(state, to_little(word));
    }
    std::uint64_t last = static_cast<std::uint64_t>(part.size()) << 56U;
    for (unsigned shift = 0; at < part.size(); ++at, shift += 8)
      last |= static_cast<std::uint64_t>(static_cast<unsigned char>(part[at])) << shift;
    absorb_word(state, last);
  }
  static std::uint64_t to_little(std::uint64_t word) {
    if constexpr (std::endian::native == std::endian::big) return std::byteswap(word);
    return word;
  }

  std::uint64_t key0_, key1_;
};

}  // namespace ringhold
