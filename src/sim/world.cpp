#include "sim/world.hpp"

#include <utility>

namespace ringhold::sim {

namespace bench {
Address box() { return Address::v4({10, 77, 0, 2}); }
Address phone(unsigned number) { return Address::v4({10, 77, 0, static_cast<std::uint8_t>(10 + number)}); }
Address central_dns() { return Address::v4({10, 78, 0, 1}); }
Address central_sip(unsigned number) { return Address::v4({10, 78, 0, static_cast<std::uint8_t>(10 + number)}); }
bool is_branch(const Address& address) { return address.bytes()[0] == 10 && address.bytes()[1] == 77; }
}  // namespace bench

World::Way World::way(const Datagram& datagram) const {
  const bool from_branch = bench::is_branch(datagram.from.address);
  const bool to_branch = bench::is_branch(datagram.to.address);
  if (from_branch && to_branch) return datagram.to.address == bench::box() ? Way::lan_up : Way::lan_down;
  if (from_branch) return Way::wan_up;
  return to_branch ? Way::wan_down : Way::inside;
}

const Line* World::line(const Datagram& datagram) const {
  switch (way(datagram)) {
    case Way::lan_up: return &lan.up;
    case Way::lan_down: return &lan.down;
    case Way::wan_up: return &wan.up;
    case Way::wan_down: return &wan.down;
    case Way::inside: return nullptr;
  }
  std::unreachable();
}

void World::send(Datagram datagram) {
  const Line* line_taken = line(datagram);
  if (line_taken == nullptr) {
    clock.after(100us, [this, datagram = std::move(datagram)] { arrive(datagram); });
    return;
  }
  if (line_taken->cut == Cut::refused) {
    ladder.packet(clock.now(), datagram.from, datagram.to, datagram.bytes, "refused");
    refuse(datagram, 1ms);
    return;
  }
  const bool is_wan = line_taken == &wan.up || line_taken == &wan.down;
  const bool is_dns = datagram.to.port == bench::dns_port || datagram.from.port == bench::dns_port;
  if (is_wan && (is_dns ? blocked.dns : blocked.sip)) {
    ladder.packet(clock.now(), datagram.from, datagram.to, datagram.bytes, "blocked");
    return;
  }
  const auto arrivals = carry(*line_taken, random);
  ladder.packet(clock.now(), datagram.from, datagram.to, datagram.bytes, arrivals.empty() ? "lost" : arrivals.size() > 1 ? "twice" : "");
  for (const Duration delay : arrivals) clock.after(delay, [this, datagram] { arrive(datagram); });
}

void World::arrive(const Datagram& datagram) {
  const auto host = hosts_.find(datagram.to.address);
  // No host there: nobody answers ARP, so nothing comes back either.
  if (host != hosts_.end()) host->second->receive(datagram);
}

void World::refuse(const Datagram& datagram, Duration delay) {
  clock.after(delay, [this, local = datagram.from, remote = datagram.to] {
    const auto host = hosts_.find(local.address);
    if (host != hosts_.end()) host->second->unreachable(local, remote);
  });
}

}  // namespace ringhold::sim
