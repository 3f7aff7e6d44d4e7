#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "sip/uri.hpp"

namespace ringhold::sip {

inline constexpr std::string_view branch_cookie = "z9hG4bK";

/// One Via value (RFC 3261 §20.42).
struct Via {
  std::string_view version;    ///< "2.0"
  std::string_view transport;  ///< "UDP", as it came
  std::string_view host;
  std::optional<std::uint16_t> port;
  std::string_view sent_by;            ///< host and port as they stand
  std::string_view branch;             ///< empty when absent
  std::string_view received;           ///< empty when absent
  std::string_view maddr;              ///< empty when absent
  bool has_rport = false;              ///< RFC 3581
  std::optional<std::uint16_t> rport;  ///< its value, when it has one
  std::string_view received_text;      ///< both parameters as they stand, without their semicolons
  std::string_view rport_text;
  Parameters parameters;
  std::string_view text;  ///< the whole element

  static Result<Via> parse(std::string_view value);
  /// RFC 3261 branches are unique; those without the cookie come from RFC 2543 elements (§17.2.3).
  bool has_cookie() const { return branch.size() > branch_cookie.size() && equal_ignoring_case(branch.substr(0, 7), branch_cookie); }

 private:
  friend class Message;
  /// What is wrong; empty when nothing is.
  std::string_view read(std::string_view value);
  /// `SIP/2.0/UDP host:port` as nearly all write it: where it ends. Zero for all else, whether right or wrong.
  std::size_t read_usual_head();
  /// All up to `end`, where the parameters begin, as §25.1 allows it; what is wrong, or empty.
  std::string_view read_head(std::size_t end);
  /// `;branch=` with a word and `;rport` without a value, which is all that most have: where it ends.
  std::size_t read_usual_parameters(std::size_t from);
  /// All parameters from there on; what is wrong, or empty.
  std::string_view read_parameters(std::size_t from);
  /// Protocol name and version, with white space about the slashes or not; what is wrong, or empty.
  std::string_view read_protocol(std::string_view& rest);
};

}  // namespace ringhold::sip
