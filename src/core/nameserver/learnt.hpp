#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/journal.hpp"
#include "base/outbox.hpp"
#include "base/time.hpp"
#include "dns/message.hpp"

namespace ringhold::nameserver {

/// A set of records of one name and type, as upstream gave it.
struct RecordSet {
  dns::Name name;
  std::uint16_t type = 0;
  std::vector<Text> data;  ///< sorted
  std::uint32_t ttl = 0;   ///< seconds, as given
  Instant expires_at;      ///< then stale: used only while upstream does not answer (RFC 8767)
};

/// Whole seconds that a set may still be used.
std::uint32_t seconds_left(const RecordSet& set, Instant now);

/// What is known of the domain's SIP names and their targets (D5), kept on disk. The owner `_service._proto.domain` and the
/// targets of its SRV records are learnt, and the NAPTR records of the domain; nothing else, and only from answers to
/// questions about them.
class Learnt {
 public:
  explicit Learnt(const dns::Name& domain) : domain_{domain} {}

  /// Takes what belongs here from an answer of upstream. True when something changed but lifetimes. What stands behind a
  /// CNAME is learnt under the name that was asked.
  bool learn(const dns::Question& question, const dns::Message& answer, Instant now, Outbox& outbox);
  const RecordSet* find(const dns::Name& name, std::uint16_t type) const;
  /// Whether a name is the target of a learnt SRV record.
  bool is_target(const dns::Name& name) const { return !targets_.empty() && targets_.contains(name.key()); }
  /// Puts a row back; false when it makes no sense or is too old.
  bool restore(const Row& row, Instant now);
  std::size_t size() const { return sets_.size(); }

  static constexpr std::size_t max_sets = 512;      ///< above: the one that expired first goes
  static constexpr std::size_t max_records = 64;    ///< of one set; more are left out
  static constexpr Duration keep_stale = 24h * 30;  ///< older rows are not restored
  static constexpr Duration longest = 24h;          ///< whatever the TTL says
  static constexpr Duration rewrite_after = 60s;    ///< so much must a lifetime have moved to be written again

 private:
  struct Entry {
    RecordSet set;
    Instant written;
  };
  bool belongs(const dns::Name& name, std::uint16_t type) const;
  bool put(RecordSet set, Outbox& outbox);
  bool make_room(Instant now, Outbox& outbox);
  void find_targets();
  dns::Name domain_;
  boost::unordered_flat_map<Text, Entry> sets_;
  boost::unordered_flat_set<Text> targets_;  ///< keys of the names that SRV records point to
};

}  // namespace ringhold::nameserver
