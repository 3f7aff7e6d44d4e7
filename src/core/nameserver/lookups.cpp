#include <algorithm>

#include "nameserver/nameserver.hpp"

namespace ringhold::nameserver {

namespace {
constexpr Duration without_records = 5min;  // a name that has no records of the kind is asked again so seldom
constexpr Duration shortest_refresh = 15s;
constexpr Duration before_expiry = 3s;
constexpr Duration after_error = 15s;  // upstream answers, but SERVFAIL or the like
}  // namespace

void Nameserver::start(Instant now) {
  if (wheel_.size() == 0) wheel_.expire(now, [](QueryId) {});  // so that the wheel knows the time before its first entry
  lookups_.clear();
  add_lookup({domain_, dns::type::naptr, dns::class_in}, now);
  for (const Target& listener : settings_.listeners)
    if (const auto service = service_name(listener.transport, settings_.domain)) add_lookup({*service, dns::type::srv, dns::class_in}, now);
  plan_lookups(now);
}

void Nameserver::ask_soon(Instant due) { lookups_due_ = lookups_due_ ? std::min(*lookups_due_, due) : due; }

void Nameserver::add_lookup(const dns::Question& question, Instant due) {
  const bool known = std::ranges::any_of(
      lookups_, [&](const Lookup& one) { return one.question.type == question.type && one.question.name == question.name; });
  if (known || lookups_.size() >= Learnt::max_sets) return;
  lookups_.push_back({question, due});
  ask_soon(due);
}

/// The addresses of every target that upstream named, also when they did not come along in the Additional section.
void Nameserver::plan_lookups(Instant now) {
  const bool v6 = std::ranges::any_of(settings_.listeners, [](const Target& one) { return !one.endpoint.address.is_v4(); });
  std::erase_if(lookups_, [&](const Lookup& one) {
    const bool is_address = one.question.type == dns::type::a || one.question.type == dns::type::aaaa;
    return is_address && !learnt_.is_target(one.question.name);
  });
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
      add_lookup({srv->target, dns::type::a, dns::class_in}, fresh ? std::max(now, known->expires_at - before_expiry) : now);
      if (v6) add_lookup({srv->target, dns::type::aaaa, dns::class_in}, now);
    }
  }
}

void Nameserver::start_lookups(Instant now, Outbox& outbox) {
  // While upstream is lost one question each time is enough to find out that it is back.
  const bool lost = is_lost(Loss::confirmed);
  bool asked = false;
  for (Lookup& lookup : lookups_) {
    const bool due = lookup.due <= now;
    if (due || lost) lookup.due = std::max(lookup.due, now + retry_while_down);  // looked_up() sets the true one
    if (!due) continue;
    lookup.failing = lookup.failing || lost;
    if (!lost || !std::exchange(asked, true)) forward(lookup.question, nullptr, now, outbox);
  }
  lookups_due_.reset();
  for (const Lookup& lookup : lookups_) ask_soon(lookup.due);
}

void Nameserver::looked_up(const dns::Question& question, Lookup::Outcome outcome, Instant now) {
  const auto lookup = std::ranges::find_if(
      lookups_, [&](const Lookup& one) { return one.question.type == question.type && one.question.name == question.name; });
  if (lookup != lookups_.end()) {
    lookup->failing = outcome != Lookup::Outcome::answered;
    switch (outcome) {
      case Lookup::Outcome::answered: {
        const RecordSet* set = learnt_.find(question.name, question.type);
        const bool fresh = set != nullptr && set->expires_at > now;
        lookup->due =
            now + (fresh ? std::max<Duration>(shortest_refresh, set->expires_at - now - before_expiry) : Duration{without_records});
        break;
      }
      case Lookup::Outcome::failed: lookup->due = now + after_error; break;
      case Lookup::Outcome::unanswered: lookup->due = now + retry_while_down; break;
    }
    ask_soon(lookup->due);
  }
  if (outcome != Lookup::Outcome::unanswered) return;
  // A name that is not answered may be broken itself. Another one tells whether the upstream is; at once, and then as often
  // as needed to notice its return.
  const auto probe =
      std::ranges::find_if(lookups_, [&](const Lookup& one) { return &one != (lookup == lookups_.end() ? nullptr : &*lookup); });
  if (probe == lookups_.end()) return;
  probe->failing = true;
  probe->due = std::min(probe->due, is_lost(Loss::confirmed) ? now + retry_while_down : now);
  ask_soon(probe->due);
}

}  // namespace ringhold::nameserver
