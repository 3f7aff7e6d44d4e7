#include "central/central.hpp"

#include <gtest/gtest.h>

#include "central/central_bench.hpp"

namespace ringhold::central {
namespace {

using Bench = CentralBench;

// DIS-25: 3 x (5 + 2) s and a tenth.
constexpr Duration loss_known_within = 23'100ms;

void all(Bench& bench, Bench::Server state) { bench.servers_[Bench::c1] = bench.servers_[Bench::c2] = state; }

TEST(Central, is_normal_while_all_servers_answer_S4) {
  Bench bench;
  bench.start();
  bench.answer_dns(DnsSign::answered);
  bench.pass(10min);
  EXPECT_EQ(bench.central_.mode(), Mode::normal);
  EXPECT_EQ(bench.central_.cause(), Cause::none);
  EXPECT_TRUE(bench.central_.dns_order_normal());
  for (const auto& report : bench.central_.report()) {
    EXPECT_EQ(report.health, Health::up);
    EXPECT_GE(report.rtt, 20ms);
  }
}

TEST(Central, probes_each_server_every_five_seconds_S1) {
  Bench bench;
  bench.start();
  bench.pass(10min);
  for (const auto& [target, probes] : bench.probes_) {
    EXPECT_GE(probes, 600 / 5.5 - 1);
    EXPECT_LE(probes, 600 / 4.5 + 1);
  }
  EXPECT_LE(bench.layer_.size(), 4U);
}

TEST(Central, is_survivable_in_time_when_the_wan_drops_DIS_25) {
  for (int offset = 0; offset < 20; ++offset) {
    Bench bench;
    bench.start();
    bench.pass(60s + offset * 300ms);
    all(bench, Bench::Server::silent);
    EXPECT_LE(bench.until(Mode::survivable, 60s), loss_known_within);
    EXPECT_FALSE(bench.central_.dns_order_normal());
    EXPECT_TRUE(bench.central_.usable_servers().empty());
  }
}

TEST(Central, passes_through_suspect_on_its_way_S4) {
  Bench bench;
  bench.start();
  bench.pass(60s);
  all(bench, Bench::Server::silent);
  EXPECT_LE(bench.until(Mode::suspect, 30s), 8s);
  EXPECT_TRUE(bench.central_.dns_order_normal());
  bench.until(Mode::survivable, 60s);
  EXPECT_TRUE(std::count(bench.notes_.begin(), bench.notes_.end(), "mode_changed normal suspect"));
  EXPECT_TRUE(std::count(bench.notes_.begin(), bench.notes_.end(), "mode_changed suspect survivable"));
}

TEST(Central, is_survivable_in_time_from_a_cold_start_in_the_dark_DIS_25) {
  Bench bench;
  all(bench, Bench::Server::silent);
  bench.start();
  EXPECT_EQ(bench.central_.mode(), Mode::normal);
  EXPECT_LE(bench.until(Mode::survivable, 60s), loss_known_within);
}

TEST(Central, is_survivable_with_no_server_known_and_dns_silent_INT_03) {
  Bench bench{{}};
  bench.start();
  bench.answer_dns(DnsSign::silent);
  EXPECT_EQ(bench.central_.mode(), Mode::suspect);
  EXPECT_LE(bench.until(Mode::survivable, 60s), loss_known_within);
  EXPECT_EQ(bench.central_.cause(), Cause::dns);
}

TEST(Central, knows_sooner_when_the_link_is_detectably_down_S1) {
  Bench bench;
  bench.start();
  bench.pass(60s);
  all(bench, Bench::Server::refusing);
  bench.answer_dns(DnsSign::refused);
  EXPECT_LE(bench.until(Mode::survivable, 60s), 6s);
  EXPECT_EQ(bench.central_.cause(), Cause::link);
}

TEST(Central, is_not_survivable_when_only_one_of_two_is_dead_INT_05) {
  Bench bench;
  bench.start();
  bench.answer_dns(DnsSign::answered);
  bench.pass(60s);
  bench.servers_[Bench::c1] = Bench::Server::silent;
  bench.pass(10min);
  EXPECT_EQ(bench.central_.mode(), Mode::normal);
  EXPECT_EQ(bench.central_.cause(), Cause::partial);
  EXPECT_EQ(bench.central_.usable_servers(), std::vector<Target>{Bench::c2});
  EXPECT_EQ(std::count(bench.notes_.begin(), bench.notes_.end(), "mode_changed suspect survivable"), 0);
}

TEST(Central, tells_dead_sip_from_dead_dns_INT_05) {
  Bench sip;
  sip.start();
  sip.answer_dns(DnsSign::answered);
  sip.pass(30s);
  all(sip, Bench::Server::silent);
  sip.until(Mode::survivable, 60s);
  EXPECT_EQ(sip.central_.cause(), Cause::sip);
  EXPECT_NE(sip.central_.evidence().find("udp:10.78.0.11:5060 down (3 lost in a row, last: no answer)"), std::string::npos)
      << sip.central_.evidence();

  Bench dns;
  dns.start();
  dns.pass(30s);
  dns.answer_dns(DnsSign::silent);
  dns.pass(5min);
  EXPECT_EQ(dns.central_.cause(), Cause::dns);
  EXPECT_EQ(dns.central_.mode(), Mode::suspect);
}

TEST(Central, takes_503_as_dead_and_any_other_answer_as_alive_S1) {
  Bench bench;
  bench.start();
  bench.answer_dns(DnsSign::answered);
  bench.pass(30s);
  all(bench, Bench::Server::overloaded);
  EXPECT_LE(bench.until(Mode::survivable, 60s), loss_known_within);
  EXPECT_EQ(bench.central_.cause(), Cause::sip);
}

TEST(Central, takes_late_answers_as_life_S1) {
  Bench bench;
  bench.rtt_ = 2'300ms;
  bench.start();
  bench.pass(5min);
  EXPECT_NE(bench.central_.mode(), Mode::survivable);
  EXPECT_EQ(std::count(bench.notes_.begin(), bench.notes_.end(), "mode_changed suspect survivable"), 0);
}

TEST(Central, counts_relayed_requests_and_confirms_with_a_probe_S1) {
  Bench bench;
  bench.start();
  bench.pass(60s);
  for (int i = 0; i < 10; ++i) bench.central_.note_relay(Bench::c1, RelaySign::unanswered, bench.now_, bench.outbox_);
  EXPECT_EQ(bench.central_.mode(), Mode::suspect);
  EXPECT_EQ(bench.central_.usable_servers(), (std::vector<Target>{Bench::c2, Bench::c1}));
  bench.pass(6s);
  EXPECT_EQ(bench.central_.usable_servers(), (std::vector<Target>{Bench::c1, Bench::c2}));
}

TEST(Central, returns_after_the_dwell_and_then_sends_phones_home_S5_DIS_26) {
  Bench bench;
  bench.start();
  bench.central_.note_registrations(3, bench.now_, bench.outbox_);
  bench.pass(30s);
  all(bench, Bench::Server::silent);
  bench.until(Mode::survivable, 60s);
  bench.pass(5min);
  EXPECT_FALSE(bench.send_home("a"));
  all(bench, Bench::Server::well);
  const Instant restored = bench.now_;
  EXPECT_LE(bench.until(Mode::recovering, 60s), 16s);
  EXPECT_FALSE(bench.central_.dns_order_normal());
  EXPECT_FALSE(bench.send_home("a"));
  bench.central_.note_survivable_ttl(bench.now_ + 50s);
  const Instant recovering = bench.now_;
  while (!bench.central_.dns_order_normal() && bench.now_ < restored + 2min) bench.pass(100ms);
  EXPECT_GE(bench.now_ - recovering, 29s);
  EXPECT_LE(bench.now_ - recovering, 31s);
  EXPECT_FALSE(bench.send_home("a")) << "the last TTL given out has not passed";
  bench.pass(20s);
  EXPECT_TRUE(bench.send_home("a"));
  EXPECT_FALSE(bench.central_.send_home("b", true, bench.now_, bench.outbox_)) << "it has a call";
  bench.pass(10s);
  EXPECT_FALSE(bench.send_home("a")) << "its path may be broken (X-25)";
  bench.central_.note_registrations(0, bench.now_, bench.outbox_);
  EXPECT_EQ(bench.central_.mode(), Mode::normal);
  EXPECT_FALSE(bench.send_home("c"));
}

TEST(Central, sends_home_who_settles_here_in_normal_mode_DIS_26) {
  Bench bench;
  bench.start();
  bench.pass(60s);
  EXPECT_FALSE(bench.send_home("stray")) << "who arrives is served";
  bench.pass(54s);
  EXPECT_FALSE(bench.send_home("stray")) << "X-25: it has just failed there";
  bench.pass(9min + 6s);
  EXPECT_TRUE(bench.send_home("stray"));
  bench.pass(64s);
  EXPECT_FALSE(bench.send_home("stray")) << "its path is broken";
  bench.pass(54s);
  EXPECT_FALSE(bench.send_home("stray"));
  all(bench, Bench::Server::silent);
  bench.pass(10min);
  EXPECT_FALSE(bench.send_home("stray"));
}

TEST(Central, is_normal_in_the_end_though_a_phone_stays_S5) {
  Bench bench;
  all(bench, Bench::Server::silent);
  bench.start();
  bench.until(Mode::survivable, 60s);
  bench.central_.note_registrations(1, bench.now_, bench.outbox_);
  bench.pass(2min);
  all(bench, Bench::Server::well);
  bench.pass(60s);
  EXPECT_EQ(bench.central_.mode(), Mode::recovering);
  EXPECT_LE(bench.until(Mode::normal, 10min), 2 * 120s);
}

TEST(Central, waits_for_devices_in_calls_S5) {
  Bench bench;
  all(bench, Bench::Server::silent);
  bench.start();
  bench.until(Mode::survivable, 60s);
  bench.central_.note_registrations(1, bench.now_, bench.outbox_);
  bench.pass(2min);
  all(bench, Bench::Server::well);
  for (int minute = 0; minute < 20; ++minute) {
    bench.pass(60s);
    EXPECT_FALSE(bench.central_.send_home("talker", true, bench.now_, bench.outbox_));
  }
  EXPECT_EQ(bench.central_.mode(), Mode::recovering);
  EXPECT_TRUE(bench.send_home("talker"));
}

TEST(Central, changes_mode_at_most_once_in_a_dwell_while_the_wan_flaps_INT_06) {
  Bench bench;
  bench.start();
  bench.central_.note_registrations(5, bench.now_, bench.outbox_);
  bench.pass(30s);
  Mode mode = bench.central_.mode();
  Instant last{};
  for (int second = 0; second < 1200; ++second) {
    all(bench, second % 40 < 20 ? Bench::Server::silent : Bench::Server::well);
    bench.pass(1s);
    if (bench.central_.mode() == mode) continue;
    // From normal to survivable it goes by suspect: that one is not a dwell apart.
    if (mode != Mode::suspect && mode != Mode::normal) { EXPECT_GE(bench.now_ - last, 29s); }
    mode = bench.central_.mode();
    last = bench.now_;
  }
  EXPECT_FALSE(bench.central_.dns_order_normal());
}

TEST(Central, keeps_its_mode_and_pin_across_a_restart_S6) {
  Bench before;
  all(before, Bench::Server::silent);
  before.start();
  before.until(Mode::survivable, 60s);
  before.pass(1s);
  Bench after;
  all(after, Bench::Server::silent);
  before.restart_into(after);
  after.start();
  EXPECT_EQ(after.central_.mode(), Mode::survivable);
  EXPECT_FALSE(after.central_.pinned());
  all(after, Bench::Server::well);
  EXPECT_LE(after.until(Mode::recovering, 60s), 16s);
}

TEST(Central, obeys_the_pin_whatever_the_servers_do_S6) {
  Bench bench;
  bench.start();
  bench.pass(30s);
  bench.central_.set_pin(Pin::survivable, bench.now_, bench.outbox_);
  bench.pass(5min);
  EXPECT_EQ(bench.central_.mode(), Mode::survivable);
  EXPECT_TRUE(bench.central_.pinned());
  Bench after;
  bench.restart_into(after);
  after.start();
  EXPECT_EQ(after.central_.mode(), Mode::survivable);
  after.central_.set_pin(Pin::automatic, after.now_, after.outbox_);
  after.pass(10s);
  EXPECT_EQ(after.central_.mode(), Mode::recovering);
  after.pass(60s);
  EXPECT_EQ(after.central_.mode(), Mode::normal);
  all(after, Bench::Server::silent);
  after.central_.set_pin(Pin::normal, after.now_, after.outbox_);
  after.pass(5min);
  EXPECT_EQ(after.central_.mode(), Mode::normal);
}

TEST(Central, keeps_the_health_of_servers_that_stay_S2) {
  Bench bench;
  bench.start();
  bench.pass(30s);
  const Server moved{"new-name.example.test", Bench::c1, 1, 1};
  const Server fresh{"c3.example.test", *Target::parse("udp:10.78.0.13:5060"), 2, 1};
  bench.central_.set_servers(std::vector{moved, fresh}, bench.now_);
  ASSERT_EQ(bench.central_.report().size(), 2U);
  EXPECT_EQ(bench.central_.report()[0].health, Health::up);
  EXPECT_EQ(bench.central_.report()[1].health, Health::unknown);
  bench.pass(10s);
  EXPECT_EQ(bench.central_.report()[1].health, Health::up);
}

TEST(Central, knows_the_centre_by_its_address) {
  Bench bench;
  EXPECT_TRUE(bench.central_.is_central(*Endpoint::parse("10.78.0.11:43210", Port{5060})));
  EXPECT_FALSE(bench.central_.is_central(*Endpoint::parse("10.77.0.11:5060", Port{5060})));
  Bench local{{*Target::parse("udp:127.0.0.1:5090")}};
  EXPECT_TRUE(local.central_.is_central(*Endpoint::parse("127.0.0.1:5090", Port{5060})));
  EXPECT_FALSE(local.central_.is_central(*Endpoint::parse("127.0.0.1:5080", Port{5060})));
}

TEST(Central, watches_a_bounded_number_of_servers_X1) {
  std::vector<Target> targets;
  for (std::uint16_t port = 1; port <= 100; ++port) targets.push_back({Transport::udp, {Address::v4({10, 78, 0, 11}), Port{port}}});
  Bench bench{targets};
  EXPECT_EQ(bench.central_.report().size(), Central::max_servers);
}

}  // namespace
}  // namespace ringhold::central
