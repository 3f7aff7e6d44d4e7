#include "agent/finding.hpp"

#include <algorithm>

#include "sip/uri.hpp"

namespace ringhold::agent {

namespace {

constexpr Duration patience = 5s;      ///< with name servers that say nothing
constexpr Duration after_none = 30s;   ///< when to look again if there was no answer
constexpr Duration shortest_ttl = 1s;  ///< of answers that may not be kept: within one step they serve
constexpr unsigned most_rounds = 8;    // NAPTR, SRV, addresses, and aliases between them

nameserver::Settings nameserver_settings(const Settings& settings) {
  nameserver::Settings out;
  out.domain = settings.domain;
  out.upstreams = settings.nameservers;
  out.timeout = settings.dns_timeout;
  return out;
}

}  // namespace

Finding::Finding(const Settings& settings, Random& random)
    : domain_{settings.domain}, configured_{settings.servers}, random_{random}, nameserver_{nameserver_settings(settings), random} {
  abilities_.ipv4 = false;
  for (const Target& uplink : settings.uplinks) {
    if (std::ranges::find(transports_, uplink.transport) == transports_.end()) transports_.push_back(uplink.transport);
    (uplink.endpoint.address.is_v4() ? abilities_.ipv4 : abilities_.ipv6) = true;
  }
}

resolver::Resolution Finding::resolve(const resolver::Answers& answers, Random& random) const {
  const Text text = "sip:" + domain_;
  const auto uri = sip::Uri::parse(text);
  const auto wanted = uri ? resolver::wanted(*uri) : std::nullopt;
  if (!wanted) return {};
  resolver::Abilities abilities = abilities_;
  abilities.transports = transports_;
  return resolver::resolve(*wanted, answers.known(), abilities, random);
}

std::vector<Target> Finding::draw(Random& random) const { return configured_.empty() ? resolve(answers_, random).targets : configured_; }

void Finding::begin(Instant now, Outbox& outbox) {
  if (is_under_way_) return;
  began_at_ = now;
  if (!configured_.empty()) {
    end(Result::found, now);
    took_.reset();
    valid_until_ = Instant::max();
    return;
  }
  is_under_way_ = true;
  coming_ = {};
  asked_.clear();
  give_up_at_ = now + patience;
  valid_until_ = Instant::max();
  go_on(now, outbox);
}

void Finding::go_on(Instant now, Outbox& outbox) {
  for (unsigned round = 0; is_under_way_ && round < most_rounds; ++round) {
    const resolver::Resolution resolution = resolve(coming_, random_);
    if (resolution.missing.empty()) return end(resolution.targets.empty() ? Result::nobody : Result::found, now);
    bool learnt = false;
    for (const dns::Question& question : resolution.missing) {
      if (const auto answer = nameserver_.known(question, now)) {
        take(question, *answer, now);
        learnt = true;
      } else if (std::ranges::none_of(asked_, [&](const dns::Question& one) { return resolver::is_same(one, question); })) {
        asked_.push_back(question);
        nameserver_.look_up(question, now, outbox);
      }
    }
    if (!learnt) return;
  }
}

void Finding::take(const dns::Question& question, const dns::Message& answer, Instant now) {
  coming_.take(question, answer);
  // That there is no NAPTR, say, need not be asked again as soon as its SOA would have it.
  const bool any = std::ranges::any_of(answer.records, [](const dns::Record& one) { return one.section == dns::Section::answer; });
  if (any) valid_until_ = std::min(valid_until_, nameserver_.fresh_until(question).value_or(now));
}

void Finding::end(Result result, Instant now) {
  is_under_way_ = false;
  ended_ = true;
  took_ = now - began_at_;
  if (result == Result::found) answers_ = std::move(coming_);
  result_ = result;
  valid_until_ = result == Result::found ? std::max(valid_until_, now + shortest_ttl) : now + after_none;
}

void Finding::receive(const Packet& packet, Instant now, Outbox& outbox) {
  nameserver_.receive(packet, now, outbox);
  for (const auto& [question, answer] : nameserver_.take_looked_up()) {
    if (!is_under_way_) continue;
    if (std::ranges::none_of(asked_, [&](const dns::Question& one) { return resolver::is_same(one, question); })) continue;
    take(question, answer, now);
  }
  go_on(now, outbox);
}

void Finding::expire(Instant now, Outbox& outbox) {
  nameserver_.expire(now, outbox);
  if (!is_under_way_ || now < give_up_at_) return;
  // What is known so far serves: a server whose address did not come is left out.
  end(resolve(coming_, random_).targets.empty() ? Result::nobody : Result::found, now);
}

void Finding::upstream_changed(const FlowChange& change, Instant now, Outbox& outbox) {
  nameserver_.upstream_changed(change, now, outbox);
  go_on(now, outbox);
}

std::optional<Instant> Finding::next_expiry() const {
  const auto next = nameserver_.next_expiry();
  if (!is_under_way_) return next;
  return next ? std::min(*next, give_up_at_) : give_up_at_;
}

}  // namespace ringhold::agent
