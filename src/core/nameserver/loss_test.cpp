// The upstream is slow, silent, refused or back: built answers, stale answers, retries (D6, D7, X-23).
#include <gtest/gtest.h>

#include <algorithm>

#include "nameserver/bench_test.hpp"

namespace ringhold::nameserver {
namespace {

using dns::Section;
namespace type = dns::type;
using Strings = std::vector<std::string>;
using Upstream = Bench::Upstream;
using LookUps = Bench::LookUps;

constexpr std::string_view service = "_sip._udp.example.test";

TEST(LostUpstream, names_ourselves_alone_when_nothing_was_learnt_DIS_16b) {
  Bench bench;
  bench.upstream = Upstream::silent;
  const Instant asked = bench.now;
  EXPECT_FALSE(bench.ask(service, type::srv));
  bench.pass(800ms);
  ASSERT_EQ(bench.answered.size(), 1U);
  EXPECT_EQ(bench.answered[0].services_text(), "1 0 5060 ringhold.example.test");
  EXPECT_EQ(bench.answered[0].section(Section::answer)[0].ttl, 30U);
  EXPECT_LE(bench.now - asked, 800ms);  // DIS-15
}

TEST(LostUpstream, makes_only_the_first_wait_DIS_15) {
  Bench bench;
  bench.upstream = Upstream::silent;
  bench.ask(service, type::srv);
  bench.pass(800ms);
  const auto asked = bench.asked_upstream.size();
  EXPECT_TRUE(bench.ask(service, type::srv));
  EXPECT_TRUE(bench.ask("_sip._tcp.example.test", type::srv));
  EXPECT_EQ(bench.asked_upstream.size(), asked);
  EXPECT_EQ(bench.nameserver->counters().built, 3U);
}

TEST(LostUpstream, answers_at_once_when_the_link_refuses_DIS_15) {
  Bench bench;
  bench.upstream = Upstream::refuses;
  EXPECT_TRUE(bench.ask(service, type::srv));
  EXPECT_EQ(bench.nameserver->upstream_state(), UpstreamState::refused);
  const auto other = bench.ask("www.elsewhere.test", type::a);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->message.rcode(), dns::Rcode::serv_fail);
}

TEST(LostUpstream, gives_learnt_servers_long_after_their_ttl_DIS_16a) {
  Bench bench{LookUps::from_start};
  bench.upstream = Upstream::silent;
  bench.pass(2h);
  const auto seen = bench.ask(service, type::srv);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->services_text(), "10 60 5060 sip1.example.test, 20 40 5060 sip2.example.test, 21 0 5060 ringhold.example.test");
  for (const auto& record : seen->message.records) EXPECT_LE(record.ttl, 30U);
  EXPECT_EQ(seen->addresses(Section::additional),
            (Strings{"ringhold.example.test 10.77.0.2", "sip1.example.test 10.78.0.11", "sip2.example.test 10.78.0.12"}));
  EXPECT_EQ(bench.ask("sip2.example.test", type::a)->addresses(Section::answer), (Strings{"sip2.example.test 10.78.0.12"}));
}

TEST(LostUpstream, knows_the_same_after_a_restart_in_the_dark_DIS_16c) {
  Bench bench{LookUps::from_start};
  bench.upstream = Upstream::silent;
  bench.pass(1h);
  const auto before = bench.ask(service, type::srv)->services_text();
  bench.restart();
  bench.nameserver->start(bench.now);
  bench.pass(900ms);
  const auto seen = bench.ask(service, type::srv);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->services_text(), before);
  EXPECT_EQ(bench.nameserver->addresses_of("sip1.example.test"), std::vector{*Address::parse("10.78.0.11")});
  EXPECT_EQ(bench.nameserver->central_servers().size(), 4U);
}

TEST(LostUpstream, learns_through_an_alias_DIS_16) {
  Bench bench;
  bench.zone = {cname_record("_sip._udp.example.test", "_sip._udp.hosted.test", 5),
                srv_record("_sip._udp.hosted.test", 5, 5, 5060, "sip1.example.test", 5)};
  bench.ask(service, type::srv);
  bench.restart();
  bench.upstream = Upstream::silent;
  bench.ask(service, type::srv);
  bench.pass(800ms);
  EXPECT_EQ(bench.answered.back().services_text(), "5 5 5060 sip1.example.test, 6 0 5060 ringhold.example.test");
}

