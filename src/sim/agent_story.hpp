#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/agent_checkers.hpp"
#include "sim/agent_fault.hpp"
#include "sim/agent_host.hpp"
#include "sim/box.hpp"
#include "sim/central_registrar.hpp"
#include "sim/central_site.hpp"
#include "sim/story.hpp"
#include "sim/world.hpp"

namespace ringhold::sim {

/// What came of one seed of agents.
struct AgentOutcome {
  std::uint64_t seed = 0;
  std::vector<std::string> violations;
  std::vector<std::string> plan;
  std::vector<std::string> ladder;  ///< only when asked for
  std::uint64_t events = 0;
  std::uint64_t registers = 0;
  std::size_t agents = 0;
  std::size_t accounts = 0;
  Duration home_after{};   ///< from the healing until all accounts were at the first server
  double longest_gap = 0;  ///< the longest gap without a place, by what it might have been
};

/// One run with agents: central servers die and return in drawn orders, links, DNS, the branch device and the agents themselves
/// break; first safety is checked, then everything heals and every account must come home, then all leave.
class AgentStory {
 public:
  AgentStory(std::uint64_t seed, Record record);
  ~AgentStory();
  AgentOutcome run();

 private:
  void draw();
  agent::Settings draw_agent(unsigned number, unsigned servers);
  void draw_site(unsigned servers);
  void begin(const AgentFault& fault);
  void end(const AgentFault& fault);
  void apply();
  void apply_links();
  void apply_servers();
  void every_second();
  void look();
  AgentCheckers::Holders holders();
  void heal();
  bool all_home();
  void converge();
  void stay_home();
  void leave();
  bool active(AgentFaultKind kind) const;
  bool active_at(AgentFaultKind kind, unsigned which) const;
  bool wan_is_down_in_flaps() const;
  AgentHost& agent(unsigned which) { return *agents_[which % agents_.size()]; }
  Instant start_of_time() const { return world_.clock.start(); }

  static constexpr Duration healing_at = 600s;

  std::uint64_t seed_;
  World world_;
  AgentCheckers checkers_{world_};
  std::unique_ptr<CentralDns> dns_;
  std::vector<std::unique_ptr<CentralRegistrar>> servers_;
  std::unique_ptr<Box> box_;
  std::vector<std::unique_ptr<AgentHost>> agents_;
  std::vector<AgentFault> faults_;
  std::vector<const AgentFault*> in_force_;
  bool shares_books_ = false;
  bool is_noisy_ = false;
  bool watching_ = true;
  LineQuality wan_quality_;
  AgentOutcome outcome_;
};

AgentOutcome run_agent_seed(std::uint64_t seed, Record record);

}  // namespace ringhold::sim
