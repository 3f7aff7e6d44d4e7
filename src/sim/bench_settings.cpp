#include "sim/bench_settings.hpp"

#include "sim/world.hpp"

namespace ringhold::sim::bench {

branch_device::Settings settings() {
  branch_device::Settings settings;
  settings.branch.domain = Text{domain};
  settings.branch.name = Text{box_name};
  settings.branch.addresses = {box()};
  settings.branch.networks = {*Network::parse("10.77.0.0/24")};
  settings.sip.listen = {Target{Transport::udp, {box(), sip_port}}, Target{Transport::tcp, {box(), sip_port}}};
  settings.dns.listen = {{box(), dns_port}};
  settings.dns.upstream = {{central_dns(), dns_port}};
  return settings;
}

}  // namespace ringhold::sim::bench
