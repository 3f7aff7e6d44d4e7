#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/dns_wire.hpp"
#include "sim/world.hpp"

namespace ringhold::sim {

/// How a simulated phone finds its servers: SRV of its domain from its DNS server, addresses from the additional section or
/// by a query each (RFC 3263 §4.2), kept for their TTL.
class PhoneResolver {
 public:
  PhoneResolver(World& world, const Endpoint& own, const Endpoint& server, Transport transport, std::uint64_t seed)
      : world_{world}, own_{own}, server_{server}, transport_{transport}, random_{seed} {}

  /// In the order to be tried (RFC 2782). Empty when DNS did not answer and nothing was known before.
  using Targets = std::vector<Endpoint>;
  void resolve(std::function<void(const Targets&)> done);
  void receive(const Datagram& datagram);
  void clear();
  /// The next resolve() asks again.
  void forget() { expires_at_ = {}; }

  /// The longest that an answer took, without those that needed a repeated query.
  Duration slowest_answer() const { return slowest_; }
  unsigned failures() const { return failures_; }

 private:
  struct Question {
    std::uint16_t id = 0;
    std::string name;
    std::uint16_t type = 0;
    Instant asked_at;
    unsigned tries = 0;
  };
  void ask(std::string name, std::uint16_t type);
  void send();
  void take_srv(const DnsMessage& answer);
  void next_address();
  void finish();

  World& world_;
  Endpoint own_;
  Endpoint server_;
  Transport transport_;
  SeededRandom random_;
  unsigned epoch_ = 0;
  Question question_;
  bool asking_ = false;
  std::vector<std::function<void(const Targets&)>> waiting_;
  std::vector<DnsRecord> records_;
  std::vector<Address> addresses_;  ///< of records_, unspecified while unknown
  std::size_t next_ = 0;
  Targets targets_;
  Instant expires_at_{};
  Duration slowest_{};
  unsigned failures_ = 0;
};

}  // namespace ringhold::sim
