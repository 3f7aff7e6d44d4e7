#include "resolver/targets.hpp"

#include <algorithm>
#include <tuple>

#include "resolver/naptr.hpp"
#include "resolver/srv_order.hpp"

namespace ringhold::resolver {

namespace {

enum class Said : std::uint8_t { there, absent, unknown };

std::optional<dns::Name> service_name(Transport transport, std::string_view host) {
  const std::string_view service = transport == Transport::tls ? "_sips._tcp." : transport == Transport::tcp ? "_sip._tcp." : "_sip._udp.";
  return dns::Name::from_text(Text{service}.append(host));
}

/// One resolution under way.
class Walk {
 public:
  Walk(const Known& known, const Abilities& abilities, Random& random) : known_{known}, abilities_{abilities}, random_{random} {}

  Resolution result;

  bool speaks(Transport transport) const { return std::ranges::find(abilities_.transports, transport) != abilities_.transports.end(); }
  std::span<const Transport> transports() const { return abilities_.transports; }

  void add(const Target& target) {
    const bool family = target.endpoint.address.is_v4() ? abilities_.ipv4 : abilities_.ipv6;
    if (!family || !speaks(target.transport) || result.targets.size() >= max_targets) return;
    if (std::ranges::find(result.targets, target) == result.targets.end()) result.targets.push_back(target);
  }

  /// The records of the name, or of what it is an alias of.
  Said look(dns::Name name, std::uint16_t type, std::vector<const dns::Record*>& found) const {
    for (unsigned aliases = 0; aliases <= max_aliases; ++aliases) {
      const dns::Record* alias = nullptr;
      for (const dns::Record& record : known_.records) {
        if (record.record_class != dns::class_in || !(record.name == name)) continue;
        if (record.type == type)
          found.push_back(&record);
        else if (record.type == dns::type::cname)
          alias = &record;
      }
      if (!found.empty()) return Said::there;
      for (const dns::Question& question : known_.absent)
        if (question.type == type && question.name == name) return Said::absent;
      std::size_t offset = 0;
      auto next = alias != nullptr ? dns::Name::read(alias->data, offset) : std::unexpected(Error{});
      if (!next) return Said::unknown;
      name = std::move(*next);
    }
    return Said::absent;
  }

  /// Notes a question unless an earlier one must be answered first.
  void ask(const dns::Name& name, std::uint16_t type) {
    if (!waits_ && result.missing.size() < max_targets) result.missing.push_back({name, type, dns::class_in});
  }
  /// What follows depends on answers that are missing: it may be used, but nothing is asked for it.
  void wait_for_answers() { waits_ = waits_ || !result.missing.empty(); }

  /// RFC 3263 §4.2: A and AAAA.
  void add_addresses(const dns::Name& host, Transport transport, Port port) {
    const auto family = [&](std::uint16_t type) {
      std::vector<const dns::Record*> records;
      if (look(host, type, records) == Said::unknown) ask(host, type);
      for (const dns::Record* record : records)
        if (const auto address = dns::parse_address(type, record->data)) add({transport, {*address, port}});
    };
    if (abilities_.ipv6) family(dns::type::aaaa);
    if (abilities_.ipv4) family(dns::type::a);
  }

  /// The servers of a service, in the order of RFC 2782.
  Said add_services(const dns::Name& service, Transport transport) {
    std::vector<const dns::Record*> records;
    const Said said = look(service, dns::type::srv, records);
    if (said == Said::unknown) ask(service, dns::type::srv);
    std::vector<dns::Srv> servers;
    for (const dns::Record* record : records)
      if (auto server = dns::Srv::parse(record->data); server && !server->target.is_root()) servers.push_back(std::move(*server));
    order_srv(std::span{servers}, random_);
    for (const dns::Srv& server : servers) add_addresses(server.target, transport, Port{server.port});
    return said;
  }

