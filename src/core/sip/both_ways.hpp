#pragma once

#include <string>
#include <string_view>

#include "sip/name_addr.hpp"
#include "sip/uri.hpp"
#include "sip/via.hpp"

namespace ringhold::sip {

/// For tests: what nearly all write is read by a shorter way, which other letters of the same words do not take. So a value and
/// the same value in these letters must be read alike.
inline std::string in_other_letters(std::string_view value) {
  std::string text{value};
  const auto replace = [&](std::string_view usual, std::string_view other) {
    for (std::size_t at = text.find(usual); at != std::string::npos; at = text.find(usual, at + 1)) text.replace(at, usual.size(), other);
  };
  replace("sip:", "sIP:");
  replace("SIP/2.0/", "sip/2.0/");
  replace(";branch=", ";bRANCH=");
  replace(";rport", ";rPORT");
  replace(";tag=", ";tAG=");
  return text;
}

inline bool alike(const Uri& a, const Uri& b) {
  return a.scheme == b.scheme && equal_ignoring_case(a.text, b.text) && equal_ignoring_case(a.user, b.user) &&
         equal_ignoring_case(a.password, b.password) && equal_ignoring_case(a.host, b.host) && a.port == b.port &&
         equal_ignoring_case(a.parameters.text(), b.parameters.text()) && equal_ignoring_case(a.headers, b.headers);
}

inline bool alike(const NameAddr& a, const NameAddr& b) {
  return alike(a.uri, b.uri) && equal_ignoring_case(a.display_name, b.display_name) && equal_ignoring_case(a.tag(), b.tag()) &&
         equal_ignoring_case(a.parameters.text(), b.parameters.text());
}

inline bool alike(const Via& a, const Via& b) {
  return equal_ignoring_case(a.text, b.text) && equal_ignoring_case(a.version, b.version) &&
         equal_ignoring_case(a.transport, b.transport) && equal_ignoring_case(a.sent_by, b.sent_by) &&
         equal_ignoring_case(a.host, b.host) && a.port == b.port && equal_ignoring_case(a.branch, b.branch) && a.has_rport == b.has_rport &&
         equal_ignoring_case(a.rport_text, b.rport_text) && equal_ignoring_case(a.received_text, b.received_text) &&
         equal_ignoring_case(a.parameters.text(), b.parameters.text());
}

template <typename T>
bool alike(const Result<T>& a, const Result<T>& b) {
  if (a.has_value() != b.has_value()) return false;
  return a.has_value() ? alike(*a, *b) : a.error().what == b.error().what;
}

/// Whether both ways agree on a value, whatever header it is of.
inline bool both_ways_agree(std::string_view value) {
  const std::string other = in_other_letters(value);
  return alike(Uri::parse(value), Uri::parse(other)) && alike(NameAddr::parse(value, "X"), NameAddr::parse(other, "X")) &&
         alike(Via::parse(value), Via::parse(other));
}

}  // namespace ringhold::sip
