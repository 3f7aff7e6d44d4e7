#include "auth/algorithm.hpp"

#include <openssl/evp.h>

#include <utility>

#include "base/check.hpp"
#include "base/text.hpp"

namespace ringhold::auth {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

const char* library_name(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::md5: return "MD5";
    case Algorithm::sha_256: return "SHA2-256";
    case Algorithm::sha_512_256: return "SHA2-512/256";
  }
  return "";
}

}  // namespace

std::string_view name(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::md5: return "MD5";
    case Algorithm::sha_256: return "SHA-256";
    case Algorithm::sha_512_256: return "SHA-512-256";
  }
  return "";
}

std::optional<Algorithm> parse_algorithm(std::string_view text) {
  for (const Algorithm algorithm : all_algorithms)
    if (equal_ignoring_case(text, name(algorithm))) return algorithm;
  return std::nullopt;
}

HexDigest::HexDigest(Algorithm algorithm, const Digest& digest) : size_{2 * digest_bytes(algorithm)} {
  for (std::size_t i = 0; i < digest_bytes(algorithm); ++i) {
    const unsigned byte = digest[i];
    digits_[2 * i] = hex_digits[byte >> 4U];
    digits_[2 * i + 1] = hex_digits[byte & 15U];
  }
}

std::optional<Digest> parse_digest(Algorithm algorithm, std::string_view hex) {
  if (hex.size() != 2 * digest_bytes(algorithm)) return std::nullopt;
  Digest digest{};
  for (std::size_t i = 0; i < hex.size(); ++i) {
    const auto digit = hex_digits.find(to_lower(hex[i]));
    if (digit == std::string_view::npos) return std::nullopt;
    digest[i / 2] = static_cast<std::uint8_t>(std::size_t{digest[i / 2]} << 4U | digit);
  }
  return digest;
}

void Hasher::FreeFunction::operator()(evp_md_st* function) const { EVP_MD_free(function); }
void Hasher::FreeState::operator()(evp_md_ctx_st* state) const { EVP_MD_CTX_free(state); }

Hasher::Hasher() : state_{EVP_MD_CTX_new()} {
  for (const Algorithm algorithm : all_algorithms)
    functions_[std::to_underlying(algorithm)].reset(EVP_MD_fetch(nullptr, library_name(algorithm), nullptr));
  check(state_ != nullptr);
}

Digest Hasher::hash(Algorithm algorithm, std::initializer_list<std::string_view> pieces) {
  Digest digest{};
  const EVP_MD* function = functions_[std::to_underlying(algorithm)].get();
  check(function != nullptr && EVP_DigestInit_ex2(state_.get(), function, nullptr) == 1);
  for (const std::string_view piece : pieces) check(EVP_DigestUpdate(state_.get(), piece.data(), piece.size()) == 1);
  unsigned size = 0;
  check(EVP_DigestFinal_ex(state_.get(), digest.data(), &size) == 1 && size == digest_bytes(algorithm));
  return digest;
}

}  // namespace ringhold::auth
