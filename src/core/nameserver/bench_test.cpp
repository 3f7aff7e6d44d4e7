#include "nameserver/bench_test.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace ringhold::nameserver {

namespace {

std::string wire(std::string_view text) { return std::string{dns::Name::from_text(text)->wire()}; }

std::string word(std::size_t value) { return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xffU)}; }

bool same_name(std::string_view a, std::string_view b) { return *dns::Name::from_text(a) == *dns::Name::from_text(b); }

}  // namespace

ZoneRecord srv_record(std::string owner, std::uint16_t priority, std::uint16_t weight, std::uint16_t port, std::string_view target,
                      std::uint32_t ttl) {
  return {std::move(owner), dns::type::srv, ttl, word(priority) + word(weight) + word(port) + wire(target)};
}

ZoneRecord a_record(std::string owner, std::string_view address, std::uint32_t ttl) {
  const Address parsed = *Address::parse(address);
  const auto bytes = parsed.bytes();
  return {std::move(owner), bytes.size() == 4 ? dns::type::a : dns::type::aaaa, ttl, std::string{bytes.begin(), bytes.end()}};
}

ZoneRecord cname_record(std::string owner, std::string_view target, std::uint32_t ttl) {
  return {std::move(owner), dns::type::cname, ttl, wire(target)};
}

std::vector<dns::Record> Seen::section(dns::Section wanted) const {
  std::vector<dns::Record> found;
  for (const dns::Record& record : message.records)
    if (record.section == wanted) found.push_back(record);
  return found;
}

std::vector<dns::Srv> Seen::services() const {
  std::vector<dns::Srv> found;
  for (const dns::Record& record : section(dns::Section::answer))
    if (record.type == dns::type::srv) found.push_back(*dns::Srv::parse(record.data));
  return found;
}

std::string Seen::services_text() const {
  std::string text;
  for (const dns::Srv& one : services())
    text += (text.empty() ? "" : ", ") + std::to_string(one.priority) + " " + std::to_string(one.weight) + " " + std::to_string(one.port) +
            " " + one.target.text();
  return text;
}

std::vector<std::string> Seen::addresses(dns::Section wanted) const {
  std::vector<std::string> found;
  for (const dns::Record& record : section(wanted))
    if (const auto address = dns::parse_address(record.type, record.data)) found.push_back(record.name.text() + " " + address->text());
  return found;
}

std::optional<unsigned> Seen::extended_error() const {
  if (!message.edns || bytes.size() < message.opt_offset + 17) return std::nullopt;
  return dns::read_word(bytes, message.opt_offset + 15);
}

Settings Bench::usual() {
  Settings settings;
  settings.domain = "example.test";
  settings.branch_name = "ringhold.example.test";
  settings.branch_addresses = {*Address::parse("10.77.0.2")};
  settings.networks = {*Network::parse("10.77.0.0/24")};
  settings.listeners = {*Target::parse("udp:10.77.0.2:5060"), *Target::parse("tcp:10.77.0.2:5060")};
  settings.upstreams = {*Endpoint::parse("10.78.0.1:53", Port{53})};
  return settings;
}

std::vector<ZoneRecord> Bench::usual_zone() {
  return {srv_record("_sip._udp.example.test", 10, 60, 5060, "sip1.example.test"),
          srv_record("_sip._udp.example.test", 20, 40, 5060, "sip2.example.test"),
          srv_record("_sip._tcp.example.test", 10, 60, 5060, "sip1.example.test"),
          srv_record("_sip._tcp.example.test", 20, 40, 5060, "sip2.example.test"),
          a_record("sip1.example.test", "10.78.0.11"),
          a_record("sip2.example.test", "10.78.0.12"),
          a_record("www.example.test", "10.78.0.80")};
}

Bench::Bench(LookUps look_ups) : Bench{usual(), look_ups} {}

Bench::Bench(const Settings& given, LookUps look_ups) : settings{given}, nameserver{std::make_unique<Nameserver>(given, random)} {
  if (look_ups == LookUps::from_start) {
    nameserver->start(now);
    pass(Duration::zero());
  }
}

std::string Bench::query(std::string_view name, std::uint16_t type, const Asking& asking) {
  std::string bytes = word(asking.id) + word(0x0100U | (asking.checking_disabled ? 0x10U : 0U)) + word(1) + word(0) + word(0) +
                      word(asking.payload ? 1 : 0);
  bytes += wire(name) + word(type) + word(1);
  if (asking.payload)
    bytes += std::string(1, '\0') + word(41) + word(*asking.payload) + word(0) + word(asking.dnssec_ok ? 0x8000U : 0U) + word(0);
  return bytes;
}

void Bench::give(std::string_view bytes, const Asking& asking) {
  const FlowId flow{asking.transport == Transport::udp ? 1U : 2U};
  nameserver->receive({Protocol::dns,
                       asking.transport,
                       flow,
                       *Endpoint::parse("10.77.0.2:53", Port{53}),
                       {*Address::parse(asking.client), Port{asking.port}},
                       bytes},
                      now, outbox_);
  drain();
}

std::optional<Seen> Bench::ask(std::string_view name, std::uint16_t type, const Asking& asking) {
  const std::size_t before = answered.size();
  give(query(name, type, asking), asking);
  pass(Duration::zero());
  return answered.size() > before ? std::optional{answered.back()} : std::nullopt;
}