TEST(LostUpstream, says_nodata_to_naptr_and_servfail_to_unknown_addresses_DIS_16) {
  Bench bench;
  bench.upstream = Upstream::refuses;
  const auto naptr = bench.ask("example.test", type::naptr);
  EXPECT_EQ(naptr->message.rcode(), dns::Rcode::no_error);
  EXPECT_TRUE(naptr->message.records.empty());
  const auto unknown = bench.ask("sip9.example.test", type::a, {.payload = 1232});
  EXPECT_EQ(unknown->message.rcode(), dns::Rcode::serv_fail);
  EXPECT_EQ(unknown->extended_error(), 23U);  // RFC 8914: network error
  bench.upstream = Upstream::silent;
}

TEST(LostUpstream, gives_a_learnt_naptr_D6) {
  Bench bench{LookUps::none};
  const std::string data = std::string("\0\x0a\0\x32\1s\7SIP+D2U\0", 15) + std::string{dns::Name::from_text(service)->wire()};
  bench.zone.push_back({"example.test", type::naptr, 5, data});
  bench.ask("example.test", type::naptr);
  bench.upstream = Upstream::refuses;
  bench.pass(24h * 2);  // beyond what the cache keeps
  const auto seen = bench.ask("example.test", type::naptr);
  ASSERT_EQ(seen->message.records.size(), 1U);
  EXPECT_EQ(seen->message.records[0].data, data);
}

TEST(LostUpstream, gives_stale_answers_for_other_names_RFC8767) {
  Bench bench;
  bench.ask("www.example.test", type::a);
  bench.upstream = Upstream::refuses;
  bench.pass(1h);
  const auto seen = bench.ask("www.example.test", type::a, {.payload = 1232});
  EXPECT_EQ(seen->addresses(Section::answer), (Strings{"www.example.test 10.78.0.80"}));
  EXPECT_EQ(seen->message.records[0].ttl, 30U);
  EXPECT_EQ(seen->extended_error(), 3U);
  EXPECT_EQ(bench.nameserver->counters().stale, 1U);
}

TEST(LostUpstream, notices_its_return_within_seconds_X_23) {
  Bench bench{LookUps::from_start};
  bench.upstream = Upstream::silent;
  bench.pass(10min);
  EXPECT_EQ(bench.nameserver->upstream_state(), UpstreamState::silent);
  bench.zone = {srv_record("_sip._udp.example.test", 7, 7, 5060, "new.example.test"), a_record("new.example.test", "10.78.0.77")};
  bench.upstream = Upstream::answers;
  bench.pass(6s);
  EXPECT_EQ(bench.nameserver->upstream_state(), UpstreamState::answering);
  EXPECT_EQ(bench.ask(service, type::srv)->services_text(), "7 7 5060 new.example.test, 8 0 5060 ringhold.example.test");
  EXPECT_EQ(bench.nameserver->addresses_of("new.example.test").size(), 1U);
  EXPECT_TRUE(bench.noted("dns_upstream_lost"));
  EXPECT_TRUE(bench.noted("dns_upstream_answers"));
}

TEST(LostUpstream, asks_one_question_each_five_seconds_while_lost_X_23) {
  Bench bench{LookUps::from_start};
  bench.upstream = Upstream::silent;
  bench.pass(10min);
  const auto before = bench.asked_upstream.size();
  bench.pass(5min);
  EXPECT_LE(bench.asked_upstream.size() - before, 2U * 61);  // each twice over UDP
  EXPECT_GE(bench.asked_upstream.size() - before, 10U);      // at least every 30 s
}

TEST(LostUpstream, does_not_take_a_broken_zone_for_a_dead_upstream) {
  Bench bench{LookUps::from_start};
  for (const auto name : {"a.dead.test", "b.dead.test", "c.dead.test", "d.dead.test"}) {
    bench.ask(name, type::a);
    bench.pass(900ms);
    EXPECT_EQ(bench.answered.back().message.rcode(), dns::Rcode::serv_fail);
  }
  EXPECT_EQ(bench.nameserver->upstream_state(), UpstreamState::answering);
  EXPECT_FALSE(bench.noted("dns_upstream_lost"));
  EXPECT_EQ(bench.ask("fine.example.test", type::a)->message.rcode(), dns::Rcode::nx_domain);
}

