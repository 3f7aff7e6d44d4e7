#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"

namespace ringhold::sim {

/// What can break around agents.
enum class AgentFaultKind : unsigned char {
  // One central server:
  unplugged,
  powerless,
  deserted,
  deaf,
  failing,
  busy,
  forbidding,
  confused,
  // The way there:
  wan_silent,
  wan_refused,
  wan_half_open_up,
  wan_half_open_down,
  wan_slow,
  wan_flaps,  ///< 20 s up, 20 s down
  sip_dead,
  dns_dead,
  wan_noise,
  // Machines of the branch:
  box_killed,
  agent_killed,
  network_changed,  ///< at one agent; a moment
  last = network_changed,
};
std::string_view name(AgentFaultKind kind);

struct AgentFault {
  AgentFaultKind kind = AgentFaultKind::unplugged;
  Duration from{};
  Duration until{};
  unsigned which = 0;  ///< of several servers or agents, from zero on
};

/// Each server dies up to three times and returns, in any order; and up to four other faults. In `noisy` worlds one of these may be
/// noise.
struct AgentFaultSpan {
  Duration from;
  Duration until;
};
std::vector<AgentFault> draw_agent_faults(Random& random, const AgentFaultSpan& span, unsigned servers, unsigned agents, bool noisy);
std::string describe(const AgentFault& fault);

}  // namespace ringhold::sim
