#include "agent/finding.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "sip/uri.hpp"

namespace ringhold::agent {

namespace {

constexpr Duration patience = 5s;       ///< with name servers that say nothing
constexpr Duration dhcp_patience = 6s;  ///< two questions; then what is configured serves
constexpr Duration after_none = 30s;    ///< when to look again if there was no answer
constexpr Duration shortest_ttl = 1s;   ///< of answers that may not be kept: within one step they serve
constexpr unsigned most_rounds = 8;     // NAPTR, SRV, addresses, and aliases between them

/// Whether two look-ups have said the same, in whatever order and with whatever TTLs.
bool is_same_word(const resolver::Answers& a, const resolver::Answers& b) {
  using Fact = std::tuple<Text, std::uint16_t, std::string_view>;
  const auto facts = [](const resolver::Answers& answers) {
    std::set<Fact> all;
    for (const dns::Record& one : answers.known().records) all.emplace(one.name.key(), one.type, one.data);
    return all;
  };
  return facts(a) == facts(b);
}

}  // namespace

Finding::Finding(const Settings& settings, Random& random) : settings_{settings}, random_{random} {
  abilities_.ipv4 = false;
  for (const Target& uplink : settings.uplinks) {
    if (std::ranges::find(transports_, uplink.transport) == transports_.end()) transports_.push_back(uplink.transport);
    (uplink.endpoint.address.is_v4() ? abilities_.ipv4 : abilities_.ipv6) = true;
  }
  if (settings.discovery.is_wanted()) inquiry_.emplace(settings.discovery.interface, random);
  configure(Instant{});
}

void Finding::configure(Instant now) {
  domains_.clear();
  if (!settings_.domain.empty()) domains_.push_back(settings_.domain);
  configured_ = settings_.servers;
  std::vector<Endpoint> nameservers = settings_.nameservers;
  if (inquiry_ && inquiry_->configuration()) {
    const dhcp::Configuration& said = *inquiry_->configuration();
    if (settings_.discovery.domain && !said.sip_domains.empty()) domains_ = said.sip_domains;
    if (settings_.discovery.domain && settings_.servers.empty())
      for (const Address& address : said.sip_addresses) configured_.push_back({transports_.front(), {address, Port{5060}}});
    if (settings_.discovery.nameserver && !said.nameservers.empty()) {
      nameservers.clear();
      for (const Address& address : said.nameservers) nameservers.push_back({address, Port{53}});
    }
  }
  valid_until_ = now;
  ++edition_;
  if (nameserver_ && nameservers == asked_servers_) return;
  asked_servers_ = nameservers;
  nameserver::Settings asked;
  asked.domain = domains_.empty() ? Text{} : domains_.front();
  asked.upstreams = std::move(nameservers);
  asked.timeout = settings_.dns_timeout;
  nameserver_.emplace(asked, random_);
}

resolver::Resolution Finding::resolve(const resolver::Answers& answers, Random& random) const {
  resolver::Resolution all;
  resolver::Abilities abilities = abilities_;
  abilities.transports = transports_;
  for (const Text& domain : domains_) {
    const Text text = "sip:" + domain;
    const auto uri = sip::Uri::parse(text);
    const auto wanted = uri ? resolver::wanted(*uri) : std::nullopt;
    if (!wanted) continue;
    resolver::Resolution one = resolver::resolve(*wanted, answers.known(), abilities, random);
    for (const Target& target : one.targets)
      if (std::ranges::find(all.targets, target) == all.targets.end()) all.targets.push_back(target);
    for (dns::Question& question : one.missing) all.missing.push_back(std::move(question));
  }
  return all;
}

std::vector<Target> Finding::draw(Random& random) const { return configured_.empty() ? resolve(answers_, random).targets : configured_; }

std::vector<Address> Finding::addresses_of(std::string_view host) const {
  std::vector<Address> addresses;
  const auto name = dns::Name::from_text(host);
  for (const dns::Record& record : answers_.known().records)
    if (name && record.name == *name)
      if (const auto address = dns::parse_address(record.type, record.data)) addresses.push_back(*address);
  return addresses;
}

void Finding::begin(Instant now, Outbox& outbox) {
  if (is_under_way_) return;
  is_under_way_ = true;
  began_at_ = now;
  if (inquiry_ && !inquiry_->next_expiry()) inquiry_->start(now, outbox);
  waits_for_dhcp_ = inquiry_ && !inquiry_->configuration();
  if (!waits_for_dhcp_) return look_up(now, outbox);
  give_up_at_ = now + dhcp_patience;
}

void Finding::ask_again(Instant now, Outbox& outbox) {
  if (is_under_way_ || !configured_.empty()) return;
  asked_again_ = services_;
  for (const dns::Question& question : services_) nameserver_->look_up(question, now, outbox);
}

void Finding::look_up(Instant now, Outbox& outbox) {
  waits_for_dhcp_ = false;
  coming_ = {};
  if (!configured_.empty()) {
    end(Result::found, now);
    took_.reset();
    valid_until_ = Instant::max();
    return;
  }
  coming_services_.clear();
  asked_.clear();
  asks_beside_ = false;
  give_up_at_ = now + patience;
  valid_until_ = Instant::max();
  go_on(now, outbox);
}

void Finding::go_on(Instant now, Outbox& outbox) {
  for (unsigned round = 0; is_under_way_ && !waits_for_dhcp_ && round < most_rounds; ++round) {
    const resolver::Resolution resolution = resolve(coming_, random_);
    if (resolution.missing.empty()) return end(resolution.targets.empty() ? Result::nobody : Result::found, now);
    bool learnt = false;
    for (const dns::Question& question : resolution.missing) {
      if (const auto answer = nameserver_->known(question, now)) {
        take(question, *answer, now);
        learnt = true;
        // It may be given only because nobody answers (RFC 8767): one question each time finds out who does again.
        if (nameserver_->fresh_until(question).value_or(now) <= now && !std::exchange(asks_beside_, true))
          nameserver_->look_up(question, now, outbox);
      } else if (std::ranges::none_of(asked_, [&](const dns::Question& one) { return resolver::is_same(one, question); })) {
        asked_.push_back(question);
        nameserver_->look_up(question, now, outbox);
      }
    }
    if (!learnt) return;
  }
}

void Finding::take(const dns::Question& question, const dns::Message& answer, Instant now) {
  coming_.take(question, answer);
  // That there is no NAPTR, say, need not be asked again as soon as its SOA would have it.
  const bool any = std::ranges::any_of(answer.records, [](const dns::Record& one) { return one.section == dns::Section::answer; });
  if (any && question.type == dns::type::srv) coming_services_.push_back(question);
  if (any) valid_until_ = std::min(valid_until_, nameserver_->fresh_until(question).value_or(now));
}

void Finding::end(Result result, Instant now) {
  is_under_way_ = false;
  ended_ = true;
  took_ = now - began_at_;
  if (result == Result::found) {
    if (!is_same_word(answers_, coming_)) ++edition_;
    answers_ = std::move(coming_);
    services_ = std::move(coming_services_);
  }
  result_ = result;
  valid_until_ = result == Result::found ? std::max(valid_until_, now + shortest_ttl) : now + after_none;
}

bool Finding::receive(const Packet& packet, Instant now, Outbox& outbox) {
  if (packet.protocol == Protocol::dhcp) {
    if (!inquiry_) return false;
    inquiry_->receive(packet, now, outbox);
    if (!inquiry_->take_changed()) return false;
    const bool was_awaited = waits_for_dhcp_;
    is_under_way_ = is_under_way_ && was_awaited;
    configure(now);
    if (was_awaited) look_up(now, outbox);
    return !was_awaited;
  }
  nameserver_->receive(packet, now, outbox);
  take_looked_up(now, outbox);
  return false;
}

void Finding::take_looked_up(Instant now, Outbox& outbox) {
  const bool was_asked_again = !asked_again_.empty();
  for (const auto& [question, answer] : nameserver_->take_looked_up()) {
    const auto is_it = [&](const dns::Question& one) { return resolver::is_same(one, question); };
    std::erase_if(asked_again_, is_it);
    if (is_under_way_ && std::ranges::any_of(asked_, is_it)) take(question, answer, now);
  }
  // The cache knows the new answers by now.
  if (was_asked_again && asked_again_.empty() && !is_under_way_) return begin(now, outbox);
  go_on(now, outbox);
}

void Finding::expire(Instant now, Outbox& outbox) {
  nameserver_->expire(now, outbox);
  if (inquiry_ && inquiry_->next_expiry() && *inquiry_->next_expiry() <= now) inquiry_->expire(now, outbox);
  if (!is_under_way_ || now < give_up_at_) return;
  if (waits_for_dhcp_) return look_up(now, outbox);
  // What is known so far serves: a server whose address did not come is left out.
  end(resolve(coming_, random_).targets.empty() ? Result::nobody : Result::found, now);
}

void Finding::upstream_changed(const FlowChange& change, Instant now, Outbox& outbox) {
  nameserver_->upstream_changed(change, now, outbox);
  go_on(now, outbox);
}

std::optional<Instant> Finding::next_expiry() const {
  std::optional<Instant> next = nameserver_->next_expiry();
  const auto earliest = [&](std::optional<Instant> instant) {
    if (instant) next = next ? std::min(*next, *instant) : *instant;
  };
  if (inquiry_) earliest(inquiry_->next_expiry());
  if (is_under_way_) earliest(give_up_at_);
  return next;
}

}  // namespace ringhold::agent
