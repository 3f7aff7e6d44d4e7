#include "sim/fault.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ringhold::sim {

std::string_view name(FaultKind kind) {
  switch (kind) {
    case FaultKind::wan_silent: return "wan silent";
    case FaultKind::wan_refused: return "wan refused";
    case FaultKind::wan_half_open_up: return "wan half-open, up dead";
    case FaultKind::wan_half_open_down: return "wan half-open, down dead";
    case FaultKind::wan_noise: return "wan noise";
    case FaultKind::wan_slow_dns: return "wan slow";
    case FaultKind::wan_flaps: return "wan flaps";
    case FaultKind::sip_dead: return "sip dead";
    case FaultKind::dns_dead: return "dns dead";
    case FaultKind::first_server_dead: return "first server dead";
    case FaultKind::all_servers_dead: return "all servers dead";
    case FaultKind::box_killed: return "box killed";
    case FaultKind::phone_rebooted: return "phone rebooted";
    case FaultKind::disk_fails: return "disk fails";
  }
  std::unreachable();
}

std::vector<Fault> draw_faults(Random& random, Duration from, Duration until) {
  std::vector<Fault> faults(1 + random.below(5));
  for (Fault& fault : faults) {
    fault.kind = static_cast<FaultKind>(random.below(std::to_underlying(FaultKind::last) + 1U));
    fault.from = random.between(from, until - 20s);
    const bool is_short =
        fault.kind == FaultKind::box_killed || fault.kind == FaultKind::phone_rebooted || fault.kind == FaultKind::disk_fails;
    fault.until = std::min(until, fault.from + (is_short ? random.between(200ms, 15s) : random.between(5s, 200s)));
    fault.which = random.below(1'000);
  }
  // Two ends of one call that lose their power together leave it behind; only restart detection can end it (B1).
  bool rebooted = false;
  for (Fault& fault : faults)
    if (fault.kind == FaultKind::phone_rebooted && std::exchange(rebooted, true)) fault.kind = FaultKind::wan_silent;
  std::sort(faults.begin(), faults.end(), [](const Fault& a, const Fault& b) { return a.from < b.from; });
  return faults;
}

std::string describe(const Fault& fault) {
  const auto seconds = [](Duration duration) { return std::chrono::duration<double>(duration).count(); };
  return fmt::format("{} from {:.1f} to {:.1f} s", name(fault.kind), seconds(fault.from), seconds(fault.until));
}

}  // namespace ringhold::sim