TEST(SlowUpstream, still_answers_in_time_after_a_repetition_INT_05) {
  Bench bench;
  bench.upstream_delay = 600ms;
  bench.ask("www.example.test", type::a);
  bench.pass(600ms);
  ASSERT_EQ(bench.answered.size(), 1U);
  EXPECT_EQ(bench.answered[0].addresses(Section::answer).size(), 1U);
  EXPECT_EQ(bench.asked_upstream.size(), 2U);  // the repetition after half of dns.timeout did not close the first socket
}

TEST(SlowUpstream, is_learnt_from_though_nobody_waits_any_more_INT_05) {
  Bench bench;
  bench.upstream_delay = 900ms;
  bench.ask(service, type::srv);
  bench.pass(800ms);
  ASSERT_EQ(bench.answered.size(), 1U);
  EXPECT_EQ(bench.answered[0].services().size(), 1U);
  bench.pass(200ms);
  EXPECT_EQ(bench.nameserver->upstream_state(), UpstreamState::answering);
  EXPECT_EQ(bench.ask(service, type::srv)->services().size(), 3U);
  EXPECT_EQ(bench.answered.size(), 2U);
}

TEST(SlowUpstream, lets_only_the_first_wait_for_a_slow_name) {
  Bench bench;
  bench.ask("slow.dead.test", type::a);
  bench.pass(800ms);
  const auto asked = bench.asked_upstream.size();
  EXPECT_EQ(bench.ask("slow.dead.test", type::a)->message.rcode(), dns::Rcode::serv_fail);
  EXPECT_EQ(bench.asked_upstream.size(), asked);
  bench.pass(10s);
  EXPECT_EQ(bench.nameserver->queries_in_flight(), 0U);
}

TEST(Upstreams, are_asked_one_after_another_D1) {
  auto settings = Bench::usual();
  settings.upstreams.push_back(*Endpoint::parse("10.78.0.2:53", Port{53}));
  Bench bench{settings};
  bench.upstream = Upstream::silent;
  bench.ask("www.example.test", type::a);
  EXPECT_EQ(bench.asked_upstream.back().to.remote.address, *Address::parse("10.78.0.1"));
  bench.pass(400ms);
  ASSERT_EQ(bench.asked_upstream.size(), 2U);
  EXPECT_EQ(bench.asked_upstream.back().to.remote.address, *Address::parse("10.78.0.2"));
  bench.answer(bench.asked_upstream.back());
  EXPECT_EQ(bench.answered.size(), 1U);
  bench.ask("sip1.example.test", type::a);  // the one that answers is the best
  EXPECT_EQ(bench.asked_upstream.back().to.remote.address, *Address::parse("10.78.0.2"));
}

TEST(Upstreams, are_changed_at_once_on_an_error_D1) {
  auto settings = Bench::usual();
  settings.upstreams.push_back(*Endpoint::parse("10.78.0.2:53", Port{53}));
  for (const Upstream how : {Upstream::refuses, Upstream::servfail}) {
    Bench bench{settings};
    bench.upstream = Upstream::silent;
    bench.ask("www.example.test", type::a);
    const Seen first = bench.asked_upstream.back();
    if (how == Upstream::servfail) {
      bench.answer(first, how);
    } else {
      bench.upstream = how;
      Outbox box;
      bench.nameserver->upstream_changed({Protocol::dns, Transport::udp, first.to.flow, first.to.remote, FlowState::refused}, bench.now,
                                         box);
      ASSERT_EQ(box.sends().size(), 1U);
      EXPECT_EQ(box.sends()[0].destination.remote.address, *Address::parse("10.78.0.2"));
      continue;
    }
    ASSERT_EQ(bench.asked_upstream.size(), 2U);
    EXPECT_EQ(bench.asked_upstream.back().to.remote.address, *Address::parse("10.78.0.2"));
  }
}

