#include "sim/ladder.hpp"

#include <fmt/format.h>

#include "sim/dns_wire.hpp"
#include "sim/sip_wire.hpp"

namespace ringhold::sim {

void Ladder::packet(Instant now, const Endpoint& from, const Endpoint& to, std::string_view bytes, std::string_view fate) {
  if (!enabled_) return;
  const bool is_dns = to_number(from.port) == 53 || to_number(to.port) == 53;
  const std::string what = is_dns ? describe_dns(bytes) : describe_sip(bytes);
  add(now, fmt::format("{:>16} -> {:<16} {}{}{}", from.address.text(), to.address.text(), what, fate.empty() ? "" : "  ** ", fate));
}

void Ladder::event(Instant now, std::string_view who, std::string_view text) {
  if (enabled_) add(now, fmt::format("{:>16} :: {}", who, text));
}

void Ladder::add(Instant now, std::string text) {
  lines_.push_back(fmt::format("{:9.3f} {}", std::chrono::duration<double>(now - start_).count(), text));
}

}  // namespace ringhold::sim
