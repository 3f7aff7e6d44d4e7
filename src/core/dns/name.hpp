#pragma once

#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "base/text.hpp"

namespace ringhold::dns {

/// A domain name in uncompressed wire form: length-prefixed labels and the root's zero byte (RFC 1035 §3.1).
class Name {
 public:
  Name() : wire_{Text(1, '\0')} {}
  /// "sip1.example.test", with or without the final dot; nothing when a label is empty or over 63, or the name over 255.
  static std::optional<Name> from_text(std::string_view text);
  /// Reads at `offset` of a whole message and moves `offset` behind it. Follows pointers backwards only.
  static Result<Name> read(std::string_view message, std::size_t& offset);

  std::string_view wire() const { return wire_; }
  Text text() const;                              ///< without final dot; "." for the root; odd bytes as \ddd
  Text key() const { return lower_case(wire_); }  ///< for tables
  bool is_root() const { return wire_.size() == 1; }
  /// "_sip" of "_sip._udp.example.test".
  std::string_view first_label() const;
  Name parent() const;  ///< of the root: the root
  bool ends_with(const Name& suffix) const;

  friend bool operator==(const Name& a, const Name& b) { return equal_ignoring_case(a.wire_, b.wire_); }

 private:
  explicit Name(Text wire) : wire_{std::move(wire)} {}
  Text wire_;
};

}  // namespace ringhold::dns
