#include <algorithm>

#include "nameserver/nameserver.hpp"

namespace ringhold::nameserver {

namespace {

/// RDATA of the HINFO that answers ANY (RFC 8482 §4.2): CPU "RFC8482", no OS.
constexpr std::string_view any_data{"\x07RFC8482\x00", 9};
constexpr std::uint16_t hinfo = 13;
constexpr std::uint32_t any_ttl = 3600;

/// When the TTLs of an answer of that age count down next.
Instant next_second(const CachedAnswer& answer, Instant now) {
  const auto passed = std::chrono::floor<std::chrono::seconds>(now - answer.stored_at);
  return std::min(answer.stored_at + passed + 1s, answer.expires_at);
}

bool asks_address(const dns::Question& question) { return question.type == dns::type::a || question.type == dns::type::aaaa; }

}  // namespace

bool Nameserver::answer_ready(const Packet& packet, const dns::PlainQuery& query, Instant now, Outbox& outbox) {
  const ReadyAnswers::Answer* ready = ready_.find(query, packet.transport, now);
  if (ready == nullptr) return false;
  const auto begin = outbox.bytes().size();
  append_ready(outbox.bytes(), *ready, query);
  outbox.sent(begin, {Protocol::dns, packet.transport, packet.flow, packet.local, packet.remote});
  count(ready->kind);
  ++counters_.latency.front();
  return true;
}

bool Nameserver::is_sip_name(const dns::Question& question) const {
  return question.record_class == dns::class_in &&
         (injectable(question.name, domain_, settings_.listeners) || question.name == domain_ || learnt_.is_target(question.name));
}

void Nameserver::count(AnswerKind kind) {
  switch (kind) {
    case AnswerKind::own: ++counters_.own; break;
    case AnswerKind::cached: ++counters_.cached; break;
    case AnswerKind::injected: ++counters_.injected; break;
    case AnswerKind::built: ++counters_.built; break;
    case AnswerKind::stale: ++counters_.stale; break;
    case AnswerKind::failed: ++counters_.failed; break;
  }
}

void Nameserver::sent(const Client& client, std::size_t begin, Instant now, Outbox& outbox) {
  const Duration took = now - client.asked_at;
  const auto bucket =
      std::ranges::find_if(Counters::bounds_ms, [&](std::int64_t bound) { return took <= std::chrono::milliseconds{bound}; });
  ++counters_.latency[static_cast<std::size_t>(bucket - Counters::bounds_ms.begin())];
  counters_.latency_sum += std::chrono::duration<double>(took).count();
  outbox.sent(begin, client.destination);
}

std::optional<Nameserver::Given> Nameserver::answer_query(const Client& client, Instant now, Outbox& outbox) {
  const dns::Question& question = client.question;
  std::optional<Given> given;
  if (question.type == dns::type::any) {
    Composition minimal;
    minimal.add(dns::Section::answer, question.name, hinfo, any_ttl, any_data);
    give(client, minimal, now, outbox);
    given = {AnswerKind::own, now + 1s};
  } else if (question.record_class == dns::class_in && question.name == own_name_ && !own_name_.is_root()) {
    answer_own_name(client, now, outbox);
    given = {AnswerKind::own, settings_.branch_addresses.size() > 1 ? now : now + 1s};  // their order is each client's own
  } else if (given = answer_from_cache(client, now, outbox); !given) {
    if (!is_lost(is_sip_name(question) ? Loss::suspected : Loss::confirmed)) {
      forward(question, &client, now, outbox);
      return std::nullopt;
    }
    given = {answer_without_upstream(client, now, outbox), now + 1s};
  }
  count(given->kind);
  return given;
}

std::optional<Nameserver::Given> Nameserver::answer_from_cache(const Client& client, Instant now, Outbox& outbox) {
  const dns::Question& question = client.question;
  const CacheKey key{question, client.dnssec_ok(), client.checking_disabled};
  if (const CachedAnswer* cached = cache_of(question).find(key); cached != nullptr && cached->expires_at > now) {
    const Instant until = next_second(*cached, now);
    const Age age{Source::cache, now - cached->stored_at};
    if (const auto message = dns::Message::parse(cached->bytes); message && give_services(client, *message, age, now, outbox))
      return Given{AnswerKind::injected, until};
    give_cached(client, *cached, age, now, outbox);
    return Given{AnswerKind::cached, until};
  }
  // D5: addresses of central servers are also known from Additional sections. Who wants signatures is asked for them.
  const RecordSet* set = asks_address(question) && !client.dnssec_ok() ? learnt_.find(question.name, question.type) : nullptr;
  if (set == nullptr || set->expires_at <= now) return std::nullopt;
  const std::uint32_t ttl = seconds_left(*set, now);
  give_records(client, *set, ttl, now, outbox);
  return Given{AnswerKind::cached, set->expires_at - std::chrono::seconds{ttl}};
}

AnswerKind Nameserver::answer_without_upstream(const Client& client, Instant now, Outbox& outbox) {
  const dns::Question& question = client.question;
  Cache& cache = cache_of(question);
  const CachedAnswer* cached = cache.find(CacheKey{question, client.dnssec_ok(), client.checking_disabled});
  if (cached == nullptr) cached = cache.find(CacheKey{question, false, false});
  if (cached != nullptr && cached->expires_at + Cache::keep_stale <= now) cached = nullptr;
  const bool in_class = question.record_class == dns::class_in;
  const auto listener = injectable(question.name, domain_, settings_.listeners);
  if (listener && in_class && question.type == dns::type::srv) {
    const auto message = cached != nullptr ? dns::Message::parse(cached->bytes) : Result<dns::Message>{std::unexpected(Error{})};
    if (!message || !give_services(client, *message, {Source::stale_cache, now - cached->stored_at}, now, outbox))
      give_built_services(client, *listener, now, outbox);
    return AnswerKind::built;
  }
  if (cached != nullptr) {
    give_cached(client, *cached, {Source::stale_cache, now - cached->stored_at}, now, outbox);
    return AnswerKind::stale;
  }
  if (const RecordSet* set = in_class ? learnt_.find(question.name, question.type) : nullptr) {
    give_records(client, *set, stale_ttl, now, outbox);
    return AnswerKind::built;
  }
  // Phones ask NAPTR first and give up on an error, but go on to SRV when there is none (RFC 3263 §4.1; DIS-16).
  if (in_class && question.type == dns::type::naptr && question.name == domain_) {
    give_empty(client, dns::Rcode::no_error, std::nullopt, now, outbox);
    return AnswerKind::built;
  }
  const bool refused = upstream_state_ == UpstreamState::refused;
  give_empty(client, dns::Rcode::serv_fail, refused ? dns::ExtendedError::network_error : dns::ExtendedError::no_reachable_authority, now,
             outbox);
  return AnswerKind::failed;
}

}  // namespace ringhold::nameserver
