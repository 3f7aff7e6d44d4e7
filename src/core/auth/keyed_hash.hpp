#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

namespace ringhold::auth {

/// SipHash-2-4 (Aumasson, Bernstein 2012): 64 bits that nobody without the key can make or foresee.
class KeyedHash {
 public:
  struct Key {
    std::uint64_t low = 0, high = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  explicit constexpr KeyedHash(const Key& key) : key_{key} {}
  constexpr const Key& key() const { return key_; }

  constexpr std::uint64_t operator()(std::string_view bytes) const {
    std::array<std::uint64_t, 4> v{key_.low ^ 0x736f6d6570736575U, key_.high ^ 0x646f72616e646f6dU, key_.low ^ 0x6c7967656e657261U,
                                   key_.high ^ 0x7465646279746573U};
    const std::size_t whole = bytes.size() / 8 * 8;
    for (std::size_t i = 0; i < whole; i += 8) mix(v, word(bytes.substr(i, 8)));
    mix(v, word(bytes.substr(whole)) | static_cast<std::uint64_t>(bytes.size()) << 56U);
    v[2] ^= 0xffU;
    for (int i = 0; i < 4; ++i) round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
  }

 private:
  static constexpr std::uint64_t word(std::string_view bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    return value;
  }
  static constexpr void mix(std::array<std::uint64_t, 4>& v, std::uint64_t word) {
    v[3] ^= word;
    round(v);
    round(v);
    v[0] ^= word;
  }
  static constexpr void round(std::array<std::uint64_t, 4>& v) {
    v[0] += v[1], v[1] = std::rotl(v[1], 13) ^ v[0], v[0] = std::rotl(v[0], 32);
    v[2] += v[3], v[3] = std::rotl(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = std::rotl(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = std::rotl(v[1], 17) ^ v[2], v[2] = std::rotl(v[2], 32);
  }

  Key key_;
};

}  // namespace ringhold::auth
