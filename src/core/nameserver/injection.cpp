#include "nameserver/injection.hpp"

#include <algorithm>

namespace ringhold::nameserver {

namespace {

constexpr std::uint16_t greatest = 65'535;

std::uint16_t above(std::uint16_t priority) { return priority == greatest ? greatest : static_cast<std::uint16_t>(priority + 1); }

/// By priority, and among equals the weightier first; those still equal keep upstream's order, which spreads the load.
std::vector<dns::Srv> sorted(std::vector<dns::Srv> records) {
  const auto before = [](const dns::Srv& a, const dns::Srv& b) {
    return a.priority != b.priority ? a.priority < b.priority : a.weight > b.weight;
  };
  std::vector<dns::Srv> in_order;
  in_order.reserve(records.size() + 1);
  for (dns::Srv& record : records) in_order.insert(std::ranges::upper_bound(in_order, record, before), std::move(record));
  return in_order;
}

/// Leaves 0 free. Those who differed still differ, and gaps are used before anyone else has to move.
void move_up(std::vector<dns::Srv>& sorted) {
  std::uint16_t least = 1;
  for (std::size_t begin = 0; begin < sorted.size();) {
    const std::uint16_t old = sorted[begin].priority;
    const std::uint16_t moved = std::max(old, least);
    for (; begin < sorted.size() && sorted[begin].priority == old; ++begin) sorted[begin].priority = moved;
    least = above(moved);
  }
}

}  // namespace

std::optional<Target> injectable(const dns::Name& name, const dns::Name& domain, const std::vector<Target>& listeners) {
  if (!is_service_of(name, domain)) return std::nullopt;
  const bool secure = equal_ignoring_case(name.first_label(), "_sips");
  const dns::Name rest = name.parent();
  const auto protocol = parse_transport(rest.first_label().substr(1));
  if (protocol != Transport::tcp && (secure || protocol != Transport::udp)) return std::nullopt;
  const Transport wanted = secure ? Transport::tls : *protocol;
  const auto listener = std::ranges::find(listeners, wanted, &Target::transport);
  return listener == listeners.end() ? std::nullopt : std::optional{*listener};
}

bool is_service_of(const dns::Name& name, const dns::Name& domain) {
  const auto service = name.first_label();
  if (!equal_ignoring_case(service, "_sip") && !equal_ignoring_case(service, "_sips")) return false;
  const dns::Name rest = name.parent();
  return rest.first_label().starts_with('_') && rest.parent() == domain;
}

std::optional<dns::Name> service_name(Transport transport, std::string_view domain) {
  switch (transport) {
    case Transport::udp: return dns::Name::from_text("_sip._udp." + Text{domain});
    case Transport::tcp: return dns::Name::from_text("_sip._tcp." + Text{domain});
    case Transport::tls: return dns::Name::from_text("_sips._tcp." + Text{domain});
    case Transport::ws:
    case Transport::wss: break;  // A browser has no SRV: RFC 7118 §6 leaves them to NAPTR.
  }
  return std::nullopt;
}

Injected inject(std::vector<dns::Srv> central, const dns::Name& own_name, Port own_port, Order order) {
  central = sorted(std::move(central));
  for (const dns::Srv& record : central)
    if (record.target.is_root() || record.target == own_name) return {std::move(central)};
  dns::Srv ours{1, 0, to_number(own_port), own_name};
  if (order == Order::ours_only || central.empty()) return {.records = {std::move(ours)}, .added = true};
  if (order == Order::ours_last) {
    const std::uint16_t last = central.back().priority;
    ours.priority = above(last);
    central.push_back(std::move(ours));
    return {.records = std::move(central), .added = true, .priority_exhausted = last == greatest};
  }
  if (central.front().priority == 0) move_up(central);
  ours.priority = central.front().priority > 1 ? 1 : 0;
  central.insert(central.begin(), std::move(ours));
  return {.records = std::move(central), .added = true};
}

}  // namespace ringhold::nameserver
