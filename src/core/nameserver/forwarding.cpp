#include <algorithm>

#include "nameserver/nameserver.hpp"

namespace ringhold::nameserver {

namespace {

constexpr unsigned most_attempts = 2;
constexpr unsigned failures_until_down = 2;   // one lost packet must not make other names fail

/// The answer without its OPT record: that one is between upstream and us (D10).
Text without_edns(std::string_view bytes, const dns::Message& answer) {
  if (!answer.edns) return Text{bytes};
  if (answer.opt_is_last) {
    Text cut{bytes.substr(0, answer.opt_offset)};
    const auto count = static_cast<std::uint16_t>(static_cast<unsigned char>(cut[10]) << 8U | static_cast<unsigned char>(cut[11]));
    dns::write_word(cut, 10, static_cast<std::uint16_t>(count - 1));
    return cut;
  }
  Text rebuilt;
  dns::Builder builder{rebuilt, answer.id, answer.flags, answer.questions.front()};
  for (const dns::Record& record : answer.records) builder.add(record.section, record.name, record.type, record.ttl, record.data);
  return rebuilt;
}

}  // namespace

bool Nameserver::is_down(bool for_sip_name) const {
  // For the SIP names we have an answer of our own, so the first silence is enough; for others the second.
  return std::ranges::all_of(upstreams_, [&](const Upstream& one) { return one.failures >= (for_sip_name ? 1 : failures_until_down); });
}

std::optional<std::size_t> Nameserver::best_upstream(std::size_t tried) const {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < upstreams_.size(); ++i) {
    if (i == tried && upstreams_.size() > 1) continue;
    const auto rank = [&](std::size_t k) { return std::tuple{upstreams_[k].failures, upstreams_[k].rtt}; };
    if (!best || rank(i) < rank(*best)) best = i;
  }
  return best;
}

void Nameserver::forward(const dns::Question& question, bool dnssec_ok, bool checking_disabled, const Client* client, Instant now, Outbox& outbox) {
  const CacheKey key{question, dnssec_ok, checking_disabled};
  if (const auto found = pending_.find(key.text); found != pending_.end()) {
    Query& query = *queries_.find(found->second);
    if (client == nullptr) return;
    // A repetition by the same client with the same ID waits for the answer that is already his.
    const bool repeated = std::ranges::any_of(query.clients, [&](const Client& one) {
      return one.id == client->id && one.destination.remote == client->destination.remote && one.destination.flow == client->destination.flow;
    });
    if (repeated) return;
    if (query.clients.size() >= clients_per_query) { ++counters_.dropped; return; }
    query.clients.push_back(*client);
    return;
  }
  const Text address = client != nullptr ? client->destination.remote.address.text() : Text{};
  if (client != nullptr && in_flight_[address] >= limits::dns_queries_per_client) { ++counters_.dropped; return; }
  const QueryId id = upstreams_.empty() ? QueryId{} : queries_.insert();
  if (!id) {
    if (client != nullptr) give_empty(*client, dns::Rcode::serv_fail, std::nullopt, now, outbox);
    return;
  }
  if (client != nullptr) ++in_flight_[address];
  Query& query = *queries_.find(id);
  query.question = question;
  query.dnssec_ok = dnssec_ok;
  query.checking_disabled = checking_disabled;
  query.key = key.text;
  if (client != nullptr) query.clients.push_back(*client);
  query.answer_by = now + settings_.timeout;
  query.upstream = upstreams_.size();
  pending_.emplace(query.key, id);
  send_upstream(id, query, now, outbox);
}

void Nameserver::send_upstream(QueryId id, Query& query, Instant now, Outbox& outbox) {
  ++query.attempts;
  ++counters_.upstream_queries;
  if (!query.over_tcp) query.upstream = best_upstream(query.upstream).value_or(0);
  query.id = static_cast<std::uint16_t>(random_.next() >> 48U);
  query.sent_at = now;
  query.attempt_until = query.over_tcp || query.attempts >= most_attempts ? query.answer_by : std::min(query.answer_by, now + settings_.timeout / 2);
  const auto begin = outbox.bytes().size();
  const auto flags = static_cast<std::uint16_t>(dns::flag::rd | (query.checking_disabled ? dns::flag::cd : 0U));
  dns::Builder builder{outbox.bytes(), query.id, flags, query.question};
  builder.add_edns(query.dnssec_ok, std::nullopt);
  outbox.sent(begin, {Protocol::dns, query.over_tcp ? Transport::tcp : Transport::udp, upstream_flow(id.index), {},
                      upstreams_[query.upstream].endpoint});
  wheel_.add(query.attempt_until, id);
}

