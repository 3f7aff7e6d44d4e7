// The upstream answers: forwarding, injection, own name, cache (D1 to D5, D8 to D11).
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "nameserver/bench_test.hpp"

namespace ringhold::nameserver {
namespace {

using dns::Section;
namespace type = dns::type;
using Strings = std::vector<std::string>;
using Asking = Bench::Asking;

constexpr std::string_view service = "_sip._udp.example.test";

TEST(Nameserver, adds_itself_last_in_order_of_priority_D2_DIS_05_DIS_07) {
  Bench bench;
  const auto seen = bench.ask(service, type::srv);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->services_text(), "10 60 5060 sip1.example.test, 20 40 5060 sip2.example.test, 21 0 5060 ringhold.example.test");
  EXPECT_EQ(seen->message.rcode(), dns::Rcode::no_error);
  EXPECT_EQ(bench.nameserver->counters().injected, 1U);
}

TEST(Nameserver, altered_set_has_one_ttl_and_clean_flags_DIS_10) {
  Bench bench;
  bench.zone[0].ttl = 300;
  bench.zone[1].ttl = 40;
  const auto seen = bench.ask(service, type::srv);
  for (const auto& record : seen->section(Section::answer)) EXPECT_EQ(record.ttl, 40U);
  bench.zone[1].ttl = 300;
  EXPECT_EQ(bench.ask("_sip._tcp.example.test", type::srv)->section(Section::answer)[0].ttl, 60U);  // dns.ttl_max
  EXPECT_EQ(seen->message.flags & (dns::flag::aa | dns::flag::ad | dns::flag::tc), 0);
  EXPECT_NE(seen->message.flags & dns::flag::ra, 0);
  EXPECT_NE(seen->message.flags & dns::flag::rd, 0);
}

TEST(Nameserver, sends_its_own_address_along_DIS_09) {
  Bench bench;
  EXPECT_EQ(bench.ask(service, type::srv)->addresses(Section::additional), (Strings{"ringhold.example.test 10.77.0.2"}));
}

TEST(Nameserver, leaves_other_names_and_protocols_alone_DIS_06_DIS_11) {
  Bench bench;
  bench.zone.push_back(srv_record("_sip._sctp.example.test", 1, 1, 5060, "sip1.example.test"));
  bench.zone.push_back(srv_record("_sips._tcp.example.test", 1, 1, 5061, "sip1.example.test"));
  bench.zone.push_back(srv_record("_xmpp-client._tcp.example.test", 1, 1, 5222, "sip1.example.test"));
  bench.zone.push_back(srv_record("_sip._udp.other.test", 1, 1, 5060, "sip1.example.test"));
  for (const auto name : {"_sip._sctp.example.test", "_sips._tcp.example.test", "_xmpp-client._tcp.example.test", "_sip._udp.other.test"}) {
    const auto seen = bench.ask(name, type::srv);
    ASSERT_TRUE(seen);
    const auto original = bench.answer_of(bench.asked_upstream.back(), Bench::Upstream::answers);
    EXPECT_EQ(seen->bytes.substr(2), original.substr(2)) << name;  // all but the ID
  }
}

TEST(Nameserver, adds_itself_to_sips_when_it_has_a_tls_listener_DIS_06) {
  auto settings = Bench::usual();
  settings.listeners.push_back(*Target::parse("tls:10.77.0.2:5061"));
  Bench bench{settings};
  bench.zone.push_back(srv_record("_sips._tcp.example.test", 5, 1, 5061, "sip1.example.test"));
  EXPECT_EQ(bench.ask("_sips._tcp.example.test", type::srv)->services_text(), "5 1 5061 sip1.example.test, 6 0 5061 ringhold.example.test");
}

TEST(Nameserver, gives_the_client_his_id_and_spelling_D1_DIS_04) {
  Bench bench;
  for (int round = 0; round < 3; ++round) {  // forwarded, from the cache, finished
    const auto seen = bench.ask("_SIP._uDp.eXample.test", type::srv, {.id = static_cast<std::uint16_t>(7 + round)});
    EXPECT_EQ(seen->message.id, 7 + round);
    EXPECT_EQ(seen->message.questions.front().name.text(), "_SIP._uDp.eXample.test");
    EXPECT_EQ(seen->services().size(), 3U);
  }
  EXPECT_EQ(bench.ask("_sip._UDP.example.test", type::srv)->message.questions.front().name.text(), "_sip._UDP.example.test");
  EXPECT_EQ(bench.asked_upstream.size(), 1U);
}

TEST(Nameserver, asks_upstream_with_fresh_ids_and_slots_D1) {
  Bench bench;
  std::set<std::uint16_t> ids;
  std::set<std::uint64_t> slots;
  for (int i = 0; i < 50; ++i) {
    bench.ask("n" + std::to_string(i) + ".example.test", type::a);
    ids.insert(bench.asked_upstream.back().message.id);
    slots.insert(bench.asked_upstream.back().to.flow.number);
  }
  EXPECT_GT(ids.size(), 48U);
  EXPECT_EQ(slots.size(), 50U);
  EXPECT_EQ(bench.closed.size(), 50U);
  EXPECT_EQ(bench.nameserver->queries_in_flight(), 0U);
}

TEST(Nameserver, takes_an_answer_only_if_slot_source_id_and_question_agree_D1) {
  Bench bench;
  bench.upstream = Bench::Upstream::silent;
  bench.ask("www.example.test", type::a);
  const Seen query = bench.asked_upstream.back();
  const std::string good = bench.answer_of(query, Bench::Upstream::answers);
  const Endpoint source = query.to.remote;
  const auto refused = [&](std::string bytes, FlowId flow, const Endpoint& from) {
    bench.deliver(bytes, flow, from);
    return bench.answered.empty();
  };
  std::string other_id = good;
  other_id[0] = static_cast<char>(other_id[0] ^ 1);
  std::string other_name = good;
  other_name[13] = 'x';
  std::string other_type = good;
  other_type[12 + 18 + 1] = 28;
  std::string no_answer = good;
  no_answer[2] = 1;
  EXPECT_TRUE(refused(other_id, query.to.flow, source));
  EXPECT_TRUE(refused(other_name, query.to.flow, source));
  EXPECT_TRUE(refused(other_type, query.to.flow, source));
  EXPECT_TRUE(refused(no_answer, query.to.flow, source));
  EXPECT_TRUE(refused(good, upstream_flow(static_cast<std::uint32_t>(query.to.flow.number) + (1U << 12U)), source));
  EXPECT_TRUE(refused(good, query.to.flow, {source.address, Port{54}}));
  EXPECT_TRUE(refused(good, query.to.flow, {*Address::parse("10.78.0.2"), source.port}));
  EXPECT_FALSE(refused(good, query.to.flow, source));
}

TEST(Nameserver, asks_once_for_all_who_ask_the_same_D1_DIS_17) {
  Bench bench;
  bench.upstream_delay = 100ms;
  for (std::uint16_t i = 0; i < 200; ++i) bench.ask(service, type::srv, {.id = i, .client = "10.77.0." + std::to_string(i + 20)});
  bench.ask(service, type::srv, {.id = 3, .client = "10.77.0.23"});  // the same again
  bench.pass(150ms);
  EXPECT_EQ(bench.asked_upstream.size(), 1U);
  EXPECT_EQ(bench.answered.size(), 200U);
}

TEST(Nameserver, two_hundred_phones_cost_no_more_than_one_DIS_17) {
  const auto queries_in_ten_minutes = [](int phones) {
    Bench bench{Bench::LookUps::from_start};
    for (int second = 0; second < 600; second += 20) {
      for (int i = 0; i < phones; ++i)
        for (const auto name : {"_sip._udp.example.test", "_sip._tcp.example.test"})
          bench.ask(name, type::srv, {.client = "10.77.0." + std::to_string(i + 20)});
      for (const auto name : {"sip1.example.test", "sip2.example.test"}) bench.ask(name, type::a);
      bench.pass(20s);
    }
    return bench.asked_upstream.size();
  };
  const auto one = queries_in_ten_minutes(1);
  EXPECT_EQ(queries_in_ten_minutes(200), one);
  EXPECT_LE(one, 16U);  // five names, every 297 s
}

TEST(Nameserver, retries_over_tcp_what_came_truncated_D1_D10) {
  Bench bench;
  bench.upstream = Bench::Upstream::truncates;
  const auto seen = bench.ask(service, type::srv);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->services().size(), 3U);
  ASSERT_EQ(bench.asked_upstream.size(), 2U);
  EXPECT_EQ(bench.asked_upstream[1].to.transport, Transport::tcp);
  EXPECT_NE(bench.asked_upstream[0].message.id, bench.asked_upstream[1].message.id);
  EXPECT_EQ(bench.closed.size(), 2U);
}

