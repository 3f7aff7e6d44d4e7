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
#include "nameserver/composition.hpp"
#include "nameserver/injection.hpp"
#include "nameserver/learnt.hpp"
#include "nameserver/query.hpp"
#include "nameserver/ready_answers.hpp"
#include "nameserver/settings.hpp"

namespace ringhold::nameserver {

/// Plain counts for the metrics; what `ringhold_dns_queries_total` means by each result.
struct Counters {
  std::uint64_t forwarded = 0, injected = 0, built = 0, own = 0, cached = 0, stale = 0, refused = 0, failed = 0, malformed = 0, dropped = 0,
                upstream_queries = 0;
  /// Upper bounds in milliseconds; the last counts all.
  static constexpr std::array<std::int64_t, 9> bounds_ms{1, 5, 10, 50, 100, 500, 800, 1000, 5000};
  std::array<std::uint64_t, bounds_ms.size() + 1> latency{};
  double latency_sum = 0;  ///< seconds
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
  std::optional<Instant> next_expiry() const;

  /// Puts back what the store kept; before start(). Rows that make no sense are left out.
  void restore(const Row& row, Instant now);
  /// Looks the domain's SIP names up at the next expire(), and again before they expire (D8).
  void start(Instant now);
  /// After a restart in an outage: the SIP names are answered from memory at once, until upstream shows that it is there.
  void assume_lost();
  /// Where our record stands from now on (D7).
  void set_order(Order order);
  /// Whether the order may be another one soon: then nobody is to keep it for long.
  void set_order_in_doubt(bool in_doubt);
  void reconfigure(const Settings& settings, Instant now);

  UpstreamState upstream_state() const { return upstream_state_; }
  /// True once after the learnt central servers changed.
  bool take_learnt_changed() { return std::exchange(learnt_changed_, false); }
  /// Learnt central servers by priority and weight, of the transports that we speak.
  std::vector<CentralServer> central_servers() const;
  /// Learnt addresses of a name, for routing to it; empty when unknown.
  std::vector<Address> addresses_of(std::string_view host) const;

  /// The answer that is known to a question, for routing: from the cache, and an old one while upstream is lost. Nothing: ask.
  std::optional<dns::Message> known(const dns::Question& question, Instant now) const;
  /// Until when what known() gives is fresh; in the past for what is given only because upstream is lost. Nothing: not known.
  std::optional<Instant> fresh_until(const dns::Question& question) const;
  /// Asks upstream, unless that is under way. What comes of it is given by take_looked_up(), whatever its TTL and rcode.
  void look_up(const dns::Question& question, Instant now, Outbox& outbox);
  struct LookedUp {
    dns::Question question;
    dns::Message answer;
  };
  std::vector<LookedUp> take_looked_up() { return std::exchange(looked_up_, {}); }

  const Counters& counters() const { return counters_; }
  std::size_t cache_entries() const { return cache_.size() + sip_cache_.size(); }
  std::size_t learnt_records() const { return learnt_.size(); }
  std::size_t queries_in_flight() const { return queries_.size(); }

  static constexpr std::uint32_t stale_ttl = 30;         ///< seconds, RFC 8767 §4
  static constexpr std::uint32_t doubtful_ttl = 5;       ///< seconds; the central site is probed as often
  static constexpr Duration retry_while_down = 5s;       ///< one look-up finds out when upstream is back (X-23)
  static constexpr Duration patience = 5s;               ///< a late answer is still taken (RFC 8767 §5)
  static constexpr std::size_t waiting_clients = 8'192;  ///< more are dropped; they will repeat
  static constexpr std::size_t sip_cache_entries = 256;

 private:
  struct Upstream {
    Endpoint endpoint;
    unsigned failures = 0;  ///< since it answered last
    Duration rtt{};
    Instant answered_at{};
  };
  /// A question that we ask by ourselves (D8).
  struct Lookup {
    enum class Outcome : std::uint8_t { answered, failed, unanswered };
    dns::Question question;
    Instant due;
    bool failing = false;  ///< asked again as soon as upstream answers
  };
  enum class Loss : std::uint8_t { suspected, confirmed };

