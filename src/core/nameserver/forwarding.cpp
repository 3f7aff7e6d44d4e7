#include <algorithm>
#include <span>
#include <tuple>

#include "nameserver/nameserver.hpp"

namespace ringhold::nameserver {

namespace {

constexpr std::size_t most_udp_attempts = 2;
// A slot's number says which query and which attempt it is; the serial keeps late packets of an earlier use apart.
constexpr std::uint32_t index_bits = 10;
constexpr std::uint32_t attempt_bits = 2;
static_assert(limits::dns_queries_in_flight <= 1U << index_bits);
static_assert(Query::most_attempts <= 1U << attempt_bits);

Endpoint address_only(const Client& client) { return {client.destination.remote.address, Port{}}; }

bool same_asker(const Client& a, const Client& b) {
  return a.id == b.id && a.destination.remote == b.destination.remote && a.destination.flow == b.destination.flow;
}

}  // namespace

bool Nameserver::admit(const Client& client) const {
  if (waiting_ >= waiting_clients) return false;
  const auto found = waiting_by_client_.find(address_only(client));
  return found == waiting_by_client_.end() || found->second < limits::dns_queries_per_client;
}

void Nameserver::join(Query& query, const Client& client) {
  // A repetition with the same ID waits for the answer that is already his (D1).
  if (std::ranges::any_of(query.clients, [&](const Client& one) { return same_asker(one, client); })) return;
  if (!admit(client)) {
    ++counters_.dropped;
    return;
  }
  query.clients.push_back(client);
  ++waiting_;
  ++waiting_by_client_[address_only(client)];
}

void Nameserver::forward(const dns::Question& question, const Client* client, Instant now, Outbox& outbox) {
  const bool dnssec_ok = client != nullptr && client->dnssec_ok();
  const bool checking_disabled = client != nullptr && client->checking_disabled;
  const CacheKey key{question, dnssec_ok, checking_disabled};
  if (const auto found = pending_.find(key.text); found != pending_.end()) {
    Query& query = *queries_.find(found->second);
    if (client == nullptr) return;
    // Only the first who asks waits for a silent upstream.
    if (query.late)
      count(answer_without_upstream(*client, now, outbox));
    else
      join(query, *client);
    return;
  }
  if (client != nullptr && !admit(*client)) {
    ++counters_.dropped;
    return;
  }
  const QueryId id = upstreams_.empty() ? QueryId{} : queries_.insert();
  if (!id) {
    if (client != nullptr) count(answer_without_upstream(*client, now, outbox));
    return;
  }
  Query& query = *queries_.find(id);
  query.question = question;
  query.dnssec_ok = dnssec_ok;
  query.checking_disabled = checking_disabled;
  query.key = key.text;
  query.retry_at = now + settings_.timeout / 2;
  query.answer_by = now + settings_.timeout;
  query.give_up_at = now + std::max<Duration>(patience, settings_.timeout);
  if (client != nullptr) join(query, *client);
  pending_.emplace(query.key, id);
  send_attempt(id, Transport::udp, next_upstream(query), now, outbox);
  wheel_.add(query.deadline(), id);
}

/// The best answering one that this query has not asked yet; if it has asked all, the best of all.
Endpoint Nameserver::next_upstream(const Query& query) const {
  const auto tried = [&](const Upstream& one) {
    return std::ranges::any_of(std::span{query.attempts}.first(query.attempt_count),
                               [&](const Attempt& a) { return a.upstream == one.endpoint; });
  };
  const auto rank = [&](const Upstream& one) { return std::tuple{tried(one), one.failures, one.rtt}; };
  return std::ranges::min_element(upstreams_, [&](const Upstream& a, const Upstream& b) { return rank(a) < rank(b); })->endpoint;
}

bool Nameserver::has_untried(const Query& query) const {
  const auto udp = std::ranges::count_if(std::span{query.attempts}.first(query.attempt_count),
                                         [](const Attempt& a) { return a.transport == Transport::udp; });
  if (static_cast<std::size_t>(udp) >= most_udp_attempts) return false;
  return std::ranges::any_of(upstreams_, [&](const Upstream& one) {
    return std::ranges::none_of(std::span{query.attempts}.first(query.attempt_count),
                                [&](const Attempt& a) { return a.upstream == one.endpoint; });
  });
}

void Nameserver::send_attempt(QueryId id, Transport transport, const Endpoint& upstream, Instant now, Outbox& outbox) {
  Query& query = *queries_.find(id);
  if (query.attempt_count >= Query::most_attempts) return;
  ++counters_.upstream_queries;
  slot_serial_ = (slot_serial_ + 1) & ((1U << (32 - index_bits - attempt_bits)) - 1);
  const auto attempt_index = static_cast<std::uint32_t>(query.attempt_count++);
  const std::uint32_t slot = slot_serial_ << (index_bits + attempt_bits) | attempt_index << index_bits | id.index;
  Attempt& attempt = query.attempts[attempt_index];
  attempt = {slot, static_cast<std::uint16_t>(random_.next() >> 48U), transport, upstream, now, true};
  const auto begin = outbox.bytes().size();
  const auto flags = static_cast<std::uint16_t>(dns::flag::rd | (query.checking_disabled ? dns::flag::cd : 0U));
  dns::Builder builder{outbox.bytes(), attempt.id, flags, query.question};
  builder.add_edns(query.dnssec_ok, std::nullopt);
  outbox.sent(begin, {Protocol::dns, transport, upstream_flow(slot), {}, upstream});
}

Nameserver::Awaited Nameserver::awaited(FlowId flow) {
  const auto slot = static_cast<std::uint32_t>(flow.number);
  const QueryId id = queries_.id_at(slot & ((1U << index_bits) - 1));
  Query* query = queries_.find(id);
  if (query == nullptr) return {};
  for (Attempt& attempt : query->attempts)
    if (attempt.open && attempt.slot == slot) return {id, query, &attempt};
  return {};
}

void Nameserver::end_attempt(Attempt& attempt, Outbox& outbox) {
  if (!std::exchange(attempt.open, false)) return;
  outbox.close(upstream_flow(attempt.slot));
}

/// The time of those who wait is over: they get what we know ourselves. An answer that still comes is learnt.
void Nameserver::go_late(QueryId id, Instant now, Outbox& outbox) {
  Query& query = *queries_.find(id);
  query.late = true;
  query.retry_at = Query::never;
  for (auto attempt = query.attempts.begin(); attempt != query.attempts.end(); ++attempt) {
    // Two packets without answer to the same upstream are one failure.
    const bool counted =
        std::any_of(query.attempts.begin(), attempt, [&](const Attempt& one) { return one.open && one.upstream == attempt->upstream; });
    if (attempt->open && !counted) count_failure(*attempt);
  }
  const std::vector<Client> clients = std::exchange(query.clients, {});
  for (const Client& client : clients) dismiss(client);
  const dns::Question question = query.question;
  if (is_lost(Loss::confirmed)) set_upstream_state(refused_last_ ? UpstreamState::refused : UpstreamState::silent, now, outbox);
  looked_up(question, Lookup::Outcome::unanswered, now);
  for (const Client& client : clients) count(answer_without_upstream(client, now, outbox));
}

void Nameserver::dismiss(const Client& client) {
  --waiting_;
  const auto found = waiting_by_client_.find(address_only(client));
  if (found != waiting_by_client_.end() && --found->second == 0) waiting_by_client_.erase(found);
}

void Nameserver::finish(QueryId id, Outbox& outbox) {
  Query& query = *queries_.find(id);
  for (Attempt& attempt : query.attempts) end_attempt(attempt, outbox);
  for (const Client& client : query.clients) dismiss(client);
  pending_.erase(query.key);
  queries_.erase(id);
}

}  // namespace ringhold::nameserver
