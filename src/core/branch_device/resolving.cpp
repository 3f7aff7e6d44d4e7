#include <algorithm>

#include "branch_device/state.hpp"
#include "resolver/answers.hpp"
#include "transaction/matching.hpp"

namespace ringhold::branch_device {

namespace {

constexpr std::size_t most_parked = 64;
constexpr unsigned most_rounds = 8;  // NAPTR, SRV, addresses, and aliases between them

}  // namespace

resolver::Resolution BranchDevice::State::resolve(const resolver::Wanted& wanted, Instant now) const {
  std::vector<Transport> transports;
  resolver::Abilities abilities{{}, false, false};
  for (const Target& listener : identity.listeners) {
    if (std::ranges::find(transports, listener.transport) == transports.end()) transports.push_back(listener.transport);
    (listener.endpoint.address.is_v4() ? abilities.ipv4 : abilities.ipv6) = true;
  }
  abilities.transports = transports;
  resolver::Answers answers;
  if (resumed != nullptr)
    for (const auto& [question, answer] : resumed->answers) answers.take(question, answer);
  resolver::Resolution resolution;
  for (unsigned round = 0; round < most_rounds; ++round) {
    resolution = resolver::resolve(wanted, answers.known(), abilities, random);
    bool learnt = false;
    for (const dns::Question& question : resolution.missing)
      if (const auto answer = nameserver.known(question, now)) {
        answers.take(question, *answer);
        learnt = true;
      }
    if (!learnt) break;
  }
  return resolution;
}

bool BranchDevice::State::park(const Packet& packet, const std::vector<dns::Question>& missing, Instant now, Outbox& outbox) {
  if (resumed != nullptr && resumed->until <= now) return false;
  if (std::ranges::any_of(parked, [&](const Parked& one) { return one.bytes == packet.bytes; })) return true;  // sent again
  if (parked.size() >= most_parked) return false;
  // Two questions in turn, each with dns.timeout.
  Parked& one = parked.emplace_back(resumed != nullptr ? *resumed : Parked{packet, Text{packet.bytes}, now + 2 * settings.dns.timeout});
  one.packet.bytes = {};
  for (const dns::Question& question : missing) {
    if (std::ranges::any_of(one.asked, [&](const dns::Question& other) { return resolver::is_same(other, question); })) continue;
    one.asked.push_back(question);
    nameserver.look_up(question, now, outbox);
  }
  return true;
}

void BranchDevice::State::resume_parked(Instant now, Outbox& outbox) {
  const auto answers = nameserver.take_looked_up();
  if (parked.empty()) return;
  std::vector<Parked> waiting;
  waiting.swap(parked);
  for (Parked& one : waiting) {
    for (const auto& answer : answers)
      if (std::ranges::any_of(one.asked, [&](const dns::Question& asked) { return resolver::is_same(asked, answer.question); }))
        one.answers.push_back(answer);
    const auto message = sip::Message::parse(one.bytes);
    if (!message) continue;
    Packet packet = one.packet;
    packet.bytes = one.bytes;
    resumed = &one;
    if (message->method() == sip::Method::ack)
      on_ack(*message, packet, now, outbox);
    else
      new_request(*message, packet, now, outbox);
  }
  resumed = nullptr;
}

bool BranchDevice::State::cancel_parked(const sip::Message& cancel, const Packet& packet, Instant now, Outbox& outbox) {
  if (parked.empty()) return false;
  const auto meant = transaction::Key::server(cancel, sip::Method::invite);
  for (auto one = parked.begin(); one != parked.end(); ++one) {
    const auto invite = sip::Message::parse(one->bytes);
    if (!invite || invite->method() != sip::Method::invite) continue;
    if (transaction::Key::server(*invite, sip::Method::invite).text() != meant.text()) continue;
    proxy.refuse_without_state(cancel, packet, {200, {}, {}}, outbox);
    Packet arrival = one->packet;
    arrival.bytes = one->bytes;
    proxy.refuse(*invite, arrival, {487, {}, {}}, layer, now, outbox);
    parked.erase(one);
    return true;
  }
  return false;
}

std::optional<Instant> BranchDevice::State::parked_until() const {
  if (parked.empty()) return std::nullopt;
  return parked.front().until;
}

}  // namespace ringhold::branch_device
