#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <optional>
#include <vector>

#include "base/limits.hpp"
#include "base/time.hpp"
#include "dns/message.hpp"

namespace ringhold::nameserver {

/// One answer of upstream as it came, without its OPT record; TTLs are counted down when it is given out (D8).
struct CachedAnswer {
  Text bytes;
  std::vector<std::uint32_t> ttl_offsets;
  dns::Rcode rcode = dns::Rcode::no_error;
  Instant stored_at;
  Instant expires_at;  ///< then stale
};

/// The question in the form that answers are kept under: name without letter case, type, and the DO and CD bits.
struct CacheKey {
  Text text;
  CacheKey(const dns::Question& question, bool dnssec_ok, bool checking_disabled);
};

class Cache {
 public:
  explicit Cache(std::size_t capacity = limits::dns_cache_entries) : capacity_{capacity} {}

  /// Keeps an answer for the least of its TTLs (negative ones as RFC 2308 says); at the bound the oldest goes.
  void put(const CacheKey& key, const CachedAnswer& fresh, const dns::Message& answer);
  /// Null when absent; the caller looks at `expires_at`.
  const CachedAnswer* find(const CacheKey& key) const;
  std::size_t size() const { return entries_.size(); }

  static constexpr Duration keep_stale = 24h;  ///< RFC 8767 §5 suggests one to three days
  static constexpr Duration longest = 24h;     ///< whatever the TTL says
  static constexpr Duration longest_negative = 15min;
  static constexpr std::size_t largest = 16'384;  ///< bytes of an answer; a larger one is not kept
  static constexpr std::size_t most_bytes = 16 << 20;

 private:
  std::size_t capacity_;
  std::size_t bytes_ = 0;
  boost::unordered_flat_map<Text, CachedAnswer> entries_;
  std::deque<Text> order_;  ///< as they came; a key may stand here twice
};

/// Appends an answer for a client: its ID, RD and spelling of the question, TTLs less `age` (or `stale_ttl` when given).
void append_cached(std::string& out, const CachedAnswer& answer, std::uint16_t id, const dns::Question& asked, bool recursion_desired,
                   Duration age, std::optional<std::uint32_t> stale_ttl);

}  // namespace ringhold::nameserver