TEST(Nameserver, follows_an_alias_to_the_service_DIS_07) {
  Bench bench;
  bench.zone = {cname_record("_sip._udp.example.test", "_sip._udp.hosted.test"),
                srv_record("_sip._udp.hosted.test", 5, 5, 5060, "sip1.example.test")};
  for (int round = 0; round < 2; ++round) {
    const auto seen = bench.ask(service, type::srv);
    const auto answers = seen->section(Section::answer);
    ASSERT_EQ(answers.size(), 3U);
    EXPECT_EQ(answers[0].type, type::cname);
    EXPECT_EQ(answers[2].name.text(), "_sip._udp.hosted.test");
    EXPECT_EQ(seen->services_text(), "5 5 5060 sip1.example.test, 6 0 5060 ringhold.example.test");
    EXPECT_EQ(answers[0].ttl, answers[2].ttl);
  }
}

TEST(Nameserver, leaves_empty_answers_as_they_are_D3) {
  Bench bench;
  bench.zone.clear();
  const auto seen = bench.ask(service, type::srv);
  EXPECT_EQ(seen->message.rcode(), dns::Rcode::nx_domain);
  EXPECT_TRUE(seen->services().empty());
  bench.zone = {srv_record("_sip._tcp.example.test", 0, 0, 0, ".")};
  const auto absent = bench.ask("_sip._tcp.example.test", type::srv);
  ASSERT_EQ(absent->services().size(), 1U);
  EXPECT_TRUE(absent->services()[0].target.is_root());
}

