#pragma once

#include <string>

#include "sim/world.hpp"

namespace ringhold::sim {

/// Two hosts that mean ill: one in the branch that sends damaged SIP and DNS messages, and one outside that sends sound ones
/// to which nobody may answer (X1, X3, D11).
class Vandal final : public Host {
 public:
  Vandal(World& world, std::uint64_t seed);
  void begin();
  void end() { active_ = false; }

  void receive(const Datagram&) override {}
  void unreachable(const Endpoint&, const Endpoint&) override {}
  void connection_changed(Streams::Id, const Endpoint&, const Endpoint&, ConnectionState) override {}

  static Address insider() { return Address::v4({10, 77, 0, 66}); }
  static Address outsider() { return Address::v4({198, 51, 100, 7}); }

 private:
  void strike();
  std::string sip_message();
  std::string dns_message();
  std::string damaged(std::string bytes);

  World& world_;
  SeededRandom random_;
  bool active_ = false;
};

}  // namespace ringhold::sim
