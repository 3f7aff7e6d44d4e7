#include "nameserver/nameserver.hpp"

#include <algorithm>

namespace ringhold::nameserver {

namespace {

constexpr Duration refusal_interval = 100ms;   // ten REFUSED each second are enough to be understood (D11)

dns::Name name_or_root(std::string_view text) { return dns::Name::from_text(text).value_or(dns::Name{}); }

Client client_of(const Packet& packet, const dns::Message& query, Instant now) {
  return Client{Destination{Protocol::dns, packet.transport, packet.flow, packet.local, packet.remote},
                query.id,
                query.questions.front(),
                (query.flags & dns::flag::rd) != 0,
                (query.flags & dns::flag::cd) != 0,
                query.edns,
                now};
}

}  // namespace

Nameserver::Nameserver(const Settings& settings, Random& random)
    : settings_{settings},
      random_{random},
      domain_{name_or_root(settings.domain)},
      own_name_{name_or_root(settings.branch_name)},
      learnt_{domain_},
      queries_{limits::dns_queries_in_flight} {
  for (const Endpoint& endpoint : settings_.upstreams) upstreams_.push_back({endpoint});
}

void Nameserver::reconfigure(const Settings& settings, Instant now) {
  settings_ = settings;
  own_name_ = name_or_root(settings.branch_name);
  std::vector<Upstream> kept;
  for (const Endpoint& endpoint : settings.upstreams) {
    const auto same = std::ranges::find(upstreams_, endpoint, &Upstream::endpoint);
    kept.push_back(same == upstreams_.end() ? Upstream{endpoint} : *same);
  }
  upstreams_ = std::move(kept);
  start(now);
}

bool Nameserver::is_served(const Address& address) const {
  return std::ranges::any_of(settings_.networks, [&](const Network& network) { return network.contains(address); });
}

void Nameserver::refuse_outsider(const Packet& packet, const dns::Head& head, Instant now, Outbox& outbox) {
  ++counters_.refused;
  if (now < refusals_from_) return;
  refusals_from_ = now + refusal_interval;
  std::string& out = outbox.bytes();
  const auto begin = out.size();
  const auto flags = static_cast<std::uint16_t>(dns::flag::qr | (head.flags & (0x7800U | dns::flag::rd)) | static_cast<unsigned>(dns::Rcode::refused));
  for (const std::uint16_t value : {head.id, flags, std::uint16_t{0}, std::uint16_t{0}, std::uint16_t{0}, std::uint16_t{0}}) dns::append_word(out, value);
  outbox.sent(begin, {Protocol::dns, packet.transport, packet.flow, packet.local, packet.remote});
  outbox.note({"dns_outsider_refused", {{"source", packet.remote.address.text()}}, Severity::debug});
}

void Nameserver::receive(const Packet& packet, Instant now, Outbox& outbox) {
  if ((packet.flow.number & upstream_flow_bit) != 0) return receive_answer(packet, now, outbox);
  const auto head = dns::parse_head(packet.bytes);
  if (!head || (head->flags & dns::flag::qr) != 0) {   // an answer is never answered, or two servers would talk for ever
    ++counters_.dropped;
    return;
  }
  if (!is_served(packet.remote.address)) return refuse_outsider(packet, *head, now, outbox);
  const auto refuse = [&](dns::Rcode rcode) {
    ++counters_.malformed;
    std::string& out = outbox.bytes();
    const auto begin = out.size();
    const auto flags = static_cast<std::uint16_t>(dns::flag::qr | (head->flags & (0x7800U | dns::flag::rd)) | static_cast<unsigned>(rcode));
    for (const std::uint16_t value : {head->id, flags, std::uint16_t{0}, std::uint16_t{0}, std::uint16_t{0}, std::uint16_t{0}}) dns::append_word(out, value);
    outbox.sent(begin, {Protocol::dns, packet.transport, packet.flow, packet.local, packet.remote});
  };
  if ((head->flags >> 11U & 15U) != 0) return refuse(dns::Rcode::not_imp);
  if (head->question_count != 1) return refuse(dns::Rcode::form_err);
  const auto query = dns::Message::parse(packet.bytes);
  if (!query) return refuse(dns::Rcode::form_err);
  if (query->edns && query->edns->version != 0) {
    // BADVERS is 16: its upper bits stand in the OPT record (RFC 6891 §6.1.3).
    std::string& out = outbox.bytes();
    const auto begin = out.size();
    const auto flags = static_cast<std::uint16_t>(dns::flag::qr | (head->flags & dns::flag::rd));
    dns::Builder builder{out, head->id, flags, query->questions.front()};
    builder.add_edns(false, std::nullopt);
    out[out.size() - 6] = 1;
    outbox.sent(begin, {Protocol::dns, packet.transport, packet.flow, packet.local, packet.remote});
    return;
  }
  const Client client = client_of(packet, *query, now);
  answer_query(client, client.checking_disabled, now, outbox);
}

void Nameserver::expire(Instant now, Outbox& outbox) {
  wheel_.expire(now, [&](QueryId id) {
    if (!id) return start_lookups(now, outbox);
    Query* query = queries_.find(id);
    if (query == nullptr) return;
    if (query->attempt_until > now) return wheel_.add(query->attempt_until, id);
    attempt_failed(id, false, now, outbox);
  });
}

void Nameserver::upstream_changed(const FlowChange& change, Instant now, Outbox& outbox) {
  if (change.state == FlowState::opened || (change.flow.number & upstream_flow_bit) == 0) return;
  const QueryId id = queries_.id_at(static_cast<std::uint32_t>(change.flow.number));
  if (id) attempt_failed(id, change.state == FlowState::refused, now, outbox);
}

std::vector<CentralServer> Nameserver::central_servers() const {
  std::vector<CentralServer> servers;
  for (const Target& listener : settings_.listeners) {
    const Text owner = (listener.transport == Transport::tls ? "_sips._tcp." : "_sip._" + Text{name(listener.transport)} + ".") + settings_.domain;
    const auto owner_name = dns::Name::from_text(owner);
    const RecordSet* set = owner_name ? learnt_.find(*owner_name, dns::type::srv) : nullptr;
    if (set == nullptr) continue;
    for (const Text& data : set->data) {
      const auto srv = dns::Srv::parse(data);
      if (!srv || srv->target.is_root() || srv->target == own_name_) continue;
      for (const Address& address : addresses_of(srv->target.text())) {
        const Target target{listener.transport, {address, Port{srv->port}}};
        const bool known = std::ranges::any_of(servers, [&](const CentralServer& one) { return one.target == target; });
        if (!known) servers.push_back({srv->target.text(), target, srv->priority, srv->weight});
      }
    }
  }
  std::ranges::stable_sort(servers, [](const CentralServer& a, const CentralServer& b) {
    return a.priority != b.priority ? a.priority < b.priority : a.weight > b.weight;
  });
  return servers;
}

std::vector<Address> Nameserver::addresses_of(std::string_view host) const {
  std::vector<Address> addresses;
  const auto asked = dns::Name::from_text(host);
  if (!asked) return addresses;
  for (const std::uint16_t type : {dns::type::a, dns::type::aaaa})
    if (const RecordSet* set = learnt_.find(*asked, type))
      for (const Text& data : set->data)
        if (const auto address = dns::parse_address(type, data)) addresses.push_back(*address);
  return addresses;
}

}  // namespace ringhold::nameserver
