#include "sim/phone_resolver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.hpp"

namespace ringhold::sim {

void PhoneResolver::resolve(std::function<void(const Targets&)> done) {
  if (!targets_.empty() && world_.clock.now() < expires_at_) return done(targets_);
  waiting_.push_back(std::move(done));
  if (!asking_) ask(fmt::format("_sip._{}.{}", name(transport_), bench::domain), dns_srv);
}

void PhoneResolver::ask(std::string name, std::uint16_t type) {
  question_ = {static_cast<std::uint16_t>(random_.next()), std::move(name), type, world_.clock.now(), 0};
  asking_ = true;
  send();
}

void PhoneResolver::send() {
  if (question_.tries == 4) {
    ++failures_;
    return finish();
  }
  ++question_.tries;
  world_.send({own_, server_, dns_query(question_.id, question_.name, question_.type)});
  world_.clock.after(2s, [this, id = question_.id, epoch = epoch_, tries = question_.tries] {
    if (epoch == epoch_ && asking_ && question_.id == id && question_.tries == tries) send();
  });
}

void PhoneResolver::receive(const Datagram& datagram) {
  const auto answer = parse_dns(datagram.bytes);
  if (!answer || !answer->response || !asking_ || answer->id != question_.id || answer->question != question_.name) return;
  if (question_.tries == 1) slowest_ = std::max(slowest_, world_.clock.now() - question_.asked_at);
  if (question_.type == dns_srv) return take_srv(*answer);
  for (const DnsRecord& record : answer->answers)
    if (record.type == dns_a && record.name == lower_case(question_.name)) addresses_[next_] = record.address;
  ++next_;
  next_address();
}

void PhoneResolver::take_srv(const DnsMessage& answer) {
  records_.clear();
  for (const DnsRecord& record : answer.answers)
    if (record.type == dns_srv) records_.push_back(record);
  std::stable_sort(records_.begin(), records_.end(), [](const DnsRecord& a, const DnsRecord& b) {
    return a.priority != b.priority ? a.priority < b.priority : a.weight > b.weight;
  });
  std::uint32_t ttl = 3600;
  addresses_.assign(records_.size(), Address{});
  for (std::size_t i = 0; i < records_.size(); ++i) {
    ttl = std::min(ttl, records_[i].ttl);
    for (const DnsRecord& record : answer.additional)
      if (record.type == dns_a && record.name == records_[i].target) addresses_[i] = record.address;
  }
  expires_at_ = world_.clock.now() + std::chrono::seconds{ttl};
  next_ = 0;
  next_address();
}

void PhoneResolver::next_address() {
  while (next_ < records_.size() && !addresses_[next_].is_unspecified()) ++next_;
  if (next_ < records_.size()) return ask(records_[next_].target, dns_a);
  Targets targets;
  for (std::size_t i = 0; i < records_.size(); ++i)
    if (!addresses_[i].is_unspecified()) targets.push_back({addresses_[i], Port{records_[i].port}});
  if (!targets.empty()) targets_ = std::move(targets);
  finish();
}

void PhoneResolver::finish() {
  asking_ = false;
  const auto waiting = std::exchange(waiting_, {});
  for (const auto& done : waiting) done(targets_);
}

void PhoneResolver::clear() {
  ++epoch_;
  asking_ = false;
  waiting_.clear();
  records_.clear();
  targets_.clear();
  expires_at_ = {};
}

}  // namespace ringhold::sim
