#include "resolver/targets.hpp"

namespace ringhold::resolver {

std::vector<Target> targets_of(const sip::Uri& uri, const Knowledge& knowledge) {
  std::vector<Target> targets;
  if (!uri.is_sip() || uri.has_unknown_transport()) return targets;
  const auto asked = uri.transport();
  const Transport transport = asked.value_or(Transport::udp);
  const Port port{uri.port.value_or(transport == Transport::tls ? 5061 : 5060)};
  const auto maddr = uri.parameters.find("maddr");   // RFC 3261 §19.1.1: overrides the host
  const std::string_view host = maddr ? *maddr : uri.host;
  if (const auto address = Address::parse(host)) return {Target{transport, {*address, port}}};
  if (!uri.port && equal_ignoring_case(host, knowledge.domain)) {
    for (const KnownServer& server : knowledge.servers)
      if (!asked || server.target.transport == *asked) targets.push_back(server.target);
    return targets;
  }
  if (knowledge.addresses_of != nullptr)
    for (const Address& address : knowledge.addresses_of(knowledge.source, host)) targets.push_back({transport, {address, port}});
  return targets;
}

}  // namespace ringhold::resolver
