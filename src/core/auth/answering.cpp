#include "auth/answering.hpp"

#include <algorithm>
#include <array>

namespace ringhold::auth {

namespace {

constexpr std::string_view digits = "0123456789abcdef";

bool is_challenge(sip::Header header) { return header == sip::Header::www_authenticate || header == sip::Header::proxy_authenticate; }

std::string_view answer_to(sip::Header challenge) {
  return challenge == sip::Header::www_authenticate ? "Authorization" : "Proxy-Authorization";
}

/// Eight hexadecimal digits (RFC 7616 §3.4).
std::array<char, 8> nonce_count(std::uint32_t uses) {
  std::array<char, 8> text{};
  for (auto at = text.rbegin(); at != text.rend(); ++at, uses >>= 4U) *at = digits[uses & 15U];
  return text;
}

}  // namespace

bool KnownChallenges::take(const sip::Message& response, const Hasher& hasher) {
  std::vector<Known> taken;
  for (const sip::HeaderLine& line : response.lines()) {
    if (!is_challenge(line.header) || taken.size() == most) continue;
    // A challenge holds commas: each has a line of its own (RFC 3261 §20.44).
    // What of it is said again must not become a line of its own.
    if (std::ranges::any_of(line.value, [](char c) { return static_cast<unsigned char>(c) < 0x20; })) continue;
    const auto challenge = Challenge::parse(line.value);
    if (!challenge) continue;
    const auto algorithm = challenge->algorithm();
    if (!algorithm || !hasher.has(*algorithm) || (challenge->has_qop && !challenge->offers_auth)) continue;
    const auto same = [&](const Known& one) { return one.header == line.header && one.realm == challenge->realm; };
    if (std::ranges::any_of(taken, same)) continue;
    std::erase_if(known_, same);
    taken.push_back({line.header, Text{challenge->realm}, Text{line.value}, 0});
  }
  known_.insert(known_.end(), taken.begin(), taken.end());
  if (known_.size() > most) known_.erase(known_.begin(), known_.end() - most);
  return !taken.empty();
}

Text KnownChallenges::credentials(const Account& account, const Proof& proof, Hasher& hasher) {
  Text lines;
  for (Known& known : known_) {
    const auto challenge = Challenge::parse(known.value);
    const auto algorithm = challenge ? challenge->algorithm() : std::nullopt;
    if (!algorithm) continue;
    const auto count = nonce_count(++known.uses);
    const Digest ha1 = make_ha1(hasher, *algorithm, account.username, challenge->realm, account.password);
    // Without qop it is RFC 2069's, which MD5 alone may be.
    const bool is_old = !challenge->has_qop;
    Exchange exchange{proof.method, proof.uri, challenge->nonce, {count.data(), count.size()}, proof.cnonce, Qop::auth, {}};
    if (is_old) exchange.qop = Qop::none, exchange.nc = {}, exchange.cnonce = {};
    append_credentials(lines, answer_to(known.header), account.username, *challenge, *algorithm, exchange,
                       HexDigest{*algorithm, make_response(hasher, *algorithm, ha1, exchange)});
  }
  return lines;
}

std::optional<Text> answers_to(const sip::Message& response, const Account& account, const Proof& proof, Hasher& hasher) {
  KnownChallenges challenges;
  if (!challenges.take(response, hasher)) return std::nullopt;
  return challenges.credentials(account, proof, hasher);
}

bool is_stale(const sip::Message& response) {
  return std::ranges::any_of(response.lines(), [](const sip::HeaderLine& line) {
    const auto challenge = is_challenge(line.header) ? Challenge::parse(line.value) : Challenge::parse({});
    return challenge && challenge->stale;
  });
}

}  // namespace ringhold::auth
