#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/algorithm.hpp"
#include "auth/digest.hpp"
#include "auth/failures.hpp"
#include "auth/nonce.hpp"
#include "auth/trust.hpp"
#include "auth/users.hpp"
#include "base/flow.hpp"
#include "base/limits.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/team.hpp"
#include "sip/message.hpp"

namespace ringhold::auth {

struct Settings {
  Text realm;
  Duration nonce_age = 5min;          ///< older ones are stale
  std::vector<Algorithm> algorithms;  ///< those offered, the preferred first (RFC 8760 §2.4)
  WorkerNumber worker = 0;            ///< of several, each with nonces of its own
};

/// Who asks: the registrar as a UAS (401, Authorization), or the proxy (407, Proxy-Authorization) (RFC 3261 §22).
enum class Role : std::uint8_t { registrar, proxy };

/// What becomes of a request.
struct Verdict {
  int status = 0;            ///< zero: it passes; else what it is refused with
  std::string_view reason;   ///< empty: the standard phrase
  std::string_view headers;  ///< whole lines; valid until the next check()
  Text user;                 ///< who has proved himself
  bool passed() const { return status == 0; }
};

/// Plain counts for the metrics.
struct Counters {
  std::uint64_t passed = 0, challenged = 0, stale = 0, replayed = 0, failed = 0, malformed = 0, forbidden = 0, limited = 0;
};

/// The server side of digest authentication (RFC 7616, RFC 8760, RFC 3261 §22). Holds the users; keeps nothing of a request
/// but the count of its nonce.
class Authenticator {
 public:
  Authenticator(const Settings& settings, Random& random);

  /// Rows of Table::user, and of Table::setting with the key "auth.nonce_key"; others are left alone.
  void restore(const Row& row);
  /// Keeps the key of our nonces, so that they outlive a restart.
  void start(Outbox& outbox);
  void reconfigure(const Settings& settings);

  /// Whether anybody could answer a challenge; if not, none may be made.
  bool can_challenge() const { return users_.usable(offered_) > 0; }
  /// `claimed` is the name in whose name the request comes: only he may make it (403); empty: anybody who proves who he is.
  Verdict check(const sip::Message& request, const Packet& packet, Role role, std::string_view claimed, Instant now, Outbox& outbox);

  Hasher& hasher() { return hasher_; }
  const Users& users() const { return users_; }
  bool put(User user, Outbox& outbox);
  bool remove(std::string_view name, Outbox& outbox);
  Sources& sources() { return sources_; }
  const Sources& sources() const { return sources_; }
  const Counters& counters() const { return counters_; }

 private:
  struct Keys {
    std::uint64_t pair;    ///< source and user: somebody guesses one password
    std::uint64_t source;  ///< source alone: somebody tries many users
  };
  Verdict challenge(Role role, std::string_view user, Freshness freshness, Instant now);
  Verdict judge(const Credentials& credentials, const sip::Message& request, const Packet& packet, Role role, std::string_view claimed,
                Instant now, Outbox& outbox);
  bool is_right(const Credentials& credentials, Algorithm algorithm, std::string_view user, const sip::Message& request);
  AlgorithmSet algorithms_for(std::string_view user) const;
  Keys keys_of(const Packet& packet, std::string_view user) const;
  void set_key(const KeyedHash::Key& key);

  Settings settings_;
  Hasher hasher_;
  AlgorithmSet offered_;
  KeyedHash hash_;
  bool key_is_kept_ = false;
  std::uint32_t first_serial_;
  Users users_;
  Nonces nonces_;
  NonceCounts counts_{limits::nonce_counts};
  Failures by_pair_{limits::failure_buckets, {10, 6s}};
  Failures by_source_{limits::failure_buckets, {60, 1s}};
  Sources sources_;
  Counters counters_;
  std::string headers_;  ///< of the last verdict
};

}  // namespace ringhold::auth