TEST(Upstreams, that_say_servfail_do_not_hide_what_we_know_D6) {
  Bench bench{LookUps::from_start};
  bench.upstream = Upstream::servfail;
  bench.pass(10min);
  EXPECT_EQ(bench.ask(service, type::srv)->services().size(), 3U);
  EXPECT_EQ(bench.nameserver->upstream_state(), UpstreamState::answering);
  EXPECT_EQ(bench.ask("unknown.example.test", type::a)->message.rcode(), dns::Rcode::serv_fail);
}

TEST(Order, follows_what_the_mode_says_D7) {
  Bench bench;
  EXPECT_EQ(bench.ask(service, type::srv)->section(Section::answer)[0].ttl, 60U);
  bench.nameserver->set_order(Order::ours_first);
  const auto first = bench.ask(service, type::srv);
  EXPECT_EQ(first->services_text(), "1 0 5060 ringhold.example.test, 10 60 5060 sip1.example.test, 20 40 5060 sip2.example.test");
  for (const auto& record : first->section(Section::answer)) EXPECT_LE(record.ttl, 30U);
  bench.nameserver->set_order(Order::ours_only);
  EXPECT_EQ(bench.ask(service, type::srv)->services_text(), "1 0 5060 ringhold.example.test");
  bench.nameserver->set_order(Order::ours_last);
  EXPECT_EQ(bench.ask(service, type::srv)->services().back().target.text(), "ringhold.example.test");
  EXPECT_EQ(bench.asked_upstream.size(), 1U);
}

TEST(Order, is_not_kept_for_long_while_the_mode_is_in_doubt_D7) {
  Bench bench;
  EXPECT_EQ(bench.ask(service, type::srv)->section(Section::answer)[0].ttl, 60U);
  bench.nameserver->set_order_in_doubt(true);
  const auto doubtful = bench.ask(service, type::srv);
  EXPECT_EQ(doubtful->services().back().target.text(), "ringhold.example.test") << "the order is the same";
  ASSERT_EQ(doubtful->section(Section::answer).size(), 3U);
  for (const auto& record : doubtful->section(Section::answer)) EXPECT_EQ(record.ttl, 5U) << "DIS-10: one TTL";
  EXPECT_EQ(bench.ask("sip1.example.test", type::a)->section(Section::answer)[0].ttl, 300U) << "addresses stay what they are";
  bench.nameserver->set_order_in_doubt(false);
  EXPECT_EQ(bench.ask(service, type::srv)->section(Section::answer)[0].ttl, 60U);
  EXPECT_EQ(bench.asked_upstream.size(), 2U) << "DIS-17: upstream's own TTL counts for what is asked there";
}

TEST(LookUps, find_the_central_servers_at_start_and_before_they_expire_D8) {
  Bench bench{LookUps::from_start};
  EXPECT_TRUE(bench.nameserver->take_learnt_changed());
  EXPECT_FALSE(bench.nameserver->take_learnt_changed());
  const auto servers = bench.nameserver->central_servers();
  ASSERT_EQ(servers.size(), 4U);  // two names, UDP and TCP
  EXPECT_EQ(servers[0].target, *Target::parse("udp:10.78.0.11:5060"));
  EXPECT_EQ(servers[0].priority, 10);
  bench.pass(1h);
  const auto asked = bench.asked_upstream.size();
  EXPECT_EQ(bench.ask(service, type::srv)->services().size(), 3U);
  EXPECT_EQ(bench.asked_upstream.size(), asked);  // never a phone that waits
}

TEST(LookUps, forget_targets_that_are_no_longer_named) {
  Bench bench{LookUps::from_start};
  bench.zone = {srv_record("_sip._udp.example.test", 7, 7, 5060, "new.example.test"),
                srv_record("_sip._tcp.example.test", 7, 7, 5060, "new.example.test"), a_record("new.example.test", "10.78.0.77")};
  bench.pass(10min);
  const auto begin = bench.asked_upstream.size();
  bench.pass(10min);
  for (std::size_t i = begin; i < bench.asked_upstream.size(); ++i)
    EXPECT_NE(bench.asked_upstream[i].message.questions[0].name.text(), "sip1.example.test");
  EXPECT_EQ(bench.nameserver->central_servers().size(), 2U);
}

}  // namespace
}  // namespace ringhold::nameserver