  // nameserver.cpp
  bool is_served(const Address& address) const;
  void receive_query(const Packet& packet, Instant now, Outbox& outbox);
  void refuse(const Packet& packet, const dns::Head& head, dns::Rcode rcode, Outbox& outbox);
  void refuse_version(const Packet& packet, const dns::Message& query, Outbox& outbox);
  void refuse_outsider(const Packet& packet, const dns::Head& head, Instant now, Outbox& outbox);
  // forwarding.cpp
  void forward(const dns::Question& question, const Client* client, Instant now, Outbox& outbox);
  bool admit(const Client& client) const;
  void join(Query& query, const Client& client);
  void send_attempt(QueryId id, Transport transport, const Endpoint& upstream, Instant now, Outbox& outbox);
  Endpoint next_upstream(const Query& query) const;
  bool has_untried(const Query& query) const;
  void end_attempt(Attempt& attempt, Outbox& outbox);
  void go_late(QueryId id, Instant now, Outbox& outbox);
  void dismiss(const Client& client);
  void finish(QueryId id, Outbox& outbox);
  struct Awaited {
    QueryId id;
    Query* query = nullptr;
    Attempt* attempt = nullptr;
  };
  Awaited awaited(FlowId slot);
  // upstream_answer.cpp
  void receive_answer(const Packet& packet, Instant now, Outbox& outbox);
  void answered(QueryId id, std::string_view bytes, const dns::Message& answer, Instant now, Outbox& outbox);
  void give_answer(const Client& client, const CachedAnswer& answer, const dns::Message& message, Instant now, Outbox& outbox);
  void count_failure(const Attempt& attempt);
  Upstream* find_upstream(const Endpoint& endpoint);
  void set_upstream_state(UpstreamState state, Instant now, Outbox& outbox);
  bool is_lost(Loss loss) const;
  // lookups.cpp
  void plan_lookups(Instant now);
  void start_lookups(Instant now, Outbox& outbox);
  void looked_up(const dns::Question& question, Lookup::Outcome outcome, Instant now);
  void add_lookup(const dns::Question& question, Instant due);
  void ask_soon(Instant due);
  // answers.cpp
  /// What was answered at once, and how long the same bytes hold for others who ask.
  struct Given {
    AnswerKind kind;
    Instant until;
  };
  std::optional<Given> answer_query(const Client& client, Instant now, Outbox& outbox);
  bool answer_ready(const Packet& packet, const dns::PlainQuery& query, Instant now, Outbox& outbox);
  std::optional<Given> answer_from_cache(const Client& client, Instant now, Outbox& outbox);
  AnswerKind answer_without_upstream(const Client& client, Instant now, Outbox& outbox);
  bool is_sip_name(const dns::Question& question) const;
  Cache& cache_of(const dns::Question& question) { return is_sip_name(question) ? sip_cache_ : cache_; }
  void count(AnswerKind kind);
  void sent(const Client& client, std::size_t begin, Instant now, Outbox& outbox);
  // own_name.cpp
  void answer_own_name(const Client& client, Instant now, Outbox& outbox);
  void add_own_addresses(Composition& composition, const Client& client, std::uint32_t ttl) const;
  // built_answer.cpp
  enum class Source : std::uint8_t { upstream, cache, stale_cache };
  /// Where an answer's records come from, and how long ago they did.
  struct Age {
    Source source = Source::upstream;
    Duration passed{};
  };
  /// False: the answer is none that ours belongs into, and nothing was given (D2, D3).
  bool give_services(const Client& client, const dns::Message& answer, Age age, Instant now, Outbox& outbox);
  void give_built_services(const Client& client, const Target& listener, Instant now, Outbox& outbox);
  void give_injected(const Client& client, Composition composition, const dns::Name& owner, std::vector<dns::Srv> central,
                     std::uint32_t ttl, const Target& listener, Instant now, Outbox& outbox);
  void give_cached(const Client& client, const CachedAnswer& answer, Age age, Instant now, Outbox& outbox);
  void give_records(const Client& client, const RecordSet& set, std::uint32_t ttl, Instant now, Outbox& outbox);
  void give_empty(const Client& client, dns::Rcode rcode, std::optional<dns::ExtendedError> error, Instant now, Outbox& outbox);
  void give(const Client& client, const Composition& composition, Instant now, Outbox& outbox);
  void add_target_addresses(Composition& composition, const dns::Name& target, std::uint32_t ttl, Instant now) const;

  Settings settings_;
  Random& random_;
  dns::Name domain_;
  dns::Name own_name_;
  Order order_ = Order::ours_last;
  bool order_in_doubt_ = false;
  std::vector<Upstream> upstreams_;
  UpstreamState upstream_state_ = UpstreamState::unknown;
  bool refused_last_ = false;  ///< the last failure was an error, not silence
  Cache cache_;
  Cache sip_cache_{sip_cache_entries};  ///< other names cannot push the SIP names out
  ReadyAnswers ready_;
  Learnt learnt_;
  bool learnt_changed_ = false;
  std::vector<LookedUp> looked_up_;  ///< taken after each step
  Slab<Query> queries_;
  std::uint32_t slot_serial_ = 0;
  boost::unordered_flat_map<Text, QueryId> pending_;
  boost::unordered_flat_map<Endpoint, unsigned, EndpointHash> waiting_by_client_;  ///< by address; the port is zero
  std::size_t waiting_ = 0;
  std::vector<Lookup> lookups_;
  std::optional<Instant> lookups_due_;
  TimerWheel<QueryId> wheel_;
  bool told_priority_exhausted_ = false;
  Instant refusals_from_{};  ///< rate limit of REFUSED
  Counters counters_;
};

}  // namespace ringhold::nameserver