  /// RFC 3263 §4.1: the first record in order and preference that leads to a transport we speak.
  bool add_by_naptr(const dns::Name& domain, bool secure) {
    std::vector<const dns::Record*> records;
    if (look(domain, dns::type::naptr, records) == Said::unknown) ask(domain, dns::type::naptr);
    std::vector<Naptr> pointers;
    for (const dns::Record* record : records) {
      auto pointer = Naptr::parse(record->data);
      const auto transport = pointer ? pointer->transport() : std::nullopt;
      if (transport && speaks(*transport) && (!secure || *transport == Transport::tls)) pointers.push_back(std::move(*pointer));
    }
    wait_for_answers();
    if (pointers.empty()) return false;
    const auto first = std::ranges::min_element(pointers, {}, [](const Naptr& one) { return std::tuple{one.order, one.preference}; });
    return add_services(first->replacement, *first->transport()) != Said::absent;
  }

 private:
  const Known& known_;
  const Abilities& abilities_;
  Random& random_;
  bool waits_ = false;
};

/// Neither address nor port: SRV of the transport that is wanted, or of each that we speak.
void add_by_service(Walk& walk, const Wanted& wanted, std::string_view host) {
  bool there = false;
  for (const Transport transport : walk.transports()) {
    // §4.1: "_sips" for sips, "_sip" for sip; TLS for a sip URI only when it is asked for by name.
    if (wanted.transport ? transport != *wanted.transport : (transport == Transport::tls) != wanted.secure) continue;
    const auto service = service_name(transport, host);
    if (service && walk.add_services(*service, transport) == Said::there) there = true;
  }
  walk.wait_for_answers();
  if (there) return;
  const auto name = dns::Name::from_text(host);
  if (name && walk.speaks(wanted.usual_transport()))
    walk.add_addresses(*name, wanted.usual_transport(), wanted.usual_port(wanted.usual_transport()));
}

}  // namespace

std::optional<Wanted> wanted(const sip::Uri& uri) {
  if (!uri.is_sip() || uri.has_unknown_transport()) return std::nullopt;
  const auto maddr = uri.parameters.find("maddr");  // RFC 3261 §19.1.1: overrides the host
  Wanted result;
  result.host = maddr && !maddr->empty() ? *maddr : uri.host;
  if (uri.port) result.port = Port{*uri.port};
  result.secure = uri.scheme == sip::Scheme::sips;
  const auto parameter = uri.parameters.find("transport");
  if (parameter) result.transport = parse_transport(*parameter);
  if (!result.secure || !parameter) return result;
  // RFC 3261 §26.2.2: TLS all the way; "tcp" beside sips means TLS over TCP, and over UDP there is none.
  if (result.transport == Transport::udp) return std::nullopt;
  result.transport = Transport::tls;
  return result;
}

Resolution resolve(const Wanted& wanted, const Known& known, const Abilities& abilities, Random& random) {
  Walk walk{known, abilities, random};
  const Transport transport = wanted.usual_transport();
  if (const auto address = Address::parse(wanted.host)) {
    walk.add({transport, {*address, wanted.usual_port(transport)}});
    return std::move(walk.result);
  }
  const auto host = dns::Name::from_text(wanted.host);
  if (!host || host->is_root()) return {};
  if (wanted.port) {
    if (walk.speaks(transport)) walk.add_addresses(*host, transport, *wanted.port);
    return std::move(walk.result);
  }
  if (wanted.transport || !walk.add_by_naptr(*host, wanted.secure)) add_by_service(walk, wanted, wanted.host);
  return std::move(walk.result);
}

std::vector<Target> targets_of(const sip::Uri& uri, const Knowledge& knowledge) {
  std::vector<Target> targets;
  const auto want = wanted(uri);
  if (!want) return targets;
  const Transport transport = want->usual_transport();
  const Port port = want->usual_port(transport);
  if (const auto address = Address::parse(want->host)) return {Target{transport, {*address, port}}};
  if (!want->port && equal_ignoring_case(want->host, knowledge.domain)) {
    const auto narrowed = want->secure ? Transport::tls : want->transport;
    for (const KnownServer& server : knowledge.servers)
      if (!narrowed || server.target.transport == *narrowed) targets.push_back(server.target);
    return targets;
  }
  if (knowledge.addresses_of != nullptr)
    for (const Address& address : knowledge.addresses_of(knowledge.source, want->host)) targets.push_back({transport, {address, port}});
  return targets;
}

}  // namespace ringhold::resolver
