#include "auth/answering.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace ringhold::auth {

namespace {

struct Kind {
  sip::Header challenge;
  std::string_view answer;
};
constexpr std::array kinds{Kind{sip::Header::www_authenticate, "Authorization"},
                           Kind{sip::Header::proxy_authenticate, "Proxy-Authorization"}};
constexpr std::string_view first_use = "00000001";

}  // namespace

std::optional<Text> answers_to(const sip::Message& response, const Account& account, const Proof& proof, Hasher& hasher) {
  Text lines;
  for (const Kind& kind : kinds) {
    std::vector<std::string_view> realms;
    for (const sip::HeaderLine& line : response.lines()) {
      // A challenge holds commas: each has a line of its own (RFC 3261 §20.44).
      // What of it is said again must not become a line of its own.
      const bool is_plain = std::ranges::none_of(line.value, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
      const auto challenge = line.header == kind.challenge && is_plain ? Challenge::parse(line.value) : Challenge::parse({});
      if (!challenge || std::ranges::find(realms, challenge->realm) != realms.end()) continue;
      const auto algorithm = challenge->algorithm();
      if (!algorithm || !hasher.has(*algorithm) || (challenge->has_qop && !challenge->offers_auth)) continue;
      realms.push_back(challenge->realm);
      const Digest ha1 = make_ha1(hasher, *algorithm, account.username, challenge->realm, account.password);
      // Without qop it is RFC 2069's, which MD5 alone may be.
      const bool is_old = !challenge->has_qop;
      Exchange exchange{proof.method, proof.uri, challenge->nonce, first_use, proof.cnonce, Qop::auth, {}};
      if (is_old) exchange.qop = Qop::none, exchange.nc = {}, exchange.cnonce = {};
      append_credentials(lines, kind.answer, account.username, *challenge, *algorithm, exchange,
                         HexDigest{*algorithm, make_response(hasher, *algorithm, ha1, exchange)});
    }
  }
  if (lines.empty()) return std::nullopt;
  return lines;
}

}  // namespace ringhold::auth
