#include <algorithm>

#include "nameserver/nameserver.hpp"

namespace ringhold::nameserver {

namespace {

/// The type that a signature covers (RFC 4034 §3.1.1); zero for other records.
std::uint16_t covered_type(const dns::Record& record) {
  return record.type == dns::type::rrsig && record.data.size() >= 2 ? dns::read_word(record.data, 0) : std::uint16_t{0};
}

std::uint32_t counted_down(std::uint32_t ttl, Duration passed) {
  const auto seconds = static_cast<std::uint64_t>(std::max<Duration>(passed, Duration::zero()) / 1s);
  return ttl > seconds ? static_cast<std::uint32_t>(ttl - seconds) : 0;
}

}  // namespace

void Nameserver::give(const Client& client, const Composition& composition, Instant now, Outbox& outbox) {
  const auto begin = outbox.bytes().size();
  write_answer(outbox.bytes(), client, composition);
  sent(client, begin, now, outbox);
}

void Nameserver::give_empty(const Client& client, dns::Rcode rcode, std::optional<dns::ExtendedError> error, Instant now, Outbox& outbox) {
  Composition empty;
  empty.rcode = rcode;
  empty.error = error;
  give(client, empty, now, outbox);
}

void Nameserver::give_records(const Client& client, const RecordSet& set, std::uint32_t ttl, Instant now, Outbox& outbox) {
  Composition composition;
  for (const Text& data : set.data) composition.add(dns::Section::answer, client.question.name, set.type, ttl, data);
  if (set.expires_at <= now) composition.error = dns::ExtendedError::stale_answer;
  give(client, composition, now, outbox);
}

void Nameserver::give_cached(const Client& client, const CachedAnswer& answer, Age age, Instant now, Outbox& outbox) {
  const bool stale = age.source == Source::stale_cache;
  const auto error = stale ? std::optional{dns::ExtendedError::stale_answer} : std::nullopt;
  const auto begin = outbox.bytes().size();
  append_cached(outbox.bytes(), answer, client.id, client.question, client.recursion_desired, age.passed,
                stale ? std::optional{stale_ttl} : std::nullopt);
  // DIS-06: what upstream just said passes as it is. What is only remembered is no word of an authority, and it is ours.
  if (age.source != Source::upstream) {
    const std::uint16_t flags = dns::read_word(outbox.bytes(), begin + 2);
    dns::write_word(outbox.bytes(), begin + 2, static_cast<std::uint16_t>((flags & ~dns::flag::aa) | dns::flag::ra));
  }
  if (client.edns) dns::append_edns(outbox.bytes(), begin, client.dnssec_ok(), error);
  const std::size_t most = dns::largest_answer(client.destination.transport == Transport::tcp, client.edns);
  if (outbox.bytes().size() - begin > most) {
    outbox.bytes().resize(begin);
    Composition composition;
    composition.rcode = answer.rcode;
    composition.error = error;
    if (auto message = dns::Message::parse(answer.bytes)) {
      composition.flags = message->flags & (dns::flag::ad | (age.source == Source::upstream ? dns::flag::aa : 0U));
      for (dns::Record& record : message->records) {
        record.ttl = stale ? stale_ttl : counted_down(record.ttl, age.passed);
        composition.records.push_back(std::move(record));
      }
    }
    write_answer(outbox.bytes(), client, composition);
  }
  sent(client, begin, now, outbox);
}

bool Nameserver::give_services(const Client& client, const dns::Message& answer, Age age, Instant now, Outbox& outbox) {
  const auto listener = injectable(client.question.name, domain_, settings_.listeners);
  if (!listener || client.question.type != dns::type::srv || client.question.record_class != dns::class_in || own_name_.is_root())
    return false;
  const dns::Name owner = last_alias(answer, client.question.name);  // DIS-07
  const bool stale = age.source == Source::stale_cache;
  std::uint32_t ttl = UINT32_MAX;
  std::vector<dns::Srv> central;
  Composition composition;
  for (const dns::Record& record : answer.records) {
    const bool in_answer = record.section == dns::Section::answer;
    const std::uint32_t left = stale ? stale_ttl : counted_down(record.ttl, age.passed);
    if (in_answer) ttl = std::min(ttl, left);
    if (in_answer && record.type == dns::type::srv && record.name == owner) {
      auto srv = dns::Srv::parse(record.data);
      if (!srv || srv->target.is_root()) return false;  // `.`: the service is decidedly not available
      if (central.size() < Learnt::max_records) central.push_back(std::move(*srv));
      continue;
    }
    if (record.name == owner && covered_type(record) == dns::type::srv) continue;  // D9: it signs what we alter
    if (stale && record.type == dns::type::rrsig) continue;
    composition.records.push_back(record);
    composition.records.back().ttl = left;
  }
  if (central.empty()) {  // D3
    if (!settings_.inject_when_empty) return false;
    // What proves that there is nothing would contradict us.
    std::erase_if(composition.records, [](const dns::Record& one) { return one.section == dns::Section::authority; });
  }
  if (stale) composition.error = dns::ExtendedError::stale_answer;
  // D2 and DIS-10 set no lower bound; what is built has its 30 s (DIS-16).
  if (order_in_doubt_ && !stale) ttl = std::min(ttl, doubtful_ttl);
  give_injected(client, std::move(composition), owner, std::move(central), std::min(ttl, 0x7fff'ffffU), *listener, now, outbox);
  return true;
}

void Nameserver::give_built_services(const Client& client, const Target& listener, Instant now, Outbox& outbox) {
  std::vector<dns::Srv> central;
  if (const RecordSet* set = learnt_.find(client.question.name, dns::type::srv))
    for (const Text& data : set->data)
      if (auto srv = dns::Srv::parse(data)) central.push_back(std::move(*srv));
  give_injected(client, {}, client.question.name, std::move(central), stale_ttl, listener, now, outbox);
}

void Nameserver::give_injected(const Client& client, Composition composition, const dns::Name& owner, std::vector<dns::Srv> central,
                               std::uint32_t ttl, const Target& listener, Instant now, Outbox& outbox) {
  const Injected injected = inject(std::move(central), own_name_, listener.endpoint.port, order_);
  if (injected.priority_exhausted && !std::exchange(told_priority_exhausted_, true))
    outbox.note({"dns_priority_exhausted", {{"name", owner.text()}}, Severity::warning});
  // DIS-10: one TTL for the whole set; at most 30 s while we stand first, since each dead target costs a phone 32 s (D7).
  std::uint32_t lifetime = std::min(ttl, seconds_ceil(settings_.ttl_max));
  if (order_ != Order::ours_last) lifetime = std::min(lifetime, stale_ttl);
  for (dns::Record& record : composition.records)
    if (record.section == dns::Section::answer) record.ttl = std::min(record.ttl, lifetime);
  for (const dns::Srv& record : injected.records) composition.add(dns::Section::answer, owner, dns::type::srv, lifetime, record.data());
  // Our address first: if the client's buffer ends the Additional section, or he stops reading, that one counts most.
  if (injected.added) add_own_addresses(composition, client, lifetime);
  for (const dns::Srv& record : injected.records)
    if (!(record.target == own_name_)) add_target_addresses(composition, record.target, lifetime, now);
  give(client, composition, now, outbox);
}

/// Unless upstream sent them along. Stale addresses only while there are no better ones (RFC 8767).
void Nameserver::add_target_addresses(Composition& composition, const dns::Name& target, std::uint32_t ttl, Instant now) const {
  if (composition.has(target, dns::type::a) || composition.has(target, dns::type::aaaa)) return;
  for (const std::uint16_t type : {dns::type::a, dns::type::aaaa}) {
    const RecordSet* set = learnt_.find(target, type);
    if (set == nullptr) continue;
    const bool fresh = set->expires_at > now;
    if (!fresh && !is_lost(Loss::suspected)) continue;
    for (const Text& data : set->data)
      composition.add(dns::Section::additional, target, type, std::min(ttl, fresh ? seconds_left(*set, now) : stale_ttl), data);
  }
}

}  // namespace ringhold::nameserver
