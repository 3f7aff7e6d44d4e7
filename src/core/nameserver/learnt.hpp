#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
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
  std::vector<Text> data;
  std::uint32_t ttl = 0;                   ///< seconds, as given
  Instant expires_at;                      ///< then stale: used only while upstream does not answer (RFC 8767)
};

/// What is known of the domain's SIP names and their targets (D5), kept on disk. The owner `_service._proto.domain` and the
/// targets of its SRV records are learnt, and the NAPTR records of the domain; nothing else.
class Learnt {
 public:
  explicit Learnt(const dns::Name& domain) : domain_{domain} {}

  /// Takes what belongs here from an answer of upstream. True when something changed but lifetimes.
  bool learn(const dns::Message& answer, Instant now, Outbox& outbox);
  const RecordSet* find(const dns::Name& name, std::uint16_t type) const;
  /// Whether a name is the target of a learnt SRV record.
  bool is_target(const dns::Name& name) const;
  void restore(const Row& row, Instant now);
  std::size_t size() const { return sets_.size(); }

  static constexpr std::size_t max_sets = 512;       ///< above: not learnt, the proxy serves all the same
  static constexpr std::size_t max_records = 64;     ///< of one set; more are left out
  static constexpr Duration keep_stale = 24h * 30;   ///< older rows are not restored

 private:
  bool belongs(const dns::Record& record) const;
  bool put(RecordSet set, Outbox& outbox);
  dns::Name domain_;
  boost::unordered_flat_map<Text, RecordSet> sets_;
};

}  // namespace ringhold::nameserver
