#include "registrar/gruu.hpp"

#include "base/characters.hpp"

namespace ringhold::registrar {

namespace {

using location::Binding;

constexpr std::string_view temporary_prefix = "tgruu.";
constexpr std::size_t longest_user = 64;
constexpr std::size_t nonce_size = 8;
constexpr std::size_t signature_size = 8;
constexpr std::size_t fingerprint_size = 4;
constexpr Characters user_plain = Characters::alphanumeric_and("-_.!~*'()&=+$,;?/");
constexpr Characters parameter_plain = Characters::alphanumeric_and("-_.!~*'()[]/:&+$");
constexpr std::string_view digits = "abcdefghijklmnopqrstuvwxyz234567";  // RFC 4648 §6, lower case: some phones change the case

void append_escaped(Text& out, std::string_view text, const Characters& plain) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  for (const char c : text) {
    if (plain.contains(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(hex[byte >> 4U]);
    out.push_back(hex[byte & 15U]);
  }
}

void append_bytes(Text& out, std::uint64_t number, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out.push_back(static_cast<char>(number >> (8 * i)));
}

void append_base32(Text& out, std::string_view bytes) {
  unsigned held = 0;
  std::uint32_t bits = 0;
  for (const char c : bytes) {
    bits = bits << 8U | static_cast<unsigned char>(c);
    for (held += 8; held >= 5; held -= 5) out.push_back(digits[bits >> (held - 5) & 31U]);
  }
  if (held > 0) out.push_back(digits[bits << (5 - held) & 31U]);
}

std::optional<Text> from_base32(std::string_view text) {
  Text bytes;
  unsigned held = 0;
  std::uint32_t bits = 0;
  for (const char c : text) {
    const auto digit = digits.find(to_lower(c));
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 5U | static_cast<std::uint32_t>(digit);
    held += 5;
    if (held < 8) continue;
    held -= 8;
    bytes.push_back(static_cast<char>(bits >> held));
  }
  return bytes;
}

std::string_view user_of(std::string_view aor) {
  const auto at = aor.rfind('@');
  return aor.starts_with("sip:") && at != std::string_view::npos ? aor.substr(4, at - 4) : std::string_view{};
}

std::string_view without_brackets(std::string_view instance) {
  if (instance.starts_with('<') && instance.ends_with('>')) return instance.substr(1, instance.size() - 2);
  return instance;
}

}  // namespace

Gruu::Gruu(std::string_view domain, const Secret& secret)
    : domain_{domain}, sealing_{secret.first, secret.second}, signing_{~secret.first, ~secret.second} {}

std::uint32_t Gruu::fingerprint(const Binding& binding) const {
  return static_cast<std::uint32_t>(signing_({binding.instance(), binding.call_id()}));
}

void Gruu::append_public(Text& out, const Binding& binding) const {
  out.append("sip:");
  append_escaped(out, user_of(binding.aor()), user_plain);
  out.append("@").append(domain_).append(";gr=");
  append_escaped(out, without_brackets(binding.instance()), parameter_plain);
}

void Gruu::apply_key_stream(Text& text, std::string_view nonce) const {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % 8 == 0) word = sealing_({nonce, Decimal{i}.text()});
    text[i] = static_cast<char>(text[i] ^ static_cast<char>(word >> (8 * (i % 8))));
  }
}

bool Gruu::append_temporary(Text& out, const Binding& binding, std::uint64_t nonce) const {
  const std::string_view user = user_of(binding.aor());
  if (user.empty() || user.size() > longest_user) return false;
  Text head;
  append_bytes(head, nonce, nonce_size);
  Text sealed;
  append_bytes(sealed, fingerprint(binding), fingerprint_size);
  sealed.append(user);
  sealed.resize((sealed.size() + 7) / 8 * 8);  // so that the length tells little of the user
  apply_key_stream(sealed, head);
  head += sealed;
  append_bytes(head, signing_({head}), signature_size);
  out.append("sip:").append(temporary_prefix);
  append_base32(out, head);
  out.append("@").append(domain_).append(";gr");
  return true;
}

std::optional<Text> Gruu::unseal(std::string_view token) const {
  auto bytes = token.size() <= 160 ? from_base32(token) : std::nullopt;
  if (!bytes || bytes->size() < nonce_size + fingerprint_size + signature_size) return std::nullopt;
  Text signature;
  const std::string_view signed_part = std::string_view{*bytes}.substr(0, bytes->size() - signature_size);
  append_bytes(signature, signing_({signed_part}), signature_size);
  if (std::string_view{*bytes}.substr(signed_part.size()) != signature) return std::nullopt;
  Text sealed{signed_part.substr(nonce_size)};
  apply_key_stream(sealed, signed_part.substr(0, nonce_size));
  return sealed;
}

std::optional<Gruu::Target> Gruu::read(const sip::Uri& uri) const {
  const auto gr = uri.parameters.find("gr");
  if (!gr) return std::nullopt;
  Target target;
  if (!gr->empty()) {
    const auto user = sip::unescaped(uri.user);
    auto instance = sip::unescaped(*gr);
    if (!user || !instance || user->empty()) return target;
    target.aor.append("sip:").append(*user).append("@").append(domain_);
    target.instance = std::move(*instance);
    return target;
  }
  target.fingerprint = 0;
  const bool has_prefix =
      uri.user.size() > temporary_prefix.size() && equal_ignoring_case(uri.user.substr(0, temporary_prefix.size()), temporary_prefix);
  const auto plain = has_prefix ? unseal(uri.user.substr(temporary_prefix.size())) : std::nullopt;
  if (!plain) return target;
  std::uint32_t number = 0;
  for (std::size_t i = fingerprint_size; i > 0; --i) number = number << 8U | static_cast<unsigned char>((*plain)[i - 1]);
  target.fingerprint = number;
  const std::string_view user = std::string_view{*plain}.substr(fingerprint_size);
  target.aor.append("sip:").append(user.substr(0, user.find('\0'))).append("@").append(domain_);
  return target;
}

bool Gruu::names(const Target& target, const Binding& binding) const {
  if (binding.instance().empty() || binding.aor() != target.aor) return false;
  if (target.fingerprint) return *target.fingerprint == fingerprint(binding);
  return without_brackets(binding.instance()) == target.instance;
}

}  // namespace ringhold::registrar
