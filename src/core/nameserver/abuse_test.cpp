// Who asks too much, from outside, or nonsense (D10, D11); and answers that are too large (D2, DIS-09).
#include <gtest/gtest.h>

#include "nameserver/bench_test.hpp"

namespace ringhold::nameserver {
namespace {

using dns::Rcode;
using dns::Section;
namespace type = dns::type;
using Asking = Bench::Asking;

constexpr std::string_view service = "_sip._udp.example.test";

TEST(Abuse, refuses_outsiders_but_not_too_often_D11) {
  Bench bench;
  for (int i = 0; i < 1000; ++i) {
    bench.ask(service, type::srv, {.client = "192.0.2.1"});
    bench.pass(1ms);
  }
  ASSERT_FALSE(bench.answered.empty());
  EXPECT_LE(bench.answered.size(), 11U);
  EXPECT_EQ(bench.answered[0].message.rcode(), Rcode::refused);
  EXPECT_EQ(bench.answered[0].message.questions.size(), 1U);
  EXPECT_TRUE(bench.answered[0].message.records.empty());
  EXPECT_EQ(bench.nameserver->counters().refused, 1000U);
  EXPECT_TRUE(bench.asked_upstream.empty());
}

TEST(Abuse, never_answers_an_answer_D11) {
  Bench bench;
  std::string query = Bench::query(service, type::srv, {});
  query[2] = static_cast<char>(0x81);
  bench.give(query, {});
  bench.give("short", {});
  bench.give("", {});
  EXPECT_TRUE(bench.answered.empty());
  EXPECT_EQ(bench.nameserver->counters().dropped, 3U);
}

TEST(Abuse, refuses_what_it_does_not_do_D11) {
  Bench bench;
  const auto answer_to = [&](const std::string& query) {
    bench.give(query, {});
    return bench.answered.back().message.rcode();
  };
  std::string notify = Bench::query(service, type::srv, {});
  notify[2] = 0x21;
  EXPECT_EQ(answer_to(notify), Rcode::not_imp);
  EXPECT_EQ(bench.answered.back().message.opcode(), 4U);
  std::string none = Bench::query(service, type::srv, {});
  none[5] = 0;
  EXPECT_EQ(answer_to(none), Rcode::form_err);
  std::string two = Bench::query(service, type::srv, {});
  two[5] = 2;
  EXPECT_EQ(answer_to(two), Rcode::form_err);
  EXPECT_EQ(answer_to(Bench::query(service, type::srv, {}) + "tail"), Rcode::form_err);
  EXPECT_EQ(answer_to(Bench::query(service, 252, {})), Rcode::not_imp);  // AXFR
  EXPECT_EQ(bench.nameserver->counters().malformed, 5U);
  EXPECT_TRUE(bench.asked_upstream.empty());
}

TEST(Abuse, answers_another_edns_version_with_badvers_RFC6891) {
  Bench bench;
  std::string query = Bench::query(service, type::srv, {.payload = 1232});
  query[query.size() - 5] = 1;  // version
  bench.give(query, {});
  const Seen& seen = bench.answered.back();
  EXPECT_EQ(seen.message.rcode(), Rcode::no_error);
  EXPECT_EQ(seen.bytes[seen.message.opt_offset + 5], 1);  // 16 = 1 << 4 | 0
  EXPECT_EQ(seen.message.edns->version, 0);
}

TEST(Abuse, answers_any_with_one_small_record_RFC8482) {
  Bench bench;
  const auto seen = bench.ask("example.test", type::any);
  ASSERT_EQ(seen->message.records.size(), 1U);
  EXPECT_EQ(seen->message.records[0].type, 13);
  EXPECT_TRUE(bench.asked_upstream.empty());
}

TEST(Abuse, limits_queries_that_wait_for_each_client_D11) {
  Bench bench;
  bench.ask("www.example.test", type::a);
  bench.upstream = Bench::Upstream::silent;
  for (int i = 0; i < 200; ++i) bench.ask("n" + std::to_string(i) + ".test", type::a);
  EXPECT_EQ(bench.nameserver->queries_in_flight(), limits::dns_queries_per_client);
  EXPECT_EQ(bench.nameserver->counters().dropped, 200U - limits::dns_queries_per_client);
  bench.ask("other.test", type::a, {.client = "10.77.0.99"});
  EXPECT_EQ(bench.nameserver->queries_in_flight(), limits::dns_queries_per_client + 1);
}

TEST(Abuse, fails_at_once_when_too_many_queries_are_in_flight_D11) {
  Bench bench;
  bench.ask("www.example.test", type::a);
  bench.upstream = Bench::Upstream::silent;
  for (std::size_t i = 0; i <= limits::dns_queries_in_flight; ++i)
    bench.ask("n" + std::to_string(i) + ".test", type::a, {.client = "10.77.0." + std::to_string(i / 100 + 20)});
  EXPECT_EQ(bench.nameserver->queries_in_flight(), limits::dns_queries_in_flight);
  ASSERT_EQ(bench.answered.size(), 2U);
  EXPECT_EQ(bench.answered.back().message.rcode(), Rcode::serv_fail);
  bench.pass(10s);
  EXPECT_EQ(bench.nameserver->queries_in_flight(), 0U);
}

TEST(Abuse, keeps_sip_names_when_others_fill_the_cache_D8) {
  Bench bench;
  bench.ask(service, type::srv);
  for (std::size_t i = 0; i < limits::dns_cache_entries + 10; ++i) bench.ask("n" + std::to_string(i) + ".test", type::a);
  EXPECT_LE(bench.nameserver->cache_entries(), limits::dns_cache_entries + Nameserver::sip_cache_entries);
  const auto asked = bench.asked_upstream.size();
  bench.ask(service, type::srv);
  EXPECT_EQ(bench.asked_upstream.size(), asked);
}

std::vector<ZoneRecord> many_servers(int count) {
  std::vector<ZoneRecord> zone;
  for (int i = 0; i < count; ++i)
    zone.push_back(
        srv_record("_sip._udp.example.test", 10, 1, 5060, "a-rather-long-name-of-a-server-" + std::to_string(i) + ".example.test"));
  return zone;
}

TEST(Size, drops_additional_before_it_truncates_D2_DIS_09) {
  auto settings = Bench::usual();
  settings.branch_addresses.push_back(*Address::parse("10.77.0.3"));
  Bench bench{settings};
  bench.zone = many_servers(6);
  const auto seen = bench.ask(service, type::srv);
  EXPECT_LE(seen->bytes.size(), 512U);
  EXPECT_EQ(seen->services().size(), 7U);
  EXPECT_EQ(seen->message.flags & dns::flag::tc, 0);
  EXPECT_TRUE(seen->section(Section::additional).empty());
  EXPECT_FALSE(bench.ask(service, type::srv, {.payload = 1232})->section(Section::additional).empty());
}

TEST(Size, truncates_for_udp_and_is_whole_over_tcp_D2_D10) {
  Bench bench;
  bench.zone = many_servers(20);
  const auto udp = bench.ask(service, type::srv);
  EXPECT_NE(udp->message.flags & dns::flag::tc, 0);
  EXPECT_TRUE(udp->message.records.empty());
  const auto edns = bench.ask(service, type::srv, {.payload = 4096});
  EXPECT_NE(edns->message.flags & dns::flag::tc, 0);  // capped at 1232
  EXPECT_LE(edns->bytes.size(), 1232U);
  const auto tcp = bench.ask(service, type::srv, {.transport = Transport::tcp});
  EXPECT_EQ(tcp->services().size(), 21U);
  EXPECT_EQ(tcp->to.transport, Transport::tcp);
  EXPECT_FALSE(tcp->section(Section::additional).empty());
}

TEST(Size, shortens_untouched_answers_too_D1) {
  Bench bench;
  for (int i = 0; i < 40; ++i) bench.zone.push_back(a_record("many.example.test", "10.1.0." + std::to_string(i)));
  const auto udp = bench.ask("many.example.test", type::a);
  EXPECT_NE(udp->message.flags & dns::flag::tc, 0);
  EXPECT_LE(udp->bytes.size(), 512U);
  EXPECT_EQ(bench.ask("many.example.test", type::a, {.transport = Transport::tcp})->message.records.size(), 40U);
}

TEST(Edns, is_answered_and_never_echoed_D10_DIS_10) {
  Bench bench;
  std::string query = Bench::query(service, type::srv, {.payload = 1400});
  query.resize(query.size() - 2);
  query += std::string(
      "\0\xc\0\xa\0\x8"
      "cookie!!",
      14);
  bench.give(query, {});
  bench.pass(Duration::zero());
  ASSERT_FALSE(bench.answered.empty());
  EXPECT_EQ(bench.answered.back().message.edns->payload, 1232);
  EXPECT_EQ(bench.answered.back().bytes.find("cookie"), std::string::npos);
  EXPECT_EQ(bench.asked_upstream.back().bytes.find("cookie"), std::string::npos);
  EXPECT_FALSE(bench.ask(service, type::srv)->message.edns);
}

TEST(Reconfigure, forgets_upstreams_that_are_gone_and_takes_late_answers_in_peace) {
  Bench bench;
  bench.upstream = Bench::Upstream::silent;
  bench.ask("www.example.test", type::a);
  auto settings = Bench::usual();
  settings.upstreams.clear();
  settings.domain = "other.test";
  bench.nameserver->reconfigure(settings, bench.now);
  bench.answer(bench.asked_upstream.front());
  EXPECT_EQ(bench.answered.size(), 1U);
  EXPECT_EQ(bench.ask("_sip._udp.other.test", type::srv)->services_text(), "1 0 5060 ringhold.example.test");
  bench.pass(10s);
}

TEST(Reconfigure, to_no_upstream_at_all_lets_waiting_clients_have_their_answer) {
  Bench bench;
  bench.upstream = Bench::Upstream::silent;
  bench.ask(service, type::srv);
  auto settings = Bench::usual();
  settings.upstreams.clear();
  bench.nameserver->reconfigure(settings, bench.now);
  bench.pass(1s);  // its second attempt has nowhere to go
  EXPECT_EQ(bench.answered.size(), 1U);
}

TEST(Restore, leaves_out_rows_that_make_no_sense) {
  Bench bench;
  const auto restore = [&](std::vector<Column> columns) { bench.nameserver->restore(Row{Table::learnt, std::move(columns)}, bench.now); };
  const std::int64_t later = to_unix_ms(bench.now) + 1000;
  restore({});
  restore({Text{"k"}, Text{"sip1.example.test"}, std::int64_t{1}, Text{"0a4e"}, later, std::int64_t{300}});  // half an address
  restore({Text{"k"}, Text{"sip1.example.test"}, std::int64_t{1}, Text{"0a4e00zz"}, later, std::int64_t{300}});
  restore({Text{"k"}, Text{"sip1..test"}, std::int64_t{1}, Text{"0a4e000b"}, later, std::int64_t{300}});
  restore({Text{"k"}, Text{"sip1.example.test"}, std::int64_t{1}, Text{"0a4e000b"}, std::int64_t{INT64_MAX}, std::int64_t{300}});
  restore({Text{"k"}, Text{"_sip._udp.other.test"}, std::int64_t{33}, Text{"000a000013c400"}, later, std::int64_t{300}});
  restore({Text{"k"}, Text{"sip1.example.test"}, std::int64_t{1}, Text{"0a4e000b"}, to_unix_ms(bench.now - 24h * 31),
           std::int64_t{300}});  // too old
  EXPECT_EQ(bench.nameserver->learnt_records(), 0U);
  restore({Text{"k"}, Text{"sip1.example.test"}, std::int64_t{1}, Text{"0a4e000b"}, later, std::int64_t{300}});
  EXPECT_EQ(bench.nameserver->learnt_records(), 1U);
}

}  // namespace
}  // namespace ringhold::nameserver
