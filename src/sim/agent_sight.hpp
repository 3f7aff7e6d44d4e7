#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/settings.hpp"
#include "sim/sip_wire.hpp"
#include "sim/world.hpp"

namespace ringhold::sim {

/// A place where accounts can be: a central server, or the branch device. What is true of it now.
struct Place {
  Address address;
  bool reachable = false;  ///< by a packet and its answer; what it holds there serves its user
  bool takes = false;      ///< registrations, without noise on the way
  std::optional<Instant> takes_since;
  bool shares_books = false;  ///< with all others of which this is said
};

/// An agent as its machine's wire shows it, and what its user configured.
struct AgentSight {
  agent::Settings settings;
  bool running = false;
  Instant started_at{};
  /// The places that it was told of, in order, and when: by configuration, or by answers to SRV questions.
  struct Order {
    Instant at;
    std::string question;
    std::vector<Address> places;
  };
  std::deque<Order> orders;
  std::map<Address, Instant> known_since;

  void start(Instant now);
  void take_dns(std::string_view bytes, Instant now);
  /// Targets of one list: places, by each transport.
  std::size_t targets() const;
  /// By everything that it may still go by, is `one` tried after `other`?
  bool is_lower(const Address& one, const Address& other, Instant now) const;

 private:
  void take_order(Order order);
};

/// One account as the wire shows it.
struct AccountSight {
  unsigned agent = 0;
  std::string user;
  std::optional<Address> at;                    ///< the last 2xx for it came from there
  std::string by;                               ///< and by this protocol: "SIP/2.0/UDP"
  Instant confirmed_at{};                       ///< and then
  Instant granted_until{};                      ///< for so long
  Duration least_grant = 24h;                   ///< of those of its agent's present run
  std::optional<Instant> trying_since;          ///< its first REGISTER after that
  std::map<Address, Instant> left_alone_until;  ///< 503 with Retry-After
  std::optional<Instant> uncovered_since;       ///< no place that can be reached knows it
  bool uncovered_was_told = false;              ///< this spell is known to be too long
  std::string latest;                           ///< branch of its last REGISTER that removes nothing
  std::string call_id;
  Instant call_id_since{};
  bool may_renumber = false;  ///< 400, or killed before its row was kept
  bool renumbered = false;
  std::map<std::pair<std::string, Address>, unsigned> cseq;  ///< the last, for each Call-ID and place
  std::deque<Instant> registers;                             ///< of the last five minutes
};

/// A REGISTER that is not answered yet.
struct RegisterSight {
  std::string user;
  Address to;
  bool removes = false;
  Instant at;
};

bool removes(const SipMessage& request);
/// By what it goes, as its topmost Via says: "SIP/2.0/TCP".
std::string protocol_of(const SipMessage& message);

}  // namespace ringhold::sim
