#include "auth/digest.hpp"

#include <algorithm>
#include <charconv>

#include "sip/uri.hpp"

namespace ringhold::auth {

namespace {

struct Parameter {
  std::string_view name;
  std::string_view value;
};

constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view take_token(std::string_view& rest) {
  std::size_t size = 0;
  // An extended value (RFC 8187 §3.2.1) has percent signs and apostrophes, which RFC 3261 has in its token.
  while (size < rest.size() && sip::token_characters.contains(rest[size])) ++size;
  const auto token = rest.substr(0, size);
  rest.remove_prefix(size);
  return token;
}

/// The text between quotes; nothing when they are not closed.
std::optional<std::string_view> take_quoted(std::string_view& rest) {
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '\\') {
      ++i;
    } else if (rest[i] == '"') {
      const auto text = rest.substr(1, i - 1);
      rest.remove_prefix(i + 1);
      return text;
    }
  }
  return std::nullopt;
}

/// Visits the parameters of `Digest a=b, c="d"`; the visitor returns an error's text or an empty one.
template <typename Visit>
Result<void> for_each_parameter(std::string_view value, std::string_view where, Visit&& visit) {
  const auto fail = [&](std::string_view what) { return std::unexpected{Error{where, 0, what}}; };
  std::string_view rest = without_blanks(value);
  if (!equal_ignoring_case(take_token(rest), "Digest")) return fail("scheme is not Digest");
  if (rest.empty() || !is_blank(rest.front())) return fail("Digest has no parameters");
  for (;;) {
    rest = without_blanks(rest);
    Parameter parameter{take_token(rest), {}};
    rest = without_blanks(rest);
    if (parameter.name.empty() || !rest.starts_with('=')) return fail("a parameter is not NAME=VALUE");
    rest = without_blanks(rest.substr(1));
    if (rest.starts_with('"')) {
      const auto quoted = take_quoted(rest);
      if (!quoted) return fail("a quoted string has no end");
      parameter.value = *quoted;
    } else {
      parameter.value = take_token(rest);
      if (parameter.value.empty()) return fail("a parameter has no value");
    }
    if (const std::string_view wrong = visit(parameter); !wrong.empty()) return fail(wrong);
    rest = without_blanks(rest);
    if (rest.empty()) return {};
    if (rest.front() != ',') return fail("a comma is missing between parameters");
    rest.remove_prefix(1);
  }
}

/// Puts a value where it belongs; says so when it was there already.
std::string_view put(std::string_view& place, std::string_view value) {
  if (place.data() != nullptr) return "a parameter stands there twice";
  place = value;
  return {};
}

Qop qop_of(std::string_view text) {
  if (equal_ignoring_case(text, "auth")) return Qop::auth;
  if (equal_ignoring_case(text, "auth-int")) return Qop::auth_int;
  return Qop::other;
}

std::optional<Algorithm> algorithm_of(std::string_view name) { return name.empty() ? Algorithm::md5 : parse_algorithm(name); }

std::string_view name(Qop qop) {
  switch (qop) {
    case Qop::none:
    case Qop::other: return "";
    case Qop::auth: return "auth";
    case Qop::auth_int: return "auth-int";
  }
  return "";
}

/// As a quoted string (RFC 3261 §25.1).
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

}  // namespace

Result<Credentials> Credentials::parse(std::string_view value) {
  constexpr std::string_view where = "Authorization";
  Credentials found;
  std::string_view qop, userhash;
  const auto done = for_each_parameter(value, where, [&](const Parameter& parameter) -> std::string_view {
    const auto is = [&](std::string_view known) { return equal_ignoring_case(parameter.name, known); };
    if (is("username")) return put(found.username, parameter.value);
    if (is("username*")) return found.extended_username = true, put(found.username, parameter.value);
    if (is("realm")) return put(found.realm, parameter.value);
    if (is("nonce")) return put(found.nonce, parameter.value);
    if (is("uri")) return put(found.uri, parameter.value);
    if (is("response")) return put(found.response, parameter.value);
    if (is("algorithm")) return put(found.algorithm_name, parameter.value);
    if (is("cnonce")) return put(found.cnonce, parameter.value);
    if (is("nc")) return put(found.nc, parameter.value);
    if (is("opaque")) return put(found.opaque, parameter.value);
    if (is("qop")) return put(qop, parameter.value);
    if (is("userhash")) return put(userhash, parameter.value);
    return {};
  });
  if (!done) return std::unexpected{done.error()};
  if (qop.data() != nullptr) found.qop = qop_of(qop);
  found.userhash = equal_ignoring_case(userhash, "true");
  for (const std::string_view needed : {found.username, found.realm, found.nonce, found.uri, found.response})
    if (needed.data() == nullptr) return std::unexpected{Error{where, 0, "username, realm, nonce, uri or response is missing"}};
  return found;
}

std::optional<Algorithm> Credentials::algorithm() const { return algorithm_of(algorithm_name); }

