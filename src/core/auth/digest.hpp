#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auth/algorithm.hpp"
#include "base/result.hpp"
#include "base/text.hpp"

namespace ringhold::auth {

/// RFC 7616 §3.4: what the response covers. `other` is a value that nobody has defined.
enum class Qop : std::uint8_t { none, auth, auth_int, other };

/// An Authorization or Proxy-Authorization (RFC 7616 §3.4); views into the message. Quotes are off, escapes as they came.
struct Credentials {
  std::string_view username;
  bool extended_username = false;  ///< it was `username*`, in the form of RFC 8187
  std::string_view realm, nonce, uri, response, cnonce, nc, opaque;
  std::string_view algorithm_name;  ///< empty: MD5
  Qop qop = Qop::none;
  bool userhash = false;

  /// `value` is the whole header. Errors are those of form; whether the values fit together is for others to say.
  static Result<Credentials> parse(std::string_view value);
  /// Nothing when it is not one of ours.
  std::optional<Algorithm> algorithm() const;
  /// The user's name in plain bytes; nothing when an escape is broken.
  std::optional<Text> user() const;
  /// Eight hexadecimal digits as a number; nothing otherwise.
  std::optional<std::uint32_t> nonce_count() const;
};

/// A WWW-Authenticate or Proxy-Authenticate (RFC 7616 §3.3); views into the message.
struct Challenge {
  std::string_view realm, nonce, opaque, domain;
  std::string_view algorithm_name;  ///< empty: MD5
  bool offers_auth = false;
  bool offers_auth_int = false;
  bool has_qop = false;
  bool stale = false;

  static Result<Challenge> parse(std::string_view value);
  std::optional<Algorithm> algorithm() const;
};

/// What request and answer have in common, for the response of RFC 7616 §3.4.1. An empty `nc` is that of RFC 2069.
struct Exchange {
  std::string_view method, uri, nonce, nc, cnonce;
  Qop qop = Qop::auth;
  std::string_view body;  ///< for auth-int only
};

/// H(user ":" realm ":" password), which is all that is ever kept of a password.
Digest make_ha1(Hasher& hasher, Algorithm algorithm, std::string_view user, std::string_view realm, std::string_view password);
/// The response that proves the knowledge of HA1.
Digest make_response(Hasher& hasher, Algorithm algorithm, const Digest& ha1, const Exchange& exchange);

/// Whether a challenge says that only the nonce was wrong (RFC 7616 §3.3 stale): then nobody need be asked for a password.
enum class Freshness : std::uint8_t { first, stale };

/// One header line with our challenge: qop is "auth", for bodies are changed on their way by ALGs.
void append_challenge(std::string& out, std::string_view header_name, std::string_view realm, std::string_view nonce, Algorithm algorithm,
                      Freshness freshness);
/// One header line with credentials for a challenge, as a user agent sends it.
void append_credentials(std::string& out, std::string_view header_name, std::string_view user, const Challenge& challenge,
                        Algorithm algorithm, const Exchange& exchange, std::string_view response);

}  // namespace ringhold::auth
