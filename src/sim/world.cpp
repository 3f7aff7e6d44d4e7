#include "sim/world.hpp"

#include <utility>

namespace ringhold::sim {

namespace bench {
Address box() { return Address::v4({10, 77, 0, 2}); }
Address phone(unsigned number) { return Address::v4({10, 77, 0, static_cast<std::uint8_t>(10 + number)}); }
Address agent(unsigned number) { return Address::v4({10, 77, 0, static_cast<std::uint8_t>(40 + number)}); }
Address central_dns() { return Address::v4({10, 78, 0, 1}); }
Address central_sip(unsigned number) { return Address::v4({10, 78, 0, static_cast<std::uint8_t>(10 + number)}); }
bool is_branch(const Address& address) { return address.bytes()[0] == 10 && address.bytes()[1] == 77; }
}  // namespace bench

Host* World::host(const Address& address) const {
  const auto found = hosts_.find(address);
  return found == hosts_.end() ? nullptr : found->second;
}

World::Road World::road(const Endpoint& from, const Endpoint& to) {
  const bool from_branch = bench::is_branch(from.address);
  const bool to_branch = bench::is_branch(to.address);
  if (from_branch && to_branch) return to.address == bench::box() ? Road::lan_up : Road::lan_down;
  if (from_branch) return Road::wan_up;
  return to_branch ? Road::wan_down : Road::inside;
}

const Line* World::line(const Endpoint& from, const Endpoint& to) const {
  switch (road(from, to)) {
    case Road::lan_up: return &lan.up;
    case Road::lan_down: return &lan.down;
    case Road::wan_up: return &wan.up;
    case Road::wan_down: return &wan.down;
    case Road::inside: return nullptr;
  }
  std::unreachable();
}

bool World::is_blocked(const Endpoint& from, const Endpoint& to) const {
  const Road taken = road(from, to);
  if (taken != Road::wan_up && taken != Road::wan_down) return false;
  return from.port == bench::dns_port || to.port == bench::dns_port ? blocked.dns : blocked.sip;
}

void World::send(Datagram datagram) {
  const Line* line_taken = line(datagram.from, datagram.to);
  if (line_taken == nullptr) {
    clock.after(100us, [this, datagram = std::move(datagram)] { arrive(datagram); });
    return;
  }
  if (line_taken->cut == Cut::refused) {
    ladder.packet(clock.now(), datagram.from, datagram.to, datagram.bytes, "refused");
    refuse(datagram, 1ms);
    return;
  }
  if (is_blocked(datagram.from, datagram.to)) {
    ladder.packet(clock.now(), datagram.from, datagram.to, datagram.bytes, "blocked");
    return;
  }
  const auto arrivals = carry(*line_taken, random);
  ladder.packet(clock.now(), datagram.from, datagram.to, datagram.bytes, arrivals.empty() ? "lost" : arrivals.size() > 1 ? "twice" : "");
  for (const Duration delay : arrivals) clock.after(delay, [this, datagram] { arrive(datagram); });
}

World::Way World::carry_stream(const Endpoint& from, const Endpoint& to) {
  const Line* taken = line(from, to);
  if (taken == nullptr) return {100us, false};
  if (taken->cut == Cut::refused) return {std::nullopt, true};
  if (is_blocked(from, to)) return {};
  const auto arrivals = carry(*taken, random);
  if (arrivals.empty()) return {};
  return {arrivals.front(), false};
}

void World::arrive(const Datagram& datagram) {
  const auto host = hosts_.find(datagram.to.address);
  // No host there: nobody answers ARP, so nothing comes back either.
  if (host != hosts_.end()) return host->second->receive(datagram);
  if (is_deserted(datagram.to.address)) refuse(datagram, 1ms);
}

void World::set_deserted(const Address& address, bool deserted) {
  if (deserted)
    deserted_.insert(address);
  else
    deserted_.erase(address);
}

void World::refuse(const Datagram& datagram, Duration delay) {
  clock.after(delay, [this, local = datagram.from, remote = datagram.to] {
    const auto host = hosts_.find(local.address);
    if (host != hosts_.end()) host->second->unreachable(local, remote);
  });
}

}  // namespace ringhold::sim
