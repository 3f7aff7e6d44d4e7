#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"

namespace ringhold::sim {

/// What can break (behaviour.md part 1, INT-05, INT-06, INT-08).
enum class FaultKind : unsigned char {
  wan_silent,        ///< DROP
  wan_refused,       ///< LINK, REJECT
  wan_half_open_up,  ///< nothing reaches the central site
  wan_half_open_down,
  wan_noise,     ///< NOISE
  wan_slow_dns,  ///< every packet 500 ms: DNS answers come after its timeout
  wan_flaps,     ///< 20 s up, 20 s down
  sip_dead,      ///< SIPDEAD
  dns_dead,      ///< DNSDEAD
  first_server_dead,
  all_servers_dead,
  box_killed,
  phone_rebooted,
  disk_fails,  ///< X5: nothing is committed
  last = disk_fails,
};
std::string_view name(FaultKind kind);

/// A fault with its span, from the start of the run.
struct Fault {
  FaultKind kind = FaultKind::wan_silent;
  Duration from{};
  Duration until{};
  std::uint32_t which = 0;  ///< of several phones
};

/// Draws one to five faults that begin after `from` and end before `until`; some overlap.
std::vector<Fault> draw_faults(Random& random, Duration from, Duration until);
std::string describe(const Fault& fault);

}  // namespace ringhold::sim
