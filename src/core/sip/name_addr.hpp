#pragma once

#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "sip/uri.hpp"

namespace ringhold::sip {

/// name-addr or addr-spec with its header parameters (RFC 3261 §20.10, §25.1): From, To, Contact, Route, Path.
struct NameAddr {
  std::string_view display_name;  ///< quotes removed, escapes kept
  std::string_view uri_text;
  Uri uri;
  Parameters parameters;  ///< of the header, not of the URI

  /// `value` is one element. Without <> everything after the first ';' belongs to the header (§20).
  static Result<NameAddr> parse(std::string_view value, std::string_view header_name);
  std::string_view tag() const { return tag_; }  ///< empty when absent

 private:
  friend class Message;
  friend struct Contact;
  /// What is wrong; empty when nothing is.
  std::string_view read(std::string_view value);
  /// No parameter, or nothing but a tag that is a word: what From and To mostly have.
  bool read_usual_tag(std::string_view rest);
  std::string_view tag_;
};

/// One element of Contact: an address, or `*` (§10.2.2).
struct Contact {
  bool star = false;
  NameAddr address;
  std::uint16_t q = 1000;                ///< thousandths
  std::optional<std::uint32_t> expires;  ///< seconds
  std::string_view instance;             ///< +sip.instance without quotes (RFC 5626)
  std::optional<std::uint32_t> reg_id;

  static Result<Contact> parse(std::string_view value);

 private:
  /// What is wrong; empty when nothing is.
  std::string_view read(std::string_view value);
};

}  // namespace ringhold::sip
