#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <string_view>

#include "sip/message.hpp"

namespace ringhold::transaction {

/// What names a transaction, as text without allocation, with its hash.
class Key {
 public:
  /// RFC 3261 §17.1.3: the branch, and the method's class because a CANCEL has the branch of its INVITE.
  static Key client(std::string_view branch, sip::Method method);
  /// §17.2.3: branch, sent-by and method, where ACK counts as INVITE. `as_method` is the request's own, or INVITE to find
  /// what a CANCEL means (§9.2). Without the cookie, as RFC 2543: Request-URI, From tag, Call-ID, CSeq number, top Via and
  /// method; the To tag is compared apart, because an ACK has that of the response.
  static Key server(const sip::Message& request, sip::Method as_method);

  std::string_view text() const { return {text_.data(), text_.size()}; }
  std::uint64_t hash() const { return hash_; }
  bool is_rfc2543() const { return rfc2543_; }

 private:
  char* make_room(std::size_t size);
  void append(std::string_view part);
  void append_lower(std::string_view part);
  void append_method(sip::Method method, std::string_view name);
  void finish();

  boost::container::small_vector<char, 192> text_;
  std::uint64_t hash_ = 0;
  bool rfc2543_ = false;
};

}  // namespace ringhold::transaction
