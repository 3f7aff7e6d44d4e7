#include <algorithm>

#include "branch_device/state.hpp"
#include "proxy/reach.hpp"

namespace ringhold::branch_device {

namespace {

/// Names that nobody has, so that nobody is asked: `.invalid` (RFC 6761 §6.4, which browsers use: RFC 7118), and what only
/// looks like an address (RFC 1123 §2.1: the last label is not a number).
bool is_no_name(std::string_view host) {
  const std::string_view last = host.substr(host.rfind('.') + 1);
  return equal_ignoring_case(last, "invalid") || parse_number<std::uint64_t>(last);
}

}  // namespace

Text BranchDevice::State::aor_of(const sip::Uri& uri) const {
  // Whatever host of ours stands there, there is one AOR for each user.
  const auto user = sip::unescaped(uri.user);
  if (!user || user->empty()) return {};
  for (const char c : *user)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return {};
  return "sip:" + *user + "@" + settings.branch.domain;
}

Text BranchDevice::State::party_of(const Result<sip::NameAddr>& address) const {
  if (!address) return {};
  if (address->uri.scheme == sip::Scheme::tel || identity.is_ours(address->uri)) return aor_of(address->uri);
  return sip::address_of_record(address->uri).value_or(Text{});
}

std::vector<proxy::Hop> BranchDevice::State::hops_to_user(std::string_view aor, Instant now) const {
  return hops_to_bindings(location.find(aor, now));
}

std::vector<proxy::Hop> BranchDevice::State::hops_to_gruu(const registrar::Gruu::Target& target, Instant now) const {
  location::Bindings named;
  for (const auto* binding : location.find(target.aor, now))
    if (registrar.gruu().names(target, *binding)) named.push_back(binding);
  // RFC 5627 §6.1: one device; of several contacts of it the latest.
  if (named.size() > 1 && named.front()->reach != location::Reach::flow) named.resize(1);
  return hops_to_bindings(named);
}

std::vector<proxy::Hop> BranchDevice::State::hops_to_bindings(const location::Bindings& bindings) const {
  return proxy::hops_to(bindings, identity.listeners);
}

std::optional<proxy::Hop> BranchDevice::State::hop_to_contact(const sip::Uri& uri, Instant now) const {
  const auto* binding = location.find_contact(uri, now);
  if (binding == nullptr) return std::nullopt;
  // Registered over UDP, but its Contact in the dialog says TCP (as phones write that were called by a large INVITE).
  if (const auto transport = uri.transport(); !is_reliable(binding->transport()) && transport && is_reliable(*transport))
    return std::nullopt;
  // What is registered here over a connection is reached by that connection only.
  auto hop = proxy::hop_to(*binding, identity.listeners);
  if (!hop) return std::nullopt;
  hop->request_uri.clear();
  hop->route.clear();
  return hop;
}

std::optional<proxy::Hop> BranchDevice::State::hop_to_proxy_of(const sip::Message& request, const sip::Uri& route, const Destination& flow,
                                                               Instant now) const {
  for (const auto* binding : location.find(party_of(request.to()), now)) {
    const auto contact = sip::Uri::parse(binding->contact());
    if (!contact || contact->port != route.port || !equal_ignoring_case(contact->host, route.host)) continue;
    if (binding->transport() != flow.transport || binding->source.address != flow.remote.address) continue;
    auto hop = proxy::hop_to(*binding, identity.listeners);
    if (!hop) continue;
    hop->request_uri.clear();
    hop->route.clear();
    return hop;
  }
  return std::nullopt;
}

std::vector<Address> BranchDevice::State::addresses_of(std::string_view host) const {
  std::vector<Address> addresses = nameserver.addresses_of(host);
  // Of a team only the leader serves DNS and learns names; what it knows of the central site it tells.
  if (addresses.empty() && !team.leads())
    for (const central::ServerReport& one : central.report())
      if (equal_ignoring_case(one.server.name, host)) addresses.push_back(one.server.target.endpoint.address);
  return addresses;
}

std::vector<proxy::Hop> BranchDevice::State::hops_to_uri(std::string_view text, Instant now, std::vector<dns::Question>& missing) const {
  const auto uri = sip::Uri::parse(text);
  if (!uri || !uri->is_sip()) return {};
  if (auto hop = hop_to_contact(*uri, now)) return {std::move(*hop)};
  std::vector<resolver::KnownServer> servers;
  for (const Target& target : central.usable_servers()) servers.push_back({{}, target});
  const resolver::Knowledge knowledge{
      settings.branch.domain, servers,
      [](const void* source, std::string_view host) { return static_cast<const State*>(source)->addresses_of(host); }, this};
  const bool by_service = !uri->port && equal_ignoring_case(uri->host, settings.branch.domain);
  std::vector<Target> targets = resolver::targets_of(*uri, knowledge);
  const bool is_asked = targets.empty() && !by_service && !is_no_name(uri->host);
  if (const auto wanted = resolver::wanted(*uri); is_asked && wanted) {
    auto resolution = resolve(*wanted, now);
    targets = std::move(resolution.targets);
    missing = std::move(resolution.missing);
  }
  auto hop = proxy::hop_through(identity.listeners, targets);
  if (!hop) return {};
  return {std::move(*hop)};
}

std::vector<proxy::Hop> BranchDevice::State::hops_to_central() const {
  const auto hop = proxy::hop_through(identity.listeners, central.usable_servers());
  if (!hop) return {};
  return {*hop};
}

Way BranchDevice::State::find_way(const sip::Message& request, const Packet& packet, const proxy::Preprocessed& way, Instant now) const {
  if (way.flow_token.empty()) return find_way_by_uri(request, packet, way, now);
  const auto flow = proxy.flow(way);
  if (!flow) {
    // From before a restart, or forged: only where the request could go without it.
    Way found = find_way_by_uri(request, packet, way, now);
    if (found.hops.empty()) found.refusal = {403, "Flow token in Route is not ours", {}};
    return found;
  }
  // A central server takes new connections, and may have ended this one.
  const bool by_its_routes = !way.next_route.empty() && central.is_central(flow->remote);
  if (by_its_routes || !proxy::leaves_by(*flow, packet, way)) return find_way_by_uri(request, packet, way, now);
  // A phone, or the proxy before it, that opened a new connection since is known by its new registration.
  const bool through_proxy = !way.next_route.empty();
  const auto uri = sip::Uri::parse(through_proxy ? way.next_route : way.request_uri());
  if (auto hop = !uri ? std::nullopt : through_proxy ? hop_to_proxy_of(request, *uri, *flow, now) : hop_to_contact(*uri, now))
    return {{std::move(*hop)}, {}};
  proxy::Hop hop{{}, {}, *flow};
  hop.unreachable_status = 430;
  if (!through_proxy) return {{std::move(hop)}, {}};
  // One to which a new connection may lead as well when it has ended this one.
  std::vector<dns::Question> unknown;  // nobody waits for names while there is a connection
  for (const proxy::Hop& other : hops_to_uri(way.next_route, now, unknown)) {
    hop.alternates.push_back(other.destination);
    hop.alternates.insert(hop.alternates.end(), other.alternates.begin(), other.alternates.end());
  }
  return {{std::move(hop)}, {}};
}

Way BranchDevice::State::find_way_by_uri(const sip::Message& request, const Packet& packet, const proxy::Preprocessed& way,
                                         Instant now) const {
  if (!way.next_route.empty()) {
    Way found{{}, {500, "Next hop of the Route is unknown", {}}};
    found.hops = hops_to_uri(way.next_route, now, found.missing);
    return found;
  }
  const auto uri = sip::Uri::parse(way.request_uri());
  if (!uri) return {{}, {400, "Malformed Request-URI", {}}};
  const bool from_central = central.is_central(packet.remote);
  const bool ours = uri->scheme == sip::Scheme::tel || identity.is_ours(*uri);
  if (const auto gruu = ours ? registrar.gruu().read(*uri) : std::nullopt) {
    if (auto hops = hops_to_gruu(*gruu, now); !hops.empty()) return {std::move(hops), {}};
    // A phone that is at the central site has its GRUU from there.
    const proxy::Refusal refusal{gruu->aor.empty() ? 404 : 480, {}, {}};
    return {from_central ? std::vector<proxy::Hop>{} : hops_to_central(), refusal};
  }
  if (ours) {
    const Text aor = aor_of(*uri);
    if (aor.empty()) return {{}, {404, "No user in the Request-URI", {}}};
    if (auto found = way_by_types(request, packet, *uri, aor, now)) return *std::move(found);
    location::Bindings bindings = location.find(aor, now);
    const bool differ = bindings.size() > 1 && bindings.front()->q != bindings.back()->q;
    if (differ || ringing::CallerPreferences::are_in(request))
      if (auto found = way_by_preference(request, packet, *uri, aor, bindings, now)) return *std::move(found);
    if (auto hops = hops_to_bindings(bindings); !hops.empty()) return {std::move(hops), {}};
    // C3: the others are at the central site, if it is up; what came from there never goes back (X-10).
    if (!from_central) return {hops_to_central(), {480, {}, {}}};
    return {{}, {480, {}, {}}};
  }
  // A host that is not ours: the remote target of a dialog, a phone's own address, or another domain.
  // RFC 3261 §16.5: with a maddr the Request-URI is the only target, and the maddr says where it is.
  const auto address = Address::parse(uri->parameters.find("maddr").value_or(uri->host));
  const bool local_address = address && is_served({*address, Port{}});
  if (way.in_dialog || way.own_routes > 0 || local_address) {
    Way found{{}, {request.method() == sip::Method::invite ? 404 : 481, {}, {}}};
    found.hops = hops_to_uri(way.request_uri(), now, found.missing);
    return found;
  }
  if (!from_central) return {hops_to_central(), {404, {}, {}}};
  return {{}, {404, {}, {}}};
}

}  // namespace ringhold::branch_device
