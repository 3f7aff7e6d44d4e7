#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string_view>

struct evp_md_st;
struct evp_md_ctx_st;

namespace ringhold::auth {

/// The hash functions of RFC 7616 §3.2 that SIP uses (RFC 8760 §2.1); the session variants are not offered.
enum class Algorithm : std::uint8_t { md5, sha_256, sha_512_256 };
inline constexpr std::array all_algorithms{Algorithm::md5, Algorithm::sha_256, Algorithm::sha_512_256};

/// "MD5", "SHA-256", "SHA-512-256".
std::string_view name(Algorithm algorithm);
std::optional<Algorithm> parse_algorithm(std::string_view name);  ///< in any letter case

constexpr std::size_t digest_bytes(Algorithm algorithm) { return algorithm == Algorithm::md5 ? 16 : 32; }

/// The value of a hash function, of digest_bytes() length; the rest is zero.
using Digest = std::array<std::uint8_t, 32>;

/// A digest as lower-case hexadecimal digits, on the stack.
class HexDigest {
 public:
  HexDigest(Algorithm algorithm, const Digest& digest);
  std::string_view text() const { return {digits_.data(), size_}; }
  operator std::string_view() const { return text(); }

 private:
  std::array<char, 64> digits_{};
  std::size_t size_;
};
/// Hexadecimal digits in any letter case, exactly as many as the algorithm has.
std::optional<Digest> parse_digest(Algorithm algorithm, std::string_view hex);

/// Hashes without an allocation for each: the state of libcrypto is made once.
class Hasher {
 public:
  Hasher();
  /// False where libcrypto may not do it (MD5 under FIPS rules): then it is neither offered nor hashed.
  bool has(Algorithm algorithm) const { return functions_[static_cast<std::size_t>(algorithm)] != nullptr; }
  /// Of the pieces, one after another.
  Digest hash(Algorithm algorithm, std::initializer_list<std::string_view> pieces);

 private:
  struct FreeFunction {
    void operator()(evp_md_st* function) const;
  };
  struct FreeState {
    void operator()(evp_md_ctx_st* state) const;
  };
  std::array<std::unique_ptr<evp_md_st, FreeFunction>, all_algorithms.size()> functions_;
  std::unique_ptr<evp_md_ctx_st, FreeState> state_;
};

}  // namespace ringhold::auth
