#include <algorithm>

#include "nameserver/nameserver.hpp"

namespace ringhold::nameserver {

namespace {

constexpr unsigned enough_failures = 2;  // one lost packet must not make other names fail

bool says_something(dns::Rcode rcode) { return rcode == dns::Rcode::no_error || rcode == dns::Rcode::nx_domain; }

bool answers(const dns::Message& answer, const Query& query, const Attempt& attempt) {
  if (!answer.is_response() || answer.id != attempt.id || answer.opcode() != 0 || answer.questions.size() != 1) return false;
  const dns::Question& question = answer.questions.front();
  return question.name == query.question.name && question.type == query.question.type &&
         question.record_class == query.question.record_class;
}

/// The answer without its OPT record: that one is between upstream and us (D10).
CachedAnswer without_edns(std::string_view bytes, const dns::Message& answer, Instant now) {
  CachedAnswer plain{.bytes = Text{bytes}, .ttl_offsets = {}, .rcode = answer.rcode(), .stored_at = now, .expires_at = now};
  if (!answer.edns || answer.opt_is_last) {
    if (answer.edns) {
      plain.bytes.resize(answer.opt_offset);
      dns::write_word(plain.bytes, 10, static_cast<std::uint16_t>(dns::read_word(plain.bytes, 10) - 1));
    }
    for (const dns::Record& record : answer.records) plain.ttl_offsets.push_back(record.ttl_offset);
    return plain;
  }
  plain.bytes.clear();
  dns::Builder builder{plain.bytes, answer.id, answer.flags, answer.questions.front()};
  for (const dns::Record& record : answer.records) {
    builder.add(record.section, record.name, record.type, record.record_class, record.ttl, record.data);
    plain.ttl_offsets.push_back(static_cast<std::uint32_t>(plain.bytes.size() - record.data.size() - 6));
  }
  return plain;
}

}  // namespace

void Nameserver::receive_answer(const Packet& packet, Instant now, Outbox& outbox) {
  const auto [id, query, attempt] = awaited(packet.flow);
  const auto answer = dns::Message::parse(packet.bytes);
  if (query == nullptr || packet.remote != attempt->upstream || !answer || !answers(*answer, *query, *attempt)) {
    ++counters_.dropped;
    return;
  }
  const Endpoint endpoint = attempt->upstream;
  if (Upstream* upstream = find_upstream(endpoint)) {
    const Duration took = now - attempt->sent_at;
    upstream->rtt = upstream->rtt == Duration::zero() ? took : (upstream->rtt * 7 + took) / 8;
    if (std::exchange(upstream->failures, 0) != 0) ready_.clear();
    upstream->answered_at = now;
  }
  set_upstream_state(UpstreamState::answering, now, outbox);
  if ((answer->flags & dns::flag::tc) != 0 && attempt->transport == Transport::udp) {
    end_attempt(*attempt, outbox);
    query->retry_at = Query::never;
    return send_attempt(id, Transport::tcp, endpoint, now, outbox);
  }
  end_attempt(*attempt, outbox);
  if (!says_something(answer->rcode())) {  // another may know better
    if (!query->late && has_untried(*query)) {
      query->retry_at = Query::never;
      return send_attempt(id, Transport::udp, next_upstream(*query), now, outbox);
    }
    if (query->any_open()) return;
  }
  answered(id, packet.bytes, *answer, now, outbox);
}

void Nameserver::answered(QueryId id, std::string_view bytes, const dns::Message& answer, Instant now, Outbox& outbox) {
  Query& query = *queries_.find(id);
  // Who let us wait so long that another was asked is not the best answering one any more.
  for (const Attempt& attempt : query.attempts)
    if (attempt.open && now - attempt.sent_at >= settings_.timeout / 2) count_failure(attempt);
  const dns::Question question = query.question;
  const CacheKey key{question, query.dnssec_ok, query.checking_disabled};
  const std::vector<Client> clients = query.clients;
  if (query.for_routing) looked_up_.push_back({question, answer});
  finish(id, outbox);
  const CachedAnswer fresh = without_edns(bytes, answer, now);
  if (learnt_.learn(question, answer, now, outbox)) {
    learnt_changed_ = true;
    ready_.clear();
  }
  cache_of(question).put(key, fresh, answer);
  looked_up(question, says_something(answer.rcode()) ? Lookup::Outcome::answered : Lookup::Outcome::failed, now);
  plan_lookups(now);
  for (const Client& client : clients) give_answer(client, fresh, answer, now, outbox);
}

void Nameserver::give_answer(const Client& client, const CachedAnswer& fresh, const dns::Message& answer, Instant now, Outbox& outbox) {
  // A resolver that has lost its own way says SERVFAIL: where we know more than nothing, that is no answer (D6, RFC 8767 §5).
  if (!says_something(answer.rcode()) && (is_sip_name(client.question) || answer.rcode() == dns::Rcode::serv_fail))
    return count(answer_without_upstream(client, now, outbox));
  if (give_services(client, answer, {}, now, outbox)) return count(AnswerKind::injected);
  ++counters_.forwarded;
  give_cached(client, fresh, {}, now, outbox);
}

void Nameserver::upstream_changed(const FlowChange& change, Instant now, Outbox& outbox) {
  if (change.state == FlowState::opened || (change.flow.number & upstream_flow_bit) == 0) return;
  const auto [id, query, attempt] = awaited(change.flow);
  if (query == nullptr) return;
  end_attempt(*attempt, outbox);
  if (Upstream* upstream = find_upstream(attempt->upstream); upstream != nullptr && attempt->transport == Transport::udp) {
    // It was said, not just not heard: that is enough at once (DIS-15).
    upstream->failures = std::max(upstream->failures, enough_failures);
    refused_last_ = true;
  }
  if (!query->late && has_untried(*query)) {
    query->retry_at = Query::never;
    return send_attempt(id, Transport::udp, next_upstream(*query), now, outbox);
  }
  if (query->any_open()) return;
  if (!query->late) go_late(id, now, outbox);
  finish(id, outbox);
}

Nameserver::Upstream* Nameserver::find_upstream(const Endpoint& endpoint) {
  const auto found = std::ranges::find(upstreams_, endpoint, &Upstream::endpoint);
  return found == upstreams_.end() ? nullptr : &*found;
}

void Nameserver::count_failure(const Attempt& attempt) {
  Upstream* upstream = find_upstream(attempt.upstream);
  // It answered others meanwhile: the name is slow, not the upstream dead.
  if (upstream == nullptr || upstream->answered_at > attempt.sent_at) return;
  ++upstream->failures;
  refused_last_ = false;
}

bool Nameserver::is_lost(Loss loss) const {
  const unsigned enough = loss == Loss::confirmed ? enough_failures : 1;
  return std::ranges::all_of(upstreams_, [&](const Upstream& one) { return one.failures >= enough; });
}

void Nameserver::assume_lost() {
  for (Upstream& upstream : upstreams_) upstream.failures = std::max(upstream.failures, 1U);
}

void Nameserver::set_upstream_state(UpstreamState state, Instant now, Outbox& outbox) {
  const UpstreamState before = std::exchange(upstream_state_, state);
  if (before == state) return;
  ready_.clear();
  const bool was_lost = before == UpstreamState::silent || before == UpstreamState::refused;
  if (state != UpstreamState::answering) {
    if (!was_lost) outbox.note({"dns_upstream_lost", {{"how", state == UpstreamState::refused ? "refused" : "silent"}}, Severity::warning});
    return;
  }
  outbox.note({"dns_upstream_answers", {}, Severity::info});
  for (Lookup& lookup : lookups_)
    if (lookup.failing) lookup.due = now;
  ask_soon(now);
}

}  // namespace ringhold::nameserver
