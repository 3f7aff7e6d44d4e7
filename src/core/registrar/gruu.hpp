#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/siphash.hpp"
#include "base/text.hpp"
#include "location/binding.hpp"
#include "sip/uri.hpp"

namespace ringhold::registrar {

/// 128 secret bits.
struct Secret {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

/// GRUUs of our domain (RFC 5627), made and read without any table. A public one names AOR and instance; a temporary one is
/// a sealed token that holds the AOR's user and a fingerprint of instance and Call-ID, so that it ends with the cycle (§3.2).
class Gruu {
 public:
  /// The bindings that a GRUU names.
  struct Target {
    Text aor;
    Text instance;                             ///< public: as in +sip.instance, without <>
    std::optional<std::uint32_t> fingerprint;  ///< temporary
  };

  Gruu(std::string_view domain, const Secret& secret);

  /// "sip:alice@example.test;gr=urn:uuid:…"
  void append_public(Text& out, const location::Binding& binding) const;
  /// "sip:tgruu.…@example.test;gr"; `nonce` is used once. False, and nothing is written, for users of more than 64 bytes.
  bool append_temporary(Text& out, const location::Binding& binding, std::uint64_t nonce) const;

  /// What a URI of our domain names, if it is a GRUU; a token that is not ours gives an empty AOR.
  std::optional<Target> read(const sip::Uri& uri) const;
  bool names(const Target& target, const location::Binding& binding) const;

 private:
  std::uint32_t fingerprint(const location::Binding& binding) const;
  void apply_key_stream(Text& text, std::string_view nonce) const;
  std::optional<Text> unseal(std::string_view token) const;

  Text domain_;
  SipHash sealing_, signing_;
};

}  // namespace ringhold::registrar
