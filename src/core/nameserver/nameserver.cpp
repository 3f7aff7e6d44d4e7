#include "nameserver/nameserver.hpp"

#include <algorithm>

namespace ringhold::nameserver {

namespace {

constexpr Duration refusal_interval = 100ms;                  // ten REFUSED each second are enough to be understood (D11)
constexpr std::uint16_t kept_flags = 0x7800 | dns::flag::rd;  // opcode and RD come back

/// Types that are no data of a name: asked of a proxy they make no sense, or cost the upstream a whole zone.
bool is_meta(std::uint16_t type) { return type == dns::type::opt || (type >= 249 && type <= 254); }

dns::Name name_or_root(std::string_view text) { return dns::Name::from_text(text).value_or(dns::Name{}); }

Destination back_to(const Packet& packet) { return {Protocol::dns, packet.transport, packet.flow, packet.local, packet.remote}; }

Client client_of(const Packet& packet, const dns::Message& query, Instant now) {
  return Client{back_to(packet), query.id, query.questions.front(), (query.flags & dns::flag::rd) != 0, (query.flags & dns::flag::cd) != 0,
                query.edns,      now};
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
  const auto domain = name_or_root(settings.domain);
  if (!(domain == domain_)) {
    domain_ = domain;
    learnt_ = Learnt{domain_};
    learnt_changed_ = true;
  }
  settings_ = settings;
  own_name_ = name_or_root(settings.branch_name);
  std::vector<Upstream> kept;
  for (const Endpoint& endpoint : settings.upstreams) {
    const Upstream* same = find_upstream(endpoint);
    kept.push_back(same == nullptr ? Upstream{endpoint} : *same);
  }
  upstreams_ = std::move(kept);
  ready_.clear();
  start(now);
}

void Nameserver::restore(const Row& row, Instant now) {
  if (learnt_.restore(row, now)) learnt_changed_ = true;
}

void Nameserver::set_order(Order order) {
  if (order == order_) return;
  order_ = order;
  ready_.clear();
}

void Nameserver::set_order_in_doubt(bool in_doubt) {
  if (in_doubt != std::exchange(order_in_doubt_, in_doubt)) ready_.clear();
}

std::optional<Instant> Nameserver::next_expiry() const {
  const auto queries = wheel_.next();
  if (!queries || !lookups_due_) return queries ? queries : lookups_due_;
  return std::min(*queries, *lookups_due_);
}

void Nameserver::expire(Instant now, Outbox& outbox) {
  wheel_.expire(now, [&](QueryId id) {
    Query* query = queries_.find(id);
    if (query == nullptr) return;
    if (now >= query->give_up_at) {
      if (!query->late) go_late(id, now, outbox);
      return finish(id, outbox);
    }
    if (!query->late && now >= query->answer_by) go_late(id, now, outbox);
    if (now >= query->retry_at) {
      query->retry_at = Query::never;
      if (!query->late && !upstreams_.empty()) send_attempt(id, Transport::udp, next_upstream(*query), now, outbox);
    }
    wheel_.add(query->deadline(), id);
  });
  if (lookups_due_ && now >= *lookups_due_) start_lookups(now, outbox);
}

bool Nameserver::is_served(const Address& address) const {
  return std::ranges::any_of(settings_.networks, [&](const Network& network) { return network.contains(address); });
}

void Nameserver::receive(const Packet& packet, Instant now, Outbox& outbox) {
  if ((packet.flow.number & upstream_flow_bit) != 0)
    receive_answer(packet, now, outbox);
  else
    receive_query(packet, now, outbox);
}

void Nameserver::receive_query(const Packet& packet, Instant now, Outbox& outbox) {
  const auto head = dns::parse_head(packet.bytes);
  if (!head || (head->flags & dns::flag::qr) != 0) {  // an answer is never answered, or two servers would talk for ever
    ++counters_.dropped;
    return;
  }
  if (!is_served(packet.remote.address)) return refuse_outsider(packet, *head, now, outbox);
  if ((head->flags >> 11U & 15U) != 0) return refuse(packet, *head, dns::Rcode::not_imp, outbox);
  const auto plain = dns::PlainQuery::parse(packet.bytes);
  const bool version_0 = plain && (!plain->edns || plain->edns->version == 0);
  if (version_0 && answer_ready(packet, *plain, now, outbox)) return;
  if (head->question_count != 1) return refuse(packet, *head, dns::Rcode::form_err, outbox);
  const auto query = dns::Message::parse(packet.bytes);
  if (!query) return refuse(packet, *head, dns::Rcode::form_err, outbox);
  if (query->edns && query->edns->version != 0) return refuse_version(packet, *query, outbox);
  if (is_meta(query->questions.front().type)) return refuse(packet, *head, dns::Rcode::not_imp, outbox);
  const std::size_t begin = outbox.bytes().size();
  const auto given = answer_query(client_of(packet, *query, now), now, outbox);
  if (given && version_0) ready_.put(*plain, packet.transport, std::string_view{outbox.bytes()}.substr(begin), given->kind, given->until);
}

void Nameserver::refuse(const Packet& packet, const dns::Head& head, dns::Rcode rcode, Outbox& outbox) {
  ++counters_.malformed;
  std::string& out = outbox.bytes();
  const auto begin = out.size();
  const auto flags = static_cast<std::uint16_t>(dns::flag::qr | (head.flags & kept_flags) | static_cast<unsigned>(rcode));
  const auto plain = dns::PlainQuery::parse(packet.bytes);  // with the question, when there is a plain one
  for (const std::size_t value :
       {std::size_t{head.id}, std::size_t{flags}, std::size_t{plain ? 1U : 0U}, std::size_t{0}, std::size_t{0}, std::size_t{0}})
    dns::append_word(out, static_cast<std::uint16_t>(value));
  if (plain) {
    out.append(plain->name);
    dns::append_word(out, plain->type);
    dns::append_word(out, plain->record_class);
  }
  outbox.sent(begin, back_to(packet));
}

/// BADVERS is 16: its upper bits stand in the OPT record (RFC 6891 §6.1.3).
void Nameserver::refuse_version(const Packet& packet, const dns::Message& query, Outbox& outbox) {
  ++counters_.malformed;
  std::string& out = outbox.bytes();
  const auto begin = out.size();
  const auto flags = static_cast<std::uint16_t>(dns::flag::qr | dns::flag::ra | (query.flags & dns::flag::rd));
  dns::Builder builder{out, query.id, flags, query.questions.front()};
  builder.add_edns(false, std::nullopt);
  constexpr std::size_t ttl_from_end = 6;
  out[out.size() - ttl_from_end] = 1;
  outbox.sent(begin, back_to(packet));
}

void Nameserver::refuse_outsider(const Packet& packet, const dns::Head& head, Instant now, Outbox& outbox) {
  ++counters_.refused;
  if (now < refusals_from_) return;
  refusals_from_ = now + refusal_interval;
  refuse(packet, head, dns::Rcode::refused, outbox);
  --counters_.malformed;
  outbox.note({"dns_outsider_refused", {{"source", packet.remote.address.text()}}, Severity::debug});
}

std::vector<CentralServer> Nameserver::central_servers() const {
  const auto before = [](const CentralServer& a, const CentralServer& b) {
    return a.priority != b.priority ? a.priority < b.priority : a.weight > b.weight;
  };
  std::vector<CentralServer> servers;
  for (const Target& listener : settings_.listeners) {
    const auto owner = service_name(listener.transport, settings_.domain);
    const RecordSet* set = owner ? learnt_.find(*owner, dns::type::srv) : nullptr;
    if (set == nullptr) continue;
    for (const Text& data : set->data) {
      const auto srv = dns::Srv::parse(data);
      if (!srv || srv->target.is_root() || srv->target == own_name_) continue;
      for (const Address& address : addresses_of(srv->target.text())) {
        const Target target{listener.transport, {address, Port{srv->port}}};
        const bool known = std::ranges::any_of(servers, [&](const CentralServer& one) { return one.target == target; });
        if (known) continue;
        CentralServer server{srv->target.text(), target, srv->priority, srv->weight};
        servers.insert(std::ranges::upper_bound(servers, server, before), std::move(server));
      }
    }
  }
  return servers;
}

std::optional<dns::Message> Nameserver::known(const dns::Question& question, Instant now) const {
  const CachedAnswer* answer = (is_sip_name(question) ? sip_cache_ : cache_).find(CacheKey{question, false, false});
  if (answer == nullptr || (answer->expires_at <= now && !is_lost(Loss::suspected))) return std::nullopt;
  auto message = dns::Message::parse(answer->bytes);
  if (!message) return std::nullopt;
  return std::move(*message);
}

std::optional<Instant> Nameserver::fresh_until(const dns::Question& question) const {
  const CachedAnswer* answer = (is_sip_name(question) ? sip_cache_ : cache_).find(CacheKey{question, false, false});
  return answer != nullptr ? std::optional{answer->expires_at} : std::nullopt;
}

void Nameserver::look_up(const dns::Question& question, Instant now, Outbox& outbox) {
  forward(question, nullptr, now, outbox);
  const auto pending = pending_.find(CacheKey{question, false, false}.text);
  if (pending != pending_.end()) queries_.find(pending->second)->for_routing = true;
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
