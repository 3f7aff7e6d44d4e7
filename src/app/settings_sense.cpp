#include "app/settings_sense.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ringhold::app {

namespace {

template <typename T>
void add_once(std::vector<T>& list, const T& value) {
  if (std::ranges::find(list, value) == list.end()) list.push_back(value);
}

int rank(const Address& address) { return address.is_loopback() ? 2 : is_private(address) ? 0 : 1; }

std::vector<Address> meant_by(const Address& wildcard, const Surroundings& machine) {
  std::vector<Address> addresses;
  for (const auto& interface : machine.interfaces)
    if (interface.address.is_v4() == wildcard.is_v4()) add_once(addresses, interface.address);
  std::ranges::stable_sort(addresses, {}, rank);
  return addresses;
}

bool has(const Surroundings& machine, const Address& address) {
  return address.is_loopback() || address.is_unspecified() ||
         std::ranges::any_of(machine.interfaces, [&](const auto& interface) { return interface.address == address; });
}

bool served(const Configuration& configuration, const Address& address) {
  return std::ranges::any_of(configuration.branch.branch.networks, [&](const Network& network) { return network.contains(address); });
}

}  // namespace

std::vector<Address> default_addresses(const Surroundings& machine) {
  std::vector<Address> addresses;
  for (const auto& interface : machine.interfaces)
    if (is_private(interface.address)) add_once(addresses, interface.address);
  if (addresses.empty()) addresses.push_back(*Address::parse("127.0.0.1"));
  return addresses;
}

std::vector<Target> spelt_out(const std::vector<Target>& listen, const Surroundings& machine) {
  std::vector<Target> targets;
  for (const Target& target : listen) {
    if (!target.endpoint.address.is_unspecified())
      add_once(targets, target);
    else
      for (const Address& address : meant_by(target.endpoint.address, machine))
        add_once(targets, Target{target.transport, {address, target.endpoint.port}});
  }
  return targets;
}

std::vector<Endpoint> spelt_out(const std::vector<Endpoint>& listen, const Surroundings& machine) {
  std::vector<Endpoint> endpoints;
  for (const Endpoint& endpoint : listen) {
    if (!endpoint.address.is_unspecified())
      add_once(endpoints, endpoint);
    else
      for (const Address& address : meant_by(endpoint.address, machine)) add_once(endpoints, Endpoint{address, endpoint.port});
  }
  return endpoints;
}

void complete(Configuration& configuration, const Surroundings& machine) {
  auto& branch = configuration.branch.branch;
  if (branch.addresses.empty()) {
    for (const Target& target : configuration.branch.sip.listen) add_once(branch.addresses, target.endpoint.address);
    // Loopback means nothing to a phone, unless it is all there is.
    const auto reachable = [](const Address& address) { return !address.is_loopback(); };
    if (std::ranges::any_of(branch.addresses, reachable))
      std::erase_if(branch.addresses, [](const Address& address) { return address.is_loopback(); });
  }
  if (branch.networks.empty()) {
    branch.networks = {*Network::parse("127.0.0.0/8"), *Network::parse("::1")};
    for (const auto& interface : machine.interfaces)
      if (is_private(interface.address)) add_once(branch.networks, network_of(interface));
  }
}

void inspect_certificate(Configuration& configuration, const Surroundings& machine) {
  if (!configuration.listening.tls) return;
  auto report = net::inspect(*configuration.listening.tls, machine.now);
  configuration.branch.sip.certificate_serves_domain = report.serves_domain;
  configuration.remarks = std::move(report.remarks);
}

std::vector<std::string> remarks_on(const Configuration& configuration, const Surroundings& machine) {
  std::vector<std::string> remarks;
  const auto& settings = configuration.branch;
  const auto is_loopback = [](const Target& target) { return target.endpoint.address.is_loopback(); };
  if (std::ranges::all_of(settings.sip.listen, is_loopback))
    remarks.push_back("sip.listen has loopback addresses only: phones on other machines cannot reach them");
  for (const Target& target : configuration.listening.sip)
    if (!has(machine, target.endpoint.address))
      remarks.push_back(fmt::format("sip.listen: this machine has no address {}", target.endpoint.address.text()));
  for (const Endpoint& endpoint : configuration.listening.dns)
    if (!has(machine, endpoint.address))
      remarks.push_back(fmt::format("dns.listen: this machine has no address {}", endpoint.address.text()));
  for (const Address& address : settings.branch.addresses) {
    const bool listened_to =
        std::ranges::any_of(settings.sip.listen, [&](const Target& target) { return target.endpoint.address == address; });
    if (!listened_to) remarks.push_back(fmt::format("branch.address: nothing listens for SIP at {}", address.text()));
    if (!served(configuration, address))
      remarks.push_back(fmt::format("branch.networks has no network with our own address {}", address.text()));
  }
  const auto has_udp = [](const Target& target) { return target.transport == Transport::udp; };
  if (std::ranges::none_of(settings.sip.listen, has_udp)) remarks.push_back("sip.listen has no UDP: most phones speak nothing else");
  const auto secure = [](const Target& target) { return is_secure(target.transport); };
  if (configuration.listening.tls && std::ranges::none_of(settings.sip.listen, secure))
    remarks.push_back("sip.tls_certificate is there, but sip.listen has neither tls: nor wss:");
  if (configuration.listening.dns.empty()) remarks.push_back("dns.listen is empty: phones cannot learn of this branch device through it");
  if (settings.dns.upstream.empty())
    remarks.push_back("dns.upstream is empty and /etc/resolv.conf names nobody else: the central servers will not be found");
  if (settings.central.probe_interval * settings.central.down_after > 60s)
    remarks.push_back("central.probe_interval times central.down_after is above 60s: phones wait that long for their branch");
  const std::string& zone = machine.time_zone;
  if (settings.ringing.calendar.zone.name == "UTC" && !zone.empty() && zone != "UTC" && !zone.ends_with("/UTC"))
    remarks.push_back(fmt::format("schedules of ringing go by UTC, but this machine's time zone is {}: see ringing.time_zone", zone));
  if (configuration.store_path.empty())
    remarks.push_back("store.url is \"memory:\": a restart forgets registrations and learnt DNS records");
  return remarks;
}

}  // namespace ringhold::app