void Bench::deliver(std::string_view bytes, FlowId flow, const Endpoint& from, Transport transport) {
  nameserver->receive({Protocol::dns, transport, flow, {}, from, bytes}, now, outbox_);
  drain();
}

std::string Bench::answer_of(const Seen& query, Upstream how) const {
  const dns::Question& question = query.message.questions.front();
  std::string answers;
  std::size_t count = 0;
  std::string owner = question.name.text();
  bool exists = false;
  for (int step = 0; step < 8; ++step) {
    std::optional<std::string> alias;
    for (const ZoneRecord& record : zone) {
      if (!same_name(record.owner, owner)) continue;
      exists = true;
      if (record.type != question.type && record.type != dns::type::cname) continue;
      if (record.type == dns::type::cname) {
        std::size_t offset = 0;
        alias = dns::Name::read(record.data, offset)->text();
      }
      answers += wire(record.owner) + word(record.type) + word(1) + word(record.ttl >> 16U) + word(record.ttl & 0xffffU) +
                 word(record.data.size()) + record.data;
      ++count;
    }
    if (!alias) break;
    owner = *alias;
  }
  std::string authority;
  if (count == 0) {
    const std::string soa = wire("ns.example.test") + wire("root.example.test") + std::string(16, '\0') + word(0) + word(60);
    authority = wire("example.test") + word(6) + word(1) + word(0) + word(3600) + word(soa.size()) + soa;
  }
  unsigned flags = 0x8580U | (exists ? 0U : 3U);
  if (how == Upstream::truncates) flags |= 0x0200U;
  if (how == Upstream::servfail) flags = 0x8182U;
  if (how == Upstream::truncates || how == Upstream::servfail) answers.clear(), authority.clear(), count = 0;
  return word(query.message.id) + word(flags) + word(1) + word(count) + word(authority.empty() ? 0 : 1) + word(0) +
         std::string{question.name.wire()} + word(question.type) + word(question.record_class) + answers + authority;
}

void Bench::answer(const Seen& query, Upstream how) { deliver(answer_of(query, how), query.to.flow, query.to.remote, query.to.transport); }

void Bench::drain() {
  Outbox box;
  std::swap(box, outbox_);
  for (const FlowId flow : box.closes()) closed.push_back(flow);
  for (const Outbox::Note& note : box.notes()) notes.emplace_back(note.name);
  for (Change& change : box.changes()) {
    std::erase_if(store, [&](const Change& one) { return one.key == change.key; });
    if (!change.columns.empty()) store.push_back(std::move(change));
  }
  for (const Outbox::Send& send : box.sends()) {
    const std::string_view bytes = box.message(send);
    auto message = dns::Message::parse(bytes);
    ASSERT_TRUE(message) << message.error().what;
    Seen seen{send.destination, std::string{bytes}, std::move(*message)};
    if ((send.destination.flow.number & upstream_flow_bit) == 0) {
      answered.push_back(std::move(seen));
      continue;
    }
    asked_upstream.push_back(seen);
    // TC is never said over TCP.
    const auto how = upstream == Upstream::truncates && send.destination.transport == Transport::tcp ? Upstream::answers : upstream;
    const bool dead = asked_upstream.back().message.questions.front().name.ends_with(*dns::Name::from_text(dead_zone));
    if (how != Upstream::silent && !dead) coming_.push_back({now + upstream_delay, std::move(seen), how});
  }
}

void Bench::step(Instant to) {
  now = to;
  const auto due = [&](const Coming& one) { return one.at <= now; };
  for (auto next = std::ranges::find_if(coming_, due); next != coming_.end(); next = std::ranges::find_if(coming_, due)) {
    const Coming one = *next;
    coming_.erase(next);
    if (std::ranges::find(closed, one.query.to.flow) != closed.end()) continue;
    if (one.how == Upstream::refuses) {
      nameserver->upstream_changed({Protocol::dns, Transport::udp, one.query.to.flow, one.query.to.remote, FlowState::refused}, now,
                                   outbox_);
      drain();
    } else {
      answer(one.query, one.how);
    }
  }
  nameserver->expire(now, outbox_);
  drain();
}

void Bench::pass(Duration duration) {
  const Instant end = now + duration;
  for (int steps = 0; steps < 100'000; ++steps) {
    Instant next = end;
    if (const auto timer = nameserver->next_expiry()) next = std::min(next, std::max(*timer, now));
    for (const Coming& one : coming_) next = std::min(next, std::max(one.at, now));
    step(next);
    const bool quiet = std::ranges::none_of(coming_, [&](const Coming& one) { return one.at <= now; }) &&
                       (!nameserver->next_expiry() || *nameserver->next_expiry() > now);
    if (now >= end && quiet) return;
  }
  FAIL() << "the nameserver never comes to rest";
}

void Bench::restart() {
  nameserver = std::make_unique<Nameserver>(settings, random);
  coming_.clear();
  for (const Change& change : store) nameserver->restore(Row{change.table, change.columns.unpacked()}, now);
}

bool Bench::noted(std::string_view name) const { return std::ranges::find(notes, name) != notes.end(); }

}  // namespace ringhold::nameserver
