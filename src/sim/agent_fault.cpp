#include "sim/agent_fault.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ringhold::sim {

namespace {

constexpr auto first_of_way = std::to_underlying(AgentFaultKind::wan_silent);

Duration length_of(AgentFaultKind kind, Random& random) {
  switch (kind) {
    case AgentFaultKind::box_killed:
    case AgentFaultKind::agent_killed: return random.between(2s, random.below(3) == 0 ? 90s : 15s);
    case AgentFaultKind::network_changed: return 1s;
    case AgentFaultKind::unplugged:
    case AgentFaultKind::powerless:
    case AgentFaultKind::deserted:
    case AgentFaultKind::deaf:
    case AgentFaultKind::failing:
    case AgentFaultKind::busy:
    case AgentFaultKind::forbidding:
    case AgentFaultKind::confused:
    case AgentFaultKind::wan_silent:
    case AgentFaultKind::wan_refused:
    case AgentFaultKind::wan_half_open_up:
    case AgentFaultKind::wan_half_open_down:
    case AgentFaultKind::wan_slow:
    case AgentFaultKind::wan_flaps:
    case AgentFaultKind::sip_dead:
    case AgentFaultKind::dns_dead:
    case AgentFaultKind::wan_noise: return random.between(5s, random.below(2) == 0 ? 40s : 250s);
  }
  std::unreachable();
}

}  // namespace

std::string_view name(AgentFaultKind kind) {
  switch (kind) {
    case AgentFaultKind::unplugged: return "server unplugged";
    case AgentFaultKind::powerless: return "server without power";
    case AgentFaultKind::deserted: return "server refuses packets";
    case AgentFaultKind::deaf: return "server answers no OPTIONS";
    case AgentFaultKind::failing: return "server answers 500";
    case AgentFaultKind::busy: return "server answers 503";
    case AgentFaultKind::forbidding: return "server answers 403";
    case AgentFaultKind::confused: return "server answers 400";
    case AgentFaultKind::wan_silent: return "wan silent";
    case AgentFaultKind::wan_refused: return "wan refused";
    case AgentFaultKind::wan_half_open_up: return "wan half-open, up dead";
    case AgentFaultKind::wan_half_open_down: return "wan half-open, down dead";
    case AgentFaultKind::wan_slow: return "wan slow";
    case AgentFaultKind::wan_flaps: return "wan flaps";
    case AgentFaultKind::sip_dead: return "sip dead";
    case AgentFaultKind::dns_dead: return "dns dead";
    case AgentFaultKind::wan_noise: return "wan noise";
    case AgentFaultKind::box_killed: return "box killed";
    case AgentFaultKind::agent_killed: return "agent killed";
    case AgentFaultKind::network_changed: return "network changed";
  }
  std::unreachable();
}

std::vector<AgentFault> draw_agent_faults(Random& random, const AgentFaultSpan& span, unsigned servers, unsigned agents, bool noisy) {
  std::vector<AgentFault> faults;
  const auto draw = [&](AgentFaultKind kind, unsigned which) {
    const Duration from = random.between(span.from, span.until - 20s);
    faults.push_back({kind, from, std::min(span.until, from + length_of(kind, random)), which});
  };
  for (unsigned server = 0; server < servers; ++server)
    for (unsigned i = random.below(4); i > 0; --i) draw(static_cast<AgentFaultKind>(random.below(first_of_way)), server);
  for (unsigned i = random.below(5); i > 0; --i) {
    auto kind = static_cast<AgentFaultKind>(first_of_way + random.below(std::to_underlying(AgentFaultKind::last) + 1U - first_of_way));
    if (kind == AgentFaultKind::wan_noise && !noisy) kind = AgentFaultKind::wan_silent;
    draw(kind, random.below(agents));
  }
  std::ranges::sort(faults, {}, &AgentFault::from);
  return faults;
}

std::string describe(const AgentFault& fault) {
  const auto seconds = [](Duration duration) { return std::chrono::duration<double>(duration).count(); };
  return fmt::format("{} ({}) from {:.1f} to {:.1f} s", name(fault.kind), fault.which + 1, seconds(fault.from), seconds(fault.until));
}

}  // namespace ringhold::sim
