#pragma once

#include <optional>
#include <string_view>

#include "auth/digest.hpp"
#include "base/text.hpp"
#include "sip/message.hpp"

namespace ringhold::auth {

/// As whom we prove ourselves to others.
struct Account {
  Text username;
  Text password;
};

/// What a request is proved with.
struct Proof {
  std::string_view method;
  std::string_view uri;     ///< its Request-URI
  std::string_view cnonce;  ///< drawn for it
};

/// Header lines that answer the challenges of a 401 or 407 (RFC 3261 §22.2, §22.3), of each realm the first one that we can
/// (RFC 8760 §2.4). Nothing: none can be answered.
std::optional<Text> answers_to(const sip::Message& response, const Account& account, const Proof& proof, Hasher& hasher);

}  // namespace ringhold::auth
