#pragma once

#include <optional>
#include <vector>

#include "agent/settings.hpp"
#include "dhcp/inquiry.hpp"
#include "nameserver/nameserver.hpp"
#include "resolver/answers.hpp"

namespace ringhold::agent {

/// Which servers a domain has (T2): RFC 3263 over DNS, one look-up for all accounts. Its resolver is the cache and the forwarding of
/// core/nameserver, so an answer's TTL is kept to (DIS-22), a truncated one comes by TCP, and the next name server is asked in time.
class Finding {
 public:
  enum class Result : std::uint8_t { found, nobody };

  Finding(const Settings& settings, Random& random);

  /// Begins a look-up, unless one is under way.
  void begin(Instant now, Outbox& outbox);
  /// Asks for the order of the servers anew, whatever TTL is left. What is known serves meanwhile, and goes on doing so if nobody
  /// answers.
  void ask_again(Instant now, Outbox& outbox);
  /// An answer of DNS or DHCP. True: DHCP says something else than before, so that servers have to be looked up again.
  bool receive(const Packet& packet, Instant now, Outbox& outbox);
  void expire(Instant now, Outbox& outbox);
  void upstream_changed(const FlowChange& change, Instant now, Outbox& outbox);
  std::optional<Instant> next_expiry() const;

  Result result() const { return result_; }
  /// Whether a look-up has ended that nobody has taken yet.
  bool has_ended() const { return ended_; }
  /// True once after a look-up has ended.
  bool take_ended() { return std::exchange(ended_, false); }
  /// Another one after each look-up that has said something else than the one before.
  unsigned edition() const { return edition_; }
  /// When servers have to be looked up again (the least TTL).
  Instant valid_until() const { return valid_until_; }
  std::optional<Duration> took() const { return took_; }
  /// What the last look-up said of a host; empty: nothing.
  std::vector<Address> addresses_of(std::string_view host) const;
  /// The servers in an order drawn anew (RFC 2782), so that accounts spread by weight.
  std::vector<Target> draw(Random& random) const;

 private:
  void look_up(Instant now, Outbox& outbox);
  void go_on(Instant now, Outbox& outbox);
  void configure(Instant now);
  void take(const dns::Question& question, const dns::Message& answer, Instant now);
  void take_looked_up(Instant now, Outbox& outbox);
  void end(Result result, Instant now);
  resolver::Resolution resolve(const resolver::Answers& answers, Random& random) const;

  Settings settings_;
  std::vector<Text> domains_;       ///< in order (RFC 3361 §3.1)
  std::vector<Target> configured_;  ///< instead of DNS
  std::vector<Transport> transports_;
  resolver::Abilities abilities_;
  Random& random_;
  std::optional<dhcp::Inquiry> inquiry_;
  std::optional<nameserver::Nameserver> nameserver_;  ///< anew when others are to be asked
  std::vector<Endpoint> asked_servers_;
  resolver::Answers answers_;                   ///< of the last look-up that has ended
  resolver::Answers coming_;                    ///< of the one under way
  std::vector<dns::Question> asked_;            ///< by the one under way
  std::vector<dns::Question> services_;         ///< SRV questions of the last one that has ended
  std::vector<dns::Question> coming_services_;  ///< of the one under way
  std::vector<dns::Question> asked_again_;      ///< and not answered yet
  unsigned edition_ = 0;
  Instant began_at_{};
  Instant give_up_at_{};
  bool waits_for_dhcp_ = false;
  bool asks_beside_ = false;  ///< what is known is used meanwhile
  Instant valid_until_{};
  std::optional<Duration> took_;
  Result result_ = Result::nobody;
  bool is_under_way_ = false;
  bool ended_ = false;
};

}  // namespace ringhold::agent
