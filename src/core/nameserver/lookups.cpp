#include <algorithm>

#include "nameserver/nameserver.hpp"

namespace ringhold::nameserver {

namespace {
constexpr Duration without_records = 5min;    // a name that has no records of the kind is asked again so seldom
constexpr Duration shortest_refresh = 15s;
}  // namespace

void Nameserver::start(Instant now) {
  lookups_.clear();
  add_lookup({domain_, dns::type::naptr, dns::class_in}, now);
  for (const Target& listener : settings_.listeners) {
    const Text owner = (listener.transport == Transport::tls ? "_sips._tcp." : "_sip._" + Text{name(listener.transport)} + ".") + settings_.domain;
    if (const auto service = dns::Name::from_text(owner)) add_lookup({*service, dns::type::srv, dns::class_in}, now);
  }
  plan_lookups(now);
}

void Nameserver::add_lookup(const dns::Question& question, Instant due) {
  const bool known = std::ranges::any_of(lookups_, [&](const Lookup& one) { return one.question.type == question.type && one.question.name == question.name; });
  if (known || lookups_.size() >= Learnt::max_sets) return;
  lookups_.push_back({question, due});
  wheel_.add(due, QueryId{});
}

/// The addresses of every target that upstream named, also when they did not come along in the Additional section.
void Nameserver::plan_lookups(Instant now) {
  const bool v6 = std::ranges::any_of(settings_.listeners, [](const Target& one) { return !one.endpoint.address.is_v4(); });
  const std::size_t count = lookups_.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (lookups_[i].question.type != dns::type::srv) continue;
    const RecordSet* set = learnt_.find(lookups_[i].question.name, dns::type::srv);
    if (set == nullptr) continue;
    for (const Text& data : set->data) {
      const auto srv = dns::Srv::parse(data);
      if (!srv || srv->target.is_root() || srv->target == own_name_) continue;
      const RecordSet* known = learnt_.find(srv->target, dns::type::a);
      const bool fresh = known != nullptr && known->expires_at > now;
      add_lookup({srv->target, dns::type::a, dns::class_in}, fresh ? std::max(now, known->expires_at - shortest_refresh) : now);
      if (v6) add_lookup({srv->target, dns::type::aaaa, dns::class_in}, now);
    }
  }
}

void Nameserver::start_lookups(Instant now, Outbox& outbox) {
  for (Lookup& lookup : lookups_) {
    if (lookup.due > now) continue;
    lookup.due = now + retry_while_down;   // looked_up() sets the true one
    wheel_.add(lookup.due, QueryId{});
    forward(lookup.question, false, false, nullptr, now, outbox);
  }
}

void Nameserver::looked_up(const dns::Question& question, bool success, Instant now) {
  for (Lookup& lookup : lookups_) {
    if (lookup.question.type != question.type || !(lookup.question.name == question.name)) continue;
    if (!success) {
      lookup.due = now + retry_while_down;
    } else {
      const RecordSet* set = learnt_.find(question.name, question.type);
      const bool fresh = set != nullptr && set->expires_at > now;
      lookup.due = now + (fresh ? std::max<Duration>(shortest_refresh, (set->expires_at - now) * 9 / 10) : Duration{without_records});
    }
    wheel_.add(lookup.due, QueryId{});
  }
}

}  // namespace ringhold::nameserver
