#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent.hpp"
#include "sim/stream_pool.hpp"
#include "sim/world.hpp"

namespace ringhold::sim {

/// Who watches agents from outside.
class AgentWitness {
 public:
  virtual ~AgentWitness() = default;
  virtual void agent_started(unsigned number) = 0;
  virtual void agent_killed(unsigned number) = 0;
  virtual void agent_sent(unsigned number, const Datagram& datagram) = 0;
  virtual void agent_received(unsigned number, const Datagram& datagram) = 0;
  virtual void agent_spins(unsigned number) = 0;
};

/// A machine in the branch on which `ringhold agent` runs: what the shell does with sockets and SQLite, done with the simulated
/// world.
class AgentHost final : public Host {
 public:
  AgentHost(World& world, unsigned number, const agent::Settings& settings, AgentWitness& witness);

  void start();
  /// kill -9: rows that were not committed are lost.
  void kill();
  bool running() const { return agent_.has_value(); }
  void network_changed();
  /// It takes its registrations away.
  void leave();

  void receive(const Datagram& datagram) override;
  void unreachable(const Endpoint& local, const Endpoint& remote) override;
  void connection_changed(Streams::Id connection, const Endpoint& local, const Endpoint& remote, ConnectionState state) override;

  unsigned number() const { return number_; }
  const agent::Settings& settings() const { return settings_; }
  /// Where an account stands by its own account of it, for people.
  std::string evidence() const;

 private:
  void pump();
  void send(const Outbox::Send& send);
  void note(const Outbox::Note& said);
  void keep(Change change);
  void change_flow(const FlowChange& change);
  std::uint16_t query_port(FlowId slot);
  void arm();
  void wake(unsigned epoch);
  std::string name() const;

  World& world_;
  unsigned number_;
  agent::Settings settings_;
  AgentWitness& witness_;
  SeededRandom random_;
  StreamPool pool_;
  std::optional<agent::Agent> agent_;
  Outbox outbox_;
  unsigned epoch_ = 0;
  std::optional<Instant> armed_for_;
  Instant spin_second_{};
  unsigned spins_ = 0;
  std::map<std::uint64_t, std::uint16_t> port_of_slot_;
  std::map<std::uint16_t, std::uint64_t> slot_of_port_;
  std::map<Text, std::vector<Column>> rows_;
};

}  // namespace ringhold::sim
