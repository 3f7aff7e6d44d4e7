#include "sim/agent_sight.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "sim/dns_wire.hpp"

namespace ringhold::sim {

namespace {

constexpr Duration longest_memory = 400s;  // an account goes by the list that it got at its last refresh

std::optional<Address> place_named(std::string_view host) {
  if (host == bench::box_name) return bench::box();
  if (!host.starts_with("sip")) return std::nullopt;
  const auto number = parse_number(host.substr(3, host.find('.') - 3));
  return number ? std::optional{bench::central_sip(*number)} : std::nullopt;
}

}  // namespace

bool removes(const SipMessage& request) { return parameter(request.get("Contact"), "expires") == "0"; }

std::string protocol_of(const SipMessage& message) {
  const std::string_view via = message.get("Via");
  return std::string{via.substr(0, via.find(' '))};
}

void AgentSight::start(Instant now) {
  running = true;
  started_at = now;
  orders.clear();
  known_since.clear();
  if (settings.servers.empty()) return;
  Order order{now, "configured", {}};
  for (const Target& server : settings.servers) order.places.push_back(server.endpoint.address);
  take_order(std::move(order));
}

void AgentSight::take_order(Order order) {
  std::erase_if(orders, [&](const Order& one) { return one.question == order.question && order.at - one.at > longest_memory; });
  orders.push_back(std::move(order));
  std::set<Address> known;
  std::set<std::string> questions;
  // The last answer to each question counts.
  for (auto one = orders.rbegin(); one != orders.rend(); ++one)
    if (questions.insert(one->question).second) known.insert(one->places.begin(), one->places.end());
  std::erase_if(known_since, [&](const auto& one) { return !known.contains(one.first); });
  for (const Address& place : known) known_since.try_emplace(place, orders.back().at);
}

void AgentSight::take_dns(std::string_view bytes, Instant now) {
  const auto answer = parse_dns(bytes);
  if (!answer || !answer->response || answer->type != dns_srv) return;
  Order order{now, lower_case(answer->question), {}};
  auto records = answer->answers;
  std::ranges::stable_sort(records, {}, &DnsRecord::priority);
  for (const DnsRecord& record : records)
    if (const auto place = record.type == dns_srv ? place_named(record.target) : std::nullopt) order.places.push_back(*place);
  take_order(std::move(order));
}

std::size_t AgentSight::targets() const {
  return std::max<std::size_t>(1, settings.servers.empty() ? known_since.size() * settings.uplinks.size() : settings.servers.size());
}

bool AgentSight::is_lower(const Address& one, const Address& other, Instant now) const {
  bool compared = false;
  for (const Order& order : orders) {
    if (!settings.servers.empty() || now - order.at <= longest_memory) {
      const auto first = std::ranges::find(order.places, one);
      const auto second = std::ranges::find(order.places, other);
      if (second > first || first == order.places.end()) return false;
      compared = true;
    }
  }
  return compared && one != other;
}

}  // namespace ringhold::sim
