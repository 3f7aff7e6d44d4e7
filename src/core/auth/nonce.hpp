#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "auth/keyed_hash.hpp"
#include "base/time.hpp"

namespace ringhold::auth {

/// When a nonce was made, and its number among those of that time.
struct Nonce {
  std::int64_t issued_ms = 0;  ///< since the Unix epoch
  std::uint32_t serial = 0;
  friend bool operator==(const Nonce&, const Nonce&) = default;
};

/// Nonces that carry their time and a keyed hash of it, so that none is kept (RFC 7616 §3.3, §5.4).
class Nonces {
 public:
  /// `first_serial` is drawn: after a restart numbers go on elsewhere.
  Nonces(const KeyedHash& hash, std::uint32_t first_serial) : hash_{hash}, serial_{first_serial} {}

  static constexpr std::size_t size = 36;  ///< 12 digits of time, 8 of the number, 16 of the hash
  using Written = std::array<char, size>;

  Written issue(Instant now);
  /// Nothing when it is not one that this key has made.
  std::optional<Nonce> read(std::string_view text) const;

 private:
  Written write(const Nonce& nonce) const;
  KeyedHash hash_;
  std::uint32_t serial_;
};

/// Which nonce counts were taken (RFC 7616 §3.4 nc, §5.5). A table of fixed size in which a nonce has one place: a later one
/// that needs it takes it, and the earlier one counts as used up, which costs its phone a round trip and nobody any safety.
class NonceCounts {
 public:
  explicit NonceCounts(std::size_t places) : places_{places} {}

  enum class Taken : std::uint8_t {
    fresh,           ///< higher than any before
    retransmission,  ///< the last one again, with the same request, within retransmission_time
    replayed,        ///< taken before, or nobody knows any more
  };
  /// Only after the response was right: what is wrong must not fill the table. `request` identifies the request.
  Taken take(const Nonce& nonce, std::uint32_t count, std::uint64_t request, Instant now);

  static constexpr Duration retransmission_time = 32s;  ///< 64·T1, RFC 3261 §17.1.2.2

 private:
  struct Entry {
    Nonce nonce;
    std::uint32_t count = 0;
    std::uint64_t request = 0;
    Instant taken_at;
  };
  std::size_t places_;
  std::vector<Entry> entries_;  ///< made when the first count is taken: who asks for no digest has none
};

}  // namespace ringhold::auth