TEST(Nameserver, adds_itself_to_empty_answers_when_told_to_D3) {
  auto settings = Bench::usual();
  settings.inject_when_empty = true;
  Bench bench{settings};
  bench.zone.clear();
  const auto seen = bench.ask(service, type::srv);
  EXPECT_EQ(seen->message.rcode(), dns::Rcode::no_error);
  EXPECT_EQ(seen->services_text(), "1 0 5060 ringhold.example.test");
  EXPECT_TRUE(seen->section(Section::authority).empty());
}

TEST(Nameserver, warns_once_when_no_priority_is_left_DIS_08) {
  Bench bench;
  bench.zone = {srv_record("_sip._udp.example.test", 65'535, 50, 5060, "sip1.example.test")};
  EXPECT_EQ(bench.ask(service, type::srv)->services_text(), "65535 50 5060 sip1.example.test, 65535 0 5060 ringhold.example.test");
  bench.pass(400s);
  bench.ask(service, type::srv);
  EXPECT_EQ(std::ranges::count(bench.notes, "dns_priority_exhausted"), 1);
}

TEST(Nameserver, answers_its_own_name_without_upstream_D4_DIS_12) {
  auto settings = Bench::usual();
  settings.branch_addresses = {*Address::parse("10.99.0.2"), *Address::parse("10.77.0.2"), *Address::parse("2001:db8::2")};
  Bench bench{settings};
  bench.upstream = Bench::Upstream::silent;
  const auto a = bench.ask("Ringhold.example.test", type::a);
  EXPECT_EQ(a->addresses(Section::answer),
            (Strings{"Ringhold.example.test 10.77.0.2", "Ringhold.example.test 10.99.0.2"}));  // the asked one first
  EXPECT_EQ(bench.ask("ringhold.example.test", type::aaaa)->addresses(Section::answer), (Strings{"ringhold.example.test 2001:db8::2"}));
  const auto mx = bench.ask("ringhold.example.test", type::mx);
  EXPECT_EQ(mx->message.rcode(), dns::Rcode::no_error);
  EXPECT_TRUE(mx->message.records.empty());
  EXPECT_TRUE(bench.asked_upstream.empty());
}

TEST(Nameserver, counts_ttls_down_from_the_cache_D8_DIS_13) {
  Bench bench;
  EXPECT_EQ(bench.ask("www.example.test", type::a)->message.records[0].ttl, 300U);
  bench.pass(100s);
  EXPECT_EQ(bench.ask("www.example.test", type::a)->message.records[0].ttl, 200U);
  EXPECT_EQ(bench.asked_upstream.size(), 1U);
  bench.zone = {a_record("www.example.test", "10.78.0.81")};
  bench.pass(201s);
  EXPECT_EQ(bench.ask("www.example.test", type::a)->addresses(Section::answer), (Strings{"www.example.test 10.78.0.81"}));
  EXPECT_EQ(bench.asked_upstream.size(), 2U);
}

TEST(Nameserver, caches_absence_as_long_as_the_soa_says_D8_RFC2308) {
  Bench bench;
  EXPECT_EQ(bench.ask("none.example.test", type::a)->message.rcode(), dns::Rcode::nx_domain);
  bench.pass(59s);
  EXPECT_EQ(bench.ask("none.example.test", type::a)->message.rcode(), dns::Rcode::nx_domain);
  EXPECT_EQ(bench.asked_upstream.size(), 1U);
  bench.pass(2s);
  bench.ask("none.example.test", type::a);
  EXPECT_EQ(bench.asked_upstream.size(), 2U);
}

TEST(Nameserver, learns_addresses_from_additional_and_answers_from_them_D5_DIS_13) {
  Bench bench;
  bench.upstream = Bench::Upstream::silent;
  bench.ask(service, type::srv);
  const Seen query = bench.asked_upstream.back();
  std::string answer = bench.answer_of(query, Bench::Upstream::answers);
  answer[11] = 1;  // ARCOUNT
  answer += std::string{dns::Name::from_text("sip1.example.test")->wire()} + std::string("\0\1\0\1\0\0\0\x64\0\4\x0a\x4e\0\x63", 14);
  bench.deliver(answer, query.to.flow, query.to.remote);
  bench.pass(10s);
  const auto seen = bench.ask("sip1.example.test", type::a);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->addresses(Section::answer), (Strings{"sip1.example.test 10.78.0.99"}));
  EXPECT_EQ(seen->message.records[0].ttl, 90U);
}

TEST(Nameserver, takes_no_addresses_for_names_nobody_asked_about) {
  Bench bench;
  bench.upstream = Bench::Upstream::silent;
  bench.ask("evil.test", type::a);
  const Seen query = bench.asked_upstream.back();
  std::string answer = bench.answer_of(query, Bench::Upstream::answers);
  answer[11] = 1;
  answer += std::string{dns::Name::from_text("sip1.example.test")->wire()} + std::string("\0\1\0\1\0\0\0\x64\0\4\x0a\x4e\0\x63", 14);
  bench.deliver(answer, query.to.flow, query.to.remote);
  EXPECT_TRUE(bench.nameserver->addresses_of("sip1.example.test").empty());
}

TEST(Nameserver, keeps_other_records_and_drops_only_the_altered_sets_signatures_D9) {
  Bench bench;
  const auto signature = [](std::string owner, std::uint16_t covered) {
    return ZoneRecord{
        std::move(owner), type::rrsig, 300,
        std::string{static_cast<char>(covered >> 8U), static_cast<char>(covered & 0xffU)} + std::string(16, 's') + '\0' + "sig"};
  };
  bench.upstream = Bench::Upstream::silent;
  const Asking asking{.payload = 1232, .dnssec_ok = true};
  bench.ask(service, type::srv, asking);
  const Seen query = bench.asked_upstream.back();
  EXPECT_TRUE(query.message.edns->dnssec_ok);
  std::string out;
  dns::Builder builder{out, query.message.id, 0x81a0, query.message.questions.front()};  // AD
  const auto add = [&](Section section, const ZoneRecord& one) {
    builder.add(section, *dns::Name::from_text(one.owner), one.type, 1, one.ttl, one.data);
  };
  add(Section::answer, bench.zone[0]);
  add(Section::answer, signature("_sip._udp.example.test", type::srv));
  add(Section::authority, {"example.test", type::ns, 300, std::string("\2ns\0", 4)});
  add(Section::additional, a_record("sip1.example.test", "10.78.0.11"));
  add(Section::additional, signature("sip1.example.test", type::a));
  bench.deliver(out, query.to.flow, query.to.remote);
  ASSERT_FALSE(bench.answered.empty());
  const Seen& seen = bench.answered.back();
  EXPECT_EQ(seen.message.flags & dns::flag::ad, 0);
  EXPECT_EQ(seen.section(Section::answer).size(), 2U);
  EXPECT_EQ(seen.section(Section::authority).size(), 1U);
  EXPECT_EQ(std::ranges::count(seen.message.records, type::rrsig, &dns::Record::type), 1);
  EXPECT_EQ(seen.addresses(Section::additional).size(), 2U);
}

TEST(Nameserver, passes_signatures_and_ad_of_other_names_D9) {
  Bench bench;
  bench.upstream = Bench::Upstream::silent;
  bench.ask("www.example.test", type::a, {.payload = 1232, .dnssec_ok = true, .checking_disabled = true});
  const Seen query = bench.asked_upstream.back();
  EXPECT_NE(query.message.flags & dns::flag::cd, 0);
  std::string out;
  dns::Builder builder{out, query.message.id, 0x81b0, query.message.questions.front()};
  builder.add(Section::answer, query.message.questions.front().name, type::rrsig, 1, 300, std::string(30, 's'));
  builder.add_edns(true, std::nullopt);
  bench.deliver(out, query.to.flow, query.to.remote);
  ASSERT_FALSE(bench.answered.empty());
  EXPECT_EQ(bench.answered.back().bytes.substr(2), out.substr(2));
}

TEST(Nameserver, asks_again_for_a_client_with_other_dnssec_wishes_D9) {
  Bench bench;
  bench.ask("www.example.test", type::a);
  bench.ask("www.example.test", type::a, {.payload = 1232, .dnssec_ok = true});
  bench.ask("www.example.test", type::a, {.checking_disabled = true});
  EXPECT_EQ(bench.asked_upstream.size(), 3U);
}

}  // namespace
}  // namespace ringhold::nameserver
