#include "nameserver/injection.hpp"

#include <algorithm>

namespace ringhold::nameserver {

namespace {
constexpr std::uint16_t greatest = 65'535;
}

std::optional<Target> injectable(const dns::Name& name, const dns::Name& domain, const std::vector<Target>& listeners) {
  if (name.is_root() || name.parent().is_root() || !(name.parent().parent() == domain)) return std::nullopt;
  const auto service = name.first_label();
  const bool secure = equal_ignoring_case(service, "_sips");
  if (!secure && !equal_ignoring_case(service, "_sip")) return std::nullopt;
  const auto first = name.parent();
  const auto protocol = first.first_label();
  if (protocol.size() < 2 || protocol.front() != '_') return std::nullopt;
  const auto transport = parse_transport(protocol.substr(1));
  if (!transport || *transport == Transport::tls) return std::nullopt;
  const Transport wanted = secure ? (*transport == Transport::tcp ? Transport::tls : *transport) : *transport;
  if (secure && *transport == Transport::udp) return std::nullopt;
  for (const Target& listener : listeners)
    if (listener.transport == wanted) return listener;
  return std::nullopt;
}

Injected inject(std::vector<dns::Srv> central, const dns::Name& own_name, Port own_port, Order order) {
  std::ranges::stable_sort(central, [](const dns::Srv& a, const dns::Srv& b) {
    return a.priority != b.priority ? a.priority < b.priority : a.weight > b.weight;
  });
  for (const dns::Srv& record : central)
    if (record.target.is_root() || record.target == own_name) return {std::move(central), false};
  dns::Srv ours{0, 0, to_number(own_port), own_name};
  if (order == Order::ours_only) return {{std::move(ours)}, true};
  if (order == Order::ours_last || central.empty()) {
    const std::uint16_t last = central.empty() ? std::uint16_t{0} : central.back().priority;
    ours.priority = central.empty() ? std::uint16_t{1} : last == greatest ? greatest : static_cast<std::uint16_t>(last + 1);
    central.push_back(std::move(ours));
    return {std::move(central), true};
  }
  if (central.front().priority == 0)
    for (dns::Srv& record : central) record.priority = record.priority == greatest ? greatest : static_cast<std::uint16_t>(record.priority + 1);
  central.insert(central.begin(), std::move(ours));
  return {std::move(central), true};
}

}  // namespace ringhold::nameserver
