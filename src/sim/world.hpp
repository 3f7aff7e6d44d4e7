#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/random.hpp"
#include "sim/clock.hpp"
#include "sim/ladder.hpp"
#include "sim/link.hpp"
#include "sim/streams.hpp"

namespace ringhold::sim {

/// A datagram on its way, or one message of a TCP connection.
struct Datagram {
  Endpoint from;
  Endpoint to;
  std::string bytes;
  Streams::Id connection = 0;  ///< zero: UDP
};

enum class ConnectionState : unsigned char { opened, closed, refused };

/// A host of the simulated world.
class Host {
 public:
  virtual ~Host() = default;
  virtual void receive(const Datagram& datagram) = 0;
  /// ICMP: what was sent to `remote` from `local` cannot arrive.
  virtual void unreachable(const Endpoint& local, const Endpoint& remote) = 0;
  virtual void connection_changed(Streams::Id connection, const Endpoint& local, const Endpoint& remote, ConnectionState state) = 0;
};

/// What is broken between the places beyond the links themselves.
struct Blocked {
  bool sip = false;  ///< SIPDEAD: the WAN swallows SIP only
  bool dns = false;  ///< DNSDEAD: the WAN swallows DNS only
};

/// Hosts, the two links and the clock. Addresses in 10.77.0.0/24 are the branch, all others the central site.
class World {
 public:
  World(std::uint64_t seed, Instant start) : clock{start}, random{seed} {}

  void attach(const Address& address, Host& host) { hosts_[address] = &host; }
  void detach(const Address& address) { hosts_.erase(address); }
  /// A machine that runs, and on which nobody listens: who sends there is told (ICMP, RST).
  void set_deserted(const Address& address, bool deserted);
  bool is_deserted(const Address& address) const { return deserted_.contains(address); }
  void send(Datagram datagram);
  Host* host(const Address& address) const;
  /// One try of a TCP segment: how long it takes, nothing when it is swallowed.
  struct Way {
    std::optional<Duration> delay;
    bool refused = false;
  };
  Way carry_stream(const Endpoint& from, const Endpoint& to);
  /// True when nothing can cross the WAN in either direction.
  bool wan_is_dead() const { return wan.up.cut != Cut::none && wan.down.cut != Cut::none; }

  EventClock clock;
  SeededRandom random;
  Ladder ladder;
  Link lan;  ///< `up` is to the branch device, `down` from it and between phones
  Link wan;
  Blocked blocked;
  Streams streams{*this};

 private:
  enum class Road : unsigned char { lan_up, lan_down, wan_up, wan_down, inside };
  static Road road(const Endpoint& from, const Endpoint& to);
  const Line* line(const Endpoint& from, const Endpoint& to) const;
  bool is_blocked(const Endpoint& from, const Endpoint& to) const;
  void arrive(const Datagram& datagram);
  void refuse(const Datagram& datagram, Duration delay);

  std::map<Address, Host*> hosts_;
  std::set<Address> deserted_;
};

/// Addresses of the bench (behaviour.md part 1).
namespace bench {
Address box();
Address phone(unsigned number);  ///< 1 is 10.77.0.11
Address agent(unsigned number);  ///< 1 is 10.77.0.41
Address central_dns();
Address central_sip(unsigned number);  ///< 1 is 10.78.0.11
inline constexpr Port sip_port{5060};
inline constexpr Port dns_port{53};
inline constexpr std::string_view domain = "example.test";
inline constexpr std::string_view box_name = "ringhold.example.test";
bool is_branch(const Address& address);
}  // namespace bench

}  // namespace ringhold::sim
