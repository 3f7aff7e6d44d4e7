#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/flow.hpp"
#include "base/limits.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/slab.hpp"
#include "base/timer_wheel.hpp"
#include "dns/builder.hpp"
#include "dns/message.hpp"
#include "nameserver/cache.hpp"
#include "nameserver/injection.hpp"
#include "nameserver/learnt.hpp"
#include "nameserver/query.hpp"
#include "nameserver/settings.hpp"

namespace ringhold::nameserver {

/// Plain counts for the metrics; what `ringhold_dns_queries_total` means by each result.
struct Counters {
  std::uint64_t forwarded = 0, injected = 0, built = 0, own = 0, cached = 0, stale = 0, refused = 0, failed = 0, malformed = 0, dropped = 0,
                upstream_queries = 0;
  /// Upper bounds in milliseconds; the last counts all.
  static constexpr std::array<std::int64_t, 9> bounds_ms{1, 5, 10, 50, 100, 500, 800, 1000, 5000};
  std::array<std::uint64_t, bounds_ms.size() + 1> latency{};
  double latency_sum = 0;                  ///< seconds
};

/// A central server as the domain's SRV records and their addresses name it.
struct CentralServer {
  Text name;
  Target target;
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
};

/// How the upstream answers, for those who judge the link.
enum class UpstreamState : std::uint8_t { unknown, answering, silent, refused };

/// The mind of the DNS proxy.
class Nameserver {
 public:
  Nameserver(const Settings& settings, Random& random);

  /// A query of a client, or an answer of upstream (its flow is an upstream slot).
  void receive(const Packet& packet, Instant now, Outbox& outbox);
  void expire(Instant now, Outbox& outbox);
  /// An upstream socket could not send, or its connection is gone.
  void upstream_changed(const FlowChange& change, Instant now, Outbox& outbox);
  std::optional<Instant> next_expiry() const { return wheel_.next(); }

  void restore(const Row& row, Instant now) { learnt_.restore(row, now); learnt_changed_ = true; }
  /// Looks the domain's SIP names up, and again before they expire (D8).
  void start(Instant now);
  /// Where our record stands from now on (D7).
  void set_order(Order order) { order_ = order; }
  void reconfigure(const Settings& settings, Instant now);

  UpstreamState upstream_state() const { return upstream_state_; }
  /// True once after the learnt central servers changed.
  bool take_learnt_changed() { return std::exchange(learnt_changed_, false); }
  /// Learnt central servers by priority and weight, of the transports that we speak.
  std::vector<CentralServer> central_servers() const;
  /// Learnt addresses of a name, for routing to it; empty when unknown.
  std::vector<Address> addresses_of(std::string_view host) const;

  const Counters& counters() const { return counters_; }
  std::size_t cache_entries() const { return cache_.size(); }
  std::size_t learnt_records() const { return learnt_.size(); }

  static constexpr std::uint32_t stale_ttl = 30;            ///< seconds, RFC 8767 §4
  static constexpr Duration retry_while_down = 5s;          ///< own look-ups that find out when upstream is back

 private:
  struct Upstream { Endpoint endpoint; unsigned failures = 0; Duration rtt{}; };
  struct Lookup { dns::Question question; Instant due; };

  // forwarding.cpp
  void receive_answer(const Packet& packet, Instant now, Outbox& outbox);
  void forward(const dns::Question& question, bool dnssec_ok, bool checking_disabled, const Client* client, Instant now, Outbox& outbox);
  void send_upstream(QueryId id, Query& query, Instant now, Outbox& outbox);
  void attempt_failed(QueryId id, bool refused, Instant now, Outbox& outbox);
  void finish(QueryId id, Instant now, Outbox& outbox);
  void answered(QueryId id, std::string_view bytes, const dns::Message& answer, Instant now, Outbox& outbox);
  std::optional<std::size_t> best_upstream(std::size_t tried) const;
  void set_upstream_state(UpstreamState state, Outbox& outbox);
  bool is_down(bool for_sip_name) const;
  // lookups.cpp
  void plan_lookups(Instant now);
  void start_lookups(Instant now, Outbox& outbox);
  void looked_up(const dns::Question& question, bool success, Instant now);
  void add_lookup(const dns::Question& question, Instant due);
  // answers.cpp
  void answer_query(const Client& client, bool checking_disabled, Instant now, Outbox& outbox);
  bool answer_own_name(const Client& client, Instant now, Outbox& outbox);
  bool answer_from_cache(const Client& client, const CacheKey& key, Instant now, Outbox& outbox);
  void answer_without_upstream(const Client& client, const CacheKey& key, Instant now, Outbox& outbox);
  void give(const Client& client, const CachedAnswer& answer, std::optional<std::uint32_t> stale, Instant now, Outbox& outbox);
  void give_services(const Client& client, const std::vector<RecordSet>& aliases, const RecordSet& services, std::optional<std::uint32_t> ttl,
                     const Target& listener, Instant now, Outbox& outbox);
  void give_records(const Client& client, const RecordSet& set, std::uint32_t ttl, Instant now, Outbox& outbox);
  void give_empty(const Client& client, dns::Rcode rcode, std::optional<dns::ExtendedError> error, Instant now, Outbox& outbox);
  bool give_if_services(const Client& client, const dns::Message& answer, Duration age, std::optional<std::uint32_t> stale, Instant now,
                        Outbox& outbox);
  std::uint16_t add_addresses(dns::Builder& builder, const std::vector<dns::Srv>& services, std::uint32_t ttl, Instant now) const;
  std::uint16_t response_flags(const Client& client, dns::Rcode rcode) const;
  void send(const Client& client, std::size_t begin, Instant now, Outbox& outbox);
  bool is_served(const Address& address) const;
  void refuse_outsider(const Packet& packet, const dns::Head& head, Instant now, Outbox& outbox);

  Settings settings_;
  Random& random_;
  dns::Name domain_;
  dns::Name own_name_;
  Order order_ = Order::ours_last;
  std::vector<Upstream> upstreams_;
  UpstreamState upstream_state_ = UpstreamState::unknown;
  Cache cache_;
  Learnt learnt_;
  bool learnt_changed_ = false;
  Slab<Query> queries_;
  boost::unordered_flat_map<Text, QueryId> pending_;
  boost::unordered_flat_map<Text, unsigned> in_flight_;     ///< by client address
  std::vector<Lookup> lookups_;
  TimerWheel<QueryId> wheel_;                                ///< the zero id: look-ups
  Instant refusals_from_{};                                  ///< rate limit of REFUSED
  Counters counters_;
};

}  // namespace ringhold::nameserver
