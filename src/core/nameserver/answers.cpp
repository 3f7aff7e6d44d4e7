#include <algorithm>

#include "nameserver/nameserver.hpp"

namespace ringhold::nameserver {

namespace {

/// RDATA of the HINFO that answers ANY (RFC 8482 §4.2): CPU "RFC8482", no OS.
constexpr std::string_view any_data{"\x07RFC8482\x00", 9};
constexpr std::uint16_t hinfo = 13;
constexpr std::uint32_t own_name_ttl = 60;

std::uint32_t remaining(const RecordSet& set, Instant now) { return set.expires_at > now ? seconds_ceil(set.expires_at - now) : 0; }

Text address_data(const Address& address) {
  const auto bytes = address.bytes();
  return Text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::uint16_t Nameserver::response_flags(const Client& client, dns::Rcode rcode) const {
  return static_cast<std::uint16_t>(dns::flag::qr | dns::flag::ra | (client.recursion_desired ? dns::flag::rd : 0U) |
                                    (client.checking_disabled ? dns::flag::cd : 0U) | static_cast<unsigned>(rcode));
}

void Nameserver::send(const Client& client, std::size_t begin, Instant now, Outbox& outbox) {
  const Duration took = now - client.asked_at;
  const auto bucket = std::ranges::find_if(Counters::bounds_ms, [&](std::int64_t bound) { return took <= std::chrono::milliseconds{bound}; });
  ++counters_.latency[static_cast<std::size_t>(bucket - Counters::bounds_ms.begin())];
  counters_.latency_sum += std::chrono::duration<double>(took).count();
  outbox.sent(begin, client.destination);
}

void Nameserver::answer_query(const Client& client, bool checking_disabled, Instant now, Outbox& outbox) {
  const dns::Question& question = client.question;
  if (question.type == dns::type::any) {
    const auto begin = outbox.bytes().size();
    dns::Builder builder{outbox.bytes(), client.id, response_flags(client, dns::Rcode::no_error), question};
    builder.add(dns::Section::answer, question.name, hinfo, 3600, any_data);
    if (client.edns) builder.add_edns(client.dnssec_ok(), std::nullopt);
    ++counters_.own;
    return send(client, begin, now, outbox);
  }
  if (question.record_class == dns::class_in && answer_own_name(client, now, outbox)) return;
  const CacheKey key{question, client.dnssec_ok(), checking_disabled};
  if (answer_from_cache(client, key, now, outbox)) return;
  const bool sip_name = injectable(question.name, domain_, settings_.listeners) || question.name == domain_ || learnt_.is_target(question.name);
  if (is_down(sip_name)) return answer_without_upstream(client, key, now, outbox);
  forward(question, client.dnssec_ok(), checking_disabled, &client, now, outbox);
}

bool Nameserver::answer_own_name(const Client& client, Instant now, Outbox& outbox) {
  const dns::Question& question = client.question;
  if (!(question.name == own_name_)) return false;
  const auto begin = outbox.bytes().size();
  dns::Builder builder{outbox.bytes(), client.id, static_cast<std::uint16_t>(response_flags(client, dns::Rcode::no_error) | dns::flag::aa), question};
  // D4: the address by which the client reached us comes first.
  std::vector<Address> addresses = settings_.branch_addresses;
  std::ranges::stable_partition(addresses, [&](const Address& one) { return one == client.destination.local.address; });
  for (const Address& address : addresses)
    if ((question.type == dns::type::a && address.is_v4()) || (question.type == dns::type::aaaa && !address.is_v4()))
      builder.add(dns::Section::answer, question.name, question.type, own_name_ttl, address_data(address));
  if (client.edns) builder.add_edns(client.dnssec_ok(), std::nullopt);
  ++counters_.own;
  send(client, begin, now, outbox);
  return true;
}

bool Nameserver::answer_from_cache(const Client& client, const CacheKey& key, Instant now, Outbox& outbox) {
  if (const CachedAnswer* cached = cache_.find(key); cached != nullptr && cached->expires_at > now) {
    const auto message = dns::Message::parse(cached->bytes);
    if (message && give_if_services(client, *message, now - cached->stored_at, std::nullopt, now, outbox)) return true;
    ++counters_.cached;
    give(client, *cached, std::nullopt, now, outbox);
    return true;
  }
  // D5: addresses of central servers are also known from Additional sections. A DNSSEC-minded client wants the real answer.
  const bool is_address = client.question.type == dns::type::a || client.question.type == dns::type::aaaa;
  const RecordSet* set = is_address && !client.dnssec_ok() ? learnt_.find(client.question.name, client.question.type) : nullptr;
  if (set == nullptr || set->expires_at <= now) return false;
  ++counters_.cached;
  give_records(client, *set, remaining(*set, now), now, outbox);
  return true;
}

void Nameserver::answer_without_upstream(const Client& client, const CacheKey& key, Instant now, Outbox& outbox) {
  const dns::Question& question = client.question;
  const CachedAnswer* cached = cache_.find(key);
  const bool usable = cached != nullptr && cached->expires_at + Cache::keep_stale > now;
  if (const auto listener = injectable(question.name, domain_, settings_.listeners); listener && question.type == dns::type::srv) {
    if (usable) {
      const auto message = dns::Message::parse(cached->bytes);
      if (message && give_if_services(client, *message, Duration::zero(), stale_ttl, now, outbox)) return;
    }
    const RecordSet* set = learnt_.find(question.name, dns::type::srv);
    const RecordSet nothing{question.name, dns::type::srv, {}, stale_ttl, now};
    ++counters_.built;
    return give_services(client, {}, set != nullptr ? *set : nothing, stale_ttl, *listener, now, outbox);
  }
  if (usable) {
    ++counters_.stale;
    return give(client, *cached, stale_ttl, now, outbox);
  }
  if (const RecordSet* set = learnt_.find(question.name, question.type)) {
    ++counters_.built;
    return give_records(client, *set, stale_ttl, now, outbox);
  }
  // Phones ask NAPTR first and give up on an error, but go on to SRV when there is none (RFC 3263 §4.1; DIS-16).
  if (question.type == dns::type::naptr && question.name == domain_) {
    ++counters_.built;
    return give_empty(client, dns::Rcode::no_error, std::nullopt, now, outbox);
  }
  ++counters_.failed;
  give_empty(client, dns::Rcode::serv_fail, upstream_state_ == UpstreamState::refused ? dns::ExtendedError::network_error
                                                                                     : dns::ExtendedError::no_reachable_authority, now, outbox);
}

void Nameserver::give(const Client& client, const CachedAnswer& answer, std::optional<std::uint32_t> stale, Instant now, Outbox& outbox) {
  const auto begin = outbox.bytes().size();
  append_cached(outbox.bytes(), answer, client.id, client.question, client.recursion_desired, now - answer.stored_at, stale);
  if (client.edns) dns::append_edns(outbox.bytes(), begin, client.dnssec_ok(), stale ? std::optional{dns::ExtendedError::stale_answer} : std::nullopt);
  const bool over_tcp = client.destination.transport == Transport::tcp;
  if (outbox.bytes().size() - begin > dns::largest_answer(over_tcp, client.edns)) {
    outbox.bytes().resize(begin);
    dns::Builder builder{outbox.bytes(), client.id, static_cast<std::uint16_t>(response_flags(client, answer.rcode) | dns::flag::tc), client.question};
    if (client.edns) builder.add_edns(client.dnssec_ok(), std::nullopt);
  }
  send(client, begin, now, outbox);
}

void Nameserver::give_records(const Client& client, const RecordSet& set, std::uint32_t ttl, Instant now, Outbox& outbox) {
  const auto begin = outbox.bytes().size();
  dns::Builder builder{outbox.bytes(), client.id, response_flags(client, dns::Rcode::no_error), client.question};
  for (const Text& data : set.data) builder.add(dns::Section::answer, client.question.name, set.type, ttl, data);
  if (client.edns) builder.add_edns(client.dnssec_ok(), std::nullopt);
  send(client, begin, now, outbox);
}

void Nameserver::give_empty(const Client& client, dns::Rcode rcode, std::optional<dns::ExtendedError> error, Instant now, Outbox& outbox) {
  const auto begin = outbox.bytes().size();
  dns::Builder builder{outbox.bytes(), client.id, response_flags(client, rcode), client.question};
  if (client.edns) builder.add_edns(client.dnssec_ok(), error);
  send(client, begin, now, outbox);
}

bool Nameserver::give_if_services(const Client& client, const dns::Message& answer, Duration age, std::optional<std::uint32_t> stale, Instant now,
                                  Outbox& outbox) {
  const auto listener = injectable(client.question.name, domain_, settings_.listeners);
  if (!listener || client.question.type != dns::type::srv || client.question.record_class != dns::class_in) return false;
  RecordSet services{client.question.name, dns::type::srv, {}, UINT32_MAX, now};
  std::vector<RecordSet> aliases;
  for (const dns::Record& record : answer.records) {
    if (record.section != dns::Section::answer) continue;
    if (record.type == dns::type::cname) {
      aliases.push_back({record.name, record.type, {record.data}, record.ttl, now});
      std::size_t offset = 0;
      if (const auto target = dns::Name::read(record.data, offset)) services.name = *target;   // DIS-07: the last CNAME's target
    } else if (record.type == dns::type::srv && services.data.size() < Learnt::max_records) {
      services.name = record.name;
      services.data.push_back(record.data);
    }
    services.ttl = std::min(services.ttl, record.ttl);
  }
  if (services.data.empty() && !settings_.inject_when_empty) return false;   // D3
  if (services.data.empty()) services.ttl = stale_ttl;
  const auto passed = static_cast<std::uint32_t>(age / 1s);
  const std::uint32_t left = services.ttl > passed ? services.ttl - passed : 0;
  const bool plain = services.data.size() == 1 && dns::Srv::parse(services.data.front()) && dns::Srv::parse(services.data.front())->target.is_root();
  if (plain) return false;                                                    // `.`: the service is decidedly not available
  if (stale) ++counters_.built;
  else ++counters_.injected;
  give_services(client, aliases, services, stale ? stale : std::optional{left}, *listener, now, outbox);
  return true;
}

void Nameserver::give_services(const Client& client, const std::vector<RecordSet>& aliases, const RecordSet& services, std::optional<std::uint32_t> ttl,
                               const Target& listener, Instant now, Outbox& outbox) {
  std::vector<dns::Srv> central;
  for (const Text& data : services.data)
    if (auto srv = dns::Srv::parse(data)) central.push_back(std::move(*srv));
  const Injected injected = inject(std::move(central), own_name_, listener.endpoint.port, order_);
  // DIS-10: one TTL for the whole set; at most 30 s while we stand first, since each dead target costs a phone 32 s (D7).
  std::uint32_t limit = seconds_ceil(settings_.ttl_max);
  if (order_ != Order::ours_last) limit = std::min(limit, stale_ttl);
  const std::uint32_t lifetime = std::min(ttl.value_or(stale_ttl), limit);
  const bool over_tcp = client.destination.transport == Transport::tcp;
  const std::size_t most = dns::largest_answer(over_tcp, client.edns) - (client.edns ? 17U : 0U);
  const auto begin = outbox.bytes().size();
  dns::Builder builder{outbox.bytes(), client.id, response_flags(client, dns::Rcode::no_error), client.question};
  for (const RecordSet& alias : aliases) builder.add(dns::Section::answer, alias.name, alias.type, std::min(alias.ttl, lifetime), alias.data.front());
  for (const dns::Srv& record : injected.records) builder.add(dns::Section::answer, services.name, dns::type::srv, lifetime, record.data());
  const std::size_t without_additional = builder.size();
  const std::uint16_t added = add_addresses(builder, injected.records, lifetime, now);
  if (builder.size() > most) builder.cut_additional(without_additional, added);
  if (builder.size() > most) {
    outbox.bytes().resize(begin);
    dns::Builder truncated{outbox.bytes(), client.id, static_cast<std::uint16_t>(response_flags(client, dns::Rcode::no_error) | dns::flag::tc),
                           client.question};
    if (client.edns) truncated.add_edns(client.dnssec_ok(), std::nullopt);
  } else if (client.edns) {
    builder.add_edns(client.dnssec_ok(), std::nullopt);
  }
  send(client, begin, now, outbox);
}

std::uint16_t Nameserver::add_addresses(dns::Builder& builder, const std::vector<dns::Srv>& services, std::uint32_t ttl, Instant now) const {
  std::uint16_t added = 0;
  for (const dns::Srv& service : services) {
    if (service.target == own_name_) {
      for (const Address& address : settings_.branch_addresses) {
        builder.add(dns::Section::additional, own_name_, address.is_v4() ? dns::type::a : dns::type::aaaa, ttl, address_data(address));
        ++added;
      }
      continue;
    }
    for (const std::uint16_t type : {dns::type::a, dns::type::aaaa}) {
      const RecordSet* set = learnt_.find(service.target, type);
      if (set == nullptr) continue;
      const bool fresh = set->expires_at > now;
      if (!fresh && !is_down(true)) continue;
      for (const Text& data : set->data) {
        builder.add(dns::Section::additional, service.target, type, fresh ? std::min(ttl, remaining(*set, now)) : std::min(ttl, stale_ttl), data);
        ++added;
      }
    }
  }
  return added;
}

}  // namespace ringhold::nameserver
