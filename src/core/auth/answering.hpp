#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

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

/// Challenges that were answered, for later requests to the same server: these carry credentials from the start (RFC 7616 §3.4),
/// and each of them counts the use of the nonce.
class KnownChallenges {
 public:
  /// Those of a 401 or 407, of each realm the first that we can answer (RFC 8760 §2.4), instead of what was known of that realm.
  /// False: none of them can be answered.
  bool take(const sip::Message& response, const Hasher& hasher);
  void forget() { known_.clear(); }

  /// Header lines that answer all of them (RFC 3261 §22.2, §22.3); empty: none is known.
  Text credentials(const Account& account, const Proof& proof, Hasher& hasher);

  static constexpr std::size_t most = 4;  ///< realms; of more the oldest is forgotten

 private:
  struct Known {
    sip::Header header = sip::Header::other;
    Text realm;
    Text value;  ///< the whole challenge
    std::uint32_t uses = 0;
  };
  std::vector<Known> known_;  ///< oldest first
};

/// Header lines that answer the challenges of a 401 or 407, once. Nothing: none can be answered.
std::optional<Text> answers_to(const sip::Message& response, const Account& account, const Proof& proof, Hasher& hasher);

/// Whether a 401 or 407 says that only the nonce was too old (RFC 7616 §3.3).
bool is_stale(const sip::Message& response);

}  // namespace ringhold::auth
