#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.hpp"
#include "base/characters.hpp"
#include "base/result.hpp"
#include "base/text.hpp"

namespace ringhold::sip {

/// `;name=value` parameters, kept as text and searched when asked. Names in any letter case; quoted values may hold ';'.
class Parameters {
 public:
  constexpr Parameters() = default;
  explicit constexpr Parameters(std::string_view text) : text_{text} {}

  std::string_view text() const { return text_; }
  /// The value, quotes removed; empty for a parameter without value; nothing when absent.
  std::optional<std::string_view> find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name).has_value(); }
  /// Visits (name, value) pairs; `visit` returns false to stop.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    std::string_view rest = text_;
    std::string_view name, value;
    while (next(rest, name, value))
      if (!visit(name, value)) return;
  }
  /// A parameter as it stands, from its name to the end of its value, given what for_each() told of it.
  static std::string_view text_of(std::string_view name, std::string_view value);
  bool is_valid() const;  ///< every name is a token, quotes are closed
  /// As for_each(), and whether all is valid: one pass where both are wanted.
  template <typename Visit>
  bool visit_valid(Visit&& visit) const {
    std::string_view rest = trimmed(text_);
    std::string_view name, value;
    while (!rest.empty()) {
      if (!read_valid(rest, name, value)) return false;
      visit(name, value);
    }
    return true;
  }

 private:
  /// What stands next, whatever it is; false at the end.
  static bool next(std::string_view& rest, std::string_view& name, std::string_view& value);
  /// What stands at the beginning of `rest`, up to the next semicolon; false when it is no parameter.
  static bool read_valid(std::string_view& rest, std::string_view& name, std::string_view& value);
  std::string_view text_;
};

enum class Scheme : std::uint8_t { sip, sips, tel, other };

/// RFC 3261 §19.1; views into the text it was parsed from.
struct Uri {
  Scheme scheme = Scheme::other;
  std::string_view scheme_name;
  std::string_view user;  ///< escaped as it came, without password
  std::string_view password;
  std::string_view host;  ///< IPv6 with brackets
  std::optional<std::uint16_t> port;
  Parameters parameters;     ///< begins with ';' or is empty
  std::string_view headers;  ///< after '?'
  std::string_view text;     ///< the whole URI

  static Result<Uri> parse(std::string_view text);
  bool is_sip() const { return scheme == Scheme::sip || scheme == Scheme::sips; }
  std::optional<Transport> transport() const;  ///< of the parameter; with sips TLS, or WebSocket over TLS
  bool has_unknown_transport() const;          ///< a transport parameter that we do not speak
  bool is_loose_router() const { return parameters.has("lr"); }

 private:
  friend struct NameAddr;
  friend class Message;
  /// What is wrong; empty when nothing is.
  std::string_view read(std::string_view whole);
  bool read_userinfo(std::string_view userinfo);
  std::string_view read_scheme(std::string_view& rest);
  std::string_view read_host(std::string_view& rest);
  /// `sip:user@host` with a host name or IPv4 address, as nearly all are: what follows the host. For all else nothing, and
  /// nothing is read.
  std::optional<std::string_view> read_usual_user_and_host();
  std::string_view read_after_host(std::string_view rest);
};

/// Whether a URI begins as those of SIP do.
bool has_sip_scheme(std::string_view uri);

/// RFC 3261 §19.1.4.
bool equivalent(const Uri& a, const Uri& b);

/// Whether two URIs lead to the same user, host and port: §19.1.4 tells more of them apart than there are terminals.
bool is_same_place(std::string_view a, std::string_view b);

/// `%41` and `A` are one (§19.1.2); nothing when an escape is not two hex digits.
std::optional<Text> unescaped(std::string_view text);

/// Whether a text may stand in a request line or between < and > as it is: no space, no control character, no quote or bracket.
bool is_plain(std::string_view uri);

/// A user as it may stand in a URI (§25.1): the opposite of unescaped().
Text escaped_user(std::string_view user);

/// The canonical address-of-record: "sip:user@host", user unescaped, host in lower case, no port and parameters
/// (§10.3 step 5). Nothing when the user holds a broken escape or a control character.
std::optional<Text> address_of_record(const Uri& uri);

inline constexpr Characters token_characters = Characters::alphanumeric_and("-.!%*_+`'~");
inline constexpr Characters not_in_a_token = token_characters.complement();
constexpr bool is_token(std::string_view text) { return !text.empty() && token_characters.contain_all(text); }
/// A host name, IPv4 address or bracketed IPv6 reference (RFC 3261 §25.1, RFC 5118).
bool is_host(std::string_view text);

}  // namespace ringhold::sip
