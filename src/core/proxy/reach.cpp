#include "proxy/reach.hpp"

#include <algorithm>
#include <utility>

#include "base/limits.hpp"
#include "resolver/targets.hpp"
#include "sip/message.hpp"

namespace ringhold::proxy {

namespace {

const Target* listener_for(const std::vector<Target>& listeners, const Target& target) {
  for (const Target& listener : listeners)
    if (listener.transport == target.transport && listener.endpoint.address.is_v4() == target.endpoint.address.is_v4()) return &listener;
  return nullptr;
}

std::optional<Hop> hop_by_path(const location::Binding& binding, const std::vector<Target>& listeners) {
  const auto first = sip::NameAddr::parse(sip::split_element(binding.path()).first, "Path");
  auto hop = first ? hop_through(listeners, resolver::targets_of(first->uri, {})) : std::nullopt;
  if (hop) {
    hop->request_uri = binding.contact();
    hop->route = binding.path();
  }
  return hop;
}

}  // namespace

std::optional<Hop> hop_through(const std::vector<Target>& listeners, const std::vector<Target>& targets) {
  std::optional<Hop> hop;
  for (const Target& target : targets) {
    const Target* listener = listener_for(listeners, target);
    if (listener == nullptr) continue;
    const Destination destination{Protocol::sip, target.transport, {}, listener->endpoint, target.endpoint};
    if (hop)
      hop->alternates.push_back(destination);
    else
      hop = Hop{{}, {}, destination};
  }
  return hop;
}

std::optional<Hop> hop_to(const location::Binding& binding, const std::vector<Target>& listeners) {
  if (!sip::has_sip_scheme(binding.contact())) return std::nullopt;  // kept and told (§10.2.1), but no place of SIP
  if (!binding.path().empty()) return hop_by_path(binding, listeners);
  const bool over_connection = is_reliable(binding.transport());
  Hop hop{Text{binding.contact()},
          {},
          {Protocol::sip, binding.transport(), over_connection ? binding.flow : FlowId{}, binding.local(), binding.source}};
  if (hop.destination.flow) return hop;
  // Nobody connects to a browser (RFC 7118 §5).
  if (binding.transport() == Transport::ws || binding.transport() == Transport::wss) return std::nullopt;
  if (binding.reach == location::Reach::flow) return over_connection ? std::nullopt : std::optional{std::move(hop)};
  // Where the contact's address is not the one the REGISTER came from, there is a NAT between, and only the source leads back.
  const auto uri = sip::Uri::parse(binding.contact());
  const auto address = uri ? Address::parse(uri->host) : std::nullopt;
  if (!address || *address != binding.source.address) return over_connection ? std::nullopt : std::optional{std::move(hop)};
  hop.destination.remote = {*address, uri->port ? Port{*uri->port} : default_port(binding.transport())};
  // Also where the lost connection came from that very port: some phones listen where they connect from, and the others
  // refuse at once.
  return hop;
}

std::vector<Hop> hops_to(const location::Bindings& bindings, const std::vector<Target>& listeners) {
  std::vector<Hop> hops;
  boost::container::small_vector<std::pair<std::string_view, std::size_t>, 8> flows;  // instance and its hop
  for (const location::Binding* binding : bindings) {
    if (hops.size() == limits::fork_targets) break;
    auto hop = hop_to(*binding, listeners);
    if (!hop) continue;
    if (binding->reach == location::Reach::flow && binding->path().empty()) {
      // RFC 5626 §7: never two flows of one phone at a time; the next serves when the first fails.
      const auto same = std::ranges::find_if(flows, [&](const auto& flow) { return flow.first == binding->instance(); });
      if (same != flows.end()) {
        hops[same->second].alternates.push_back(hop->destination);
        continue;
      }
      flows.emplace_back(binding->instance(), hops.size());
    }
    hops.push_back(std::move(*hop));
  }
  return hops;
}

}  // namespace ringhold::proxy