void Nameserver::receive_answer(const Packet& packet, Instant now, Outbox& outbox) {
  const QueryId id = queries_.id_at(static_cast<std::uint32_t>(packet.flow.number));
  Query* query = queries_.find(id);
  const auto answer = dns::Message::parse(packet.bytes);
  if (query == nullptr || !answer || !answer->is_response() || answer->id != query->id || answer->questions.size() != 1 ||
      !(answer->questions.front().name == query->question.name) || answer->questions.front().type != query->question.type ||
      packet.remote != upstreams_[query->upstream].endpoint) {
    ++counters_.dropped;
    return;
  }
  Upstream& upstream = upstreams_[query->upstream];
  const Duration took = now - query->sent_at;
  upstream.rtt = upstream.rtt == Duration::zero() ? took : (upstream.rtt * 7 + took) / 8;
  upstream.failures = 0;
  set_upstream_state(UpstreamState::answering, outbox);
  if ((answer->flags & dns::flag::tc) != 0 && !query->over_tcp) {
    query->over_tcp = true;
    outbox.close(upstream_flow(id.index));
    return send_upstream(id, *query, now, outbox);
  }
  const bool failed = answer->rcode() != dns::Rcode::no_error && answer->rcode() != dns::Rcode::nx_domain;
  if (failed && query->attempts < most_attempts && upstreams_.size() > 1 && query->answer_by > now) {
    outbox.close(upstream_flow(id.index));
    return send_upstream(id, *query, now, outbox);
  }
  answered(id, packet.bytes, *answer, now, outbox);
}

void Nameserver::answered(QueryId id, std::string_view bytes, const dns::Message& answer, Instant now, Outbox& outbox) {
  Query query = *queries_.find(id);
  finish(id, now, outbox);
  CachedAnswer fresh;
  fresh.bytes = without_edns(bytes, answer);
  const auto plain = dns::Message::parse(fresh.bytes);
  if (!plain) return;
  for (const dns::Record& record : plain->records) fresh.ttl_offsets.push_back(record.ttl_offset);
  fresh.rcode = plain->rcode();
  fresh.stored_at = now;
  fresh.expires_at = now;
  cache_.put(CacheKey{query.question, query.dnssec_ok, query.checking_disabled}, fresh.bytes, *plain, now);
  if (learnt_.learn(*plain, now, outbox)) learnt_changed_ = true;
  looked_up(query.question, true, now);
  plan_lookups(now);
  const bool failed = fresh.rcode != dns::Rcode::no_error && fresh.rcode != dns::Rcode::nx_domain;
  for (const Client& client : query.clients) {
    // A resolver that lost its own way says SERVFAIL: for the SIP names that is no answer (D6).
    if (failed && (injectable(query.question.name, domain_, settings_.listeners) || learnt_.find(query.question.name, query.question.type) != nullptr)) {
      answer_without_upstream(client, CacheKey{query.question, query.dnssec_ok, query.checking_disabled}, now, outbox);
      continue;
    }
    if (give_if_services(client, *plain, Duration::zero(), std::nullopt, now, outbox)) continue;
    ++counters_.forwarded;
    give(client, fresh, std::nullopt, now, outbox);
  }
}

void Nameserver::attempt_failed(QueryId id, bool refused, Instant now, Outbox& outbox) {
  Query& query = *queries_.find(id);
  query.refused = query.refused || refused;
  outbox.close(upstream_flow(id.index));
  if (query.attempts < most_attempts && query.answer_by > now && (!refused || upstreams_.size() > 1)) {
    query.over_tcp = false;
    return send_upstream(id, query, now, outbox);
  }
  for (Upstream& upstream : upstreams_)
    if (upstreams_.size() == 1 || &upstream == &upstreams_[query.upstream] || query.attempts >= upstreams_.size()) ++upstream.failures;
  if (is_down(true)) set_upstream_state(query.refused ? UpstreamState::refused : UpstreamState::silent, outbox);
  const Query ended = query;
  finish(id, now, outbox);
  looked_up(ended.question, false, now);
  const CacheKey key{ended.question, ended.dnssec_ok, ended.checking_disabled};
  for (const Client& client : ended.clients) answer_without_upstream(client, key, now, outbox);
}

void Nameserver::finish(QueryId id, Instant, Outbox& outbox) {
  const Query& query = *queries_.find(id);
  outbox.close(upstream_flow(id.index));
  if (!query.clients.empty()) {
    const auto found = in_flight_.find(query.clients.front().destination.remote.address.text());
    if (found != in_flight_.end() && --found->second == 0) in_flight_.erase(found);
  }
  pending_.erase(query.key);
  queries_.erase(id);
}

void Nameserver::set_upstream_state(UpstreamState state, Outbox& outbox) {
  if (state == upstream_state_) return;
  const bool answering = state == UpstreamState::answering;
  if (answering) outbox.note({"dns_upstream_answers", {}, Severity::info});
  else outbox.note({"dns_upstream_lost", {{"how", state == UpstreamState::refused ? "refused" : "silent"}}, Severity::warning});
  upstream_state_ = state;
}

}  // namespace ringhold::nameserver