std::optional<Text> Credentials::user() const {
  if (extended_username) {
    // RFC 8187 §3.2.1: charset "'" language "'" value.
    const auto first = username.find('\'');
    const auto second = first == std::string_view::npos ? first : username.find('\'', first + 1);
    if (second == std::string_view::npos || !equal_ignoring_case(username.substr(0, first), "UTF-8")) return std::nullopt;
    return sip::unescaped(username.substr(second + 1));
  }
  Text plain;
  for (std::size_t i = 0; i < username.size(); ++i) {
    if (username[i] == '\\') ++i;
    if (i == username.size()) return std::nullopt;
    plain += username[i];
  }
  return plain;
}

std::optional<std::uint32_t> Credentials::nonce_count() const {
  if (nc.size() != 8) return std::nullopt;
  std::uint32_t count = 0;
  const auto end = nc.data() + nc.size();
  const auto read = std::from_chars(nc.data(), end, count, 16);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return count;
}

Result<Challenge> Challenge::parse(std::string_view value) {
  constexpr std::string_view where = "WWW-Authenticate";
  Challenge found;
  std::string_view qop, stale;
  const auto done = for_each_parameter(value, where, [&](const Parameter& parameter) -> std::string_view {
    const auto is = [&](std::string_view known) { return equal_ignoring_case(parameter.name, known); };
    if (is("realm")) return put(found.realm, parameter.value);
    if (is("nonce")) return put(found.nonce, parameter.value);
    if (is("opaque")) return put(found.opaque, parameter.value);
    if (is("domain")) return put(found.domain, parameter.value);
    if (is("algorithm")) return put(found.algorithm_name, parameter.value);
    if (is("qop")) return put(qop, parameter.value);
    if (is("stale")) return put(stale, parameter.value);
    return {};
  });
  if (!done) return std::unexpected{done.error()};
  if (found.realm.data() == nullptr || found.nonce.data() == nullptr) return std::unexpected{Error{where, 0, "realm or nonce is missing"}};
  found.has_qop = qop.data() != nullptr;
  found.stale = equal_ignoring_case(stale, "true");
  for (std::string_view rest = qop; !rest.empty();) {
    const auto end = std::min(rest.find(','), rest.size());
    const Qop one = qop_of(trimmed(rest.substr(0, end)));
    found.offers_auth = found.offers_auth || one == Qop::auth;
    found.offers_auth_int = found.offers_auth_int || one == Qop::auth_int;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return found;
}

std::optional<Algorithm> Challenge::algorithm() const { return algorithm_of(algorithm_name); }

Digest make_ha1(Hasher& hasher, Algorithm algorithm, std::string_view user, std::string_view realm, std::string_view password) {
  return hasher.hash(algorithm, {user, ":", realm, ":", password});
}

Digest make_response(Hasher& hasher, Algorithm algorithm, const Digest& ha1, const Exchange& exchange) {
  const auto hex = [&](const Digest& digest) { return HexDigest{algorithm, digest}; };
  const HexDigest ha2 =
      hex(exchange.qop == Qop::auth_int
              ? hasher.hash(algorithm, {exchange.method, ":", exchange.uri, ":", hex(hasher.hash(algorithm, {exchange.body})).text()})
              : hasher.hash(algorithm, {exchange.method, ":", exchange.uri}));
  if (exchange.qop == Qop::none) return hasher.hash(algorithm, {hex(ha1), ":", exchange.nonce, ":", ha2});
  return hasher.hash(algorithm, {hex(ha1), ":", exchange.nonce, ":", exchange.nc, ":", exchange.cnonce, ":", name(exchange.qop), ":", ha2});
}

void append_challenge(std::string& out, std::string_view header_name, std::string_view realm, std::string_view nonce, Algorithm algorithm,
                      Freshness freshness) {
  out.append(header_name).append(": Digest realm=\"").append(realm).append("\", nonce=\"").append(nonce);
  out.append("\", algorithm=").append(auth::name(algorithm)).append(", qop=\"auth\"");
  if (freshness == Freshness::stale) out.append(", stale=true");
  out.append("\r\n");
}

void append_credentials(std::string& out, std::string_view header_name, std::string_view user, const Challenge& challenge,
                        Algorithm algorithm, const Exchange& exchange, std::string_view response) {
  out.append(header_name).append(": Digest username=");
  append_quoted(out, user);
  out.append(", realm=\"").append(challenge.realm).append("\", nonce=\"").append(challenge.nonce);
  out.append("\", uri=\"").append(exchange.uri).append("\", response=\"").append(response).append("\"");
  if (!challenge.algorithm_name.empty()) out.append(", algorithm=").append(auth::name(algorithm));
  if (exchange.qop != Qop::none)
    out.append(", qop=").append(name(exchange.qop)).append(", nc=").append(exchange.nc).append(", cnonce=\"").append(exchange.cnonce) +=
        '"';
  if (challenge.opaque.data() != nullptr) out.append(", opaque=\"").append(challenge.opaque) += '"';
  out.append("\r\n");
}

}  // namespace ringhold::auth
