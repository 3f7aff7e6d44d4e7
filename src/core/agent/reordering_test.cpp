#include "agent/agent_bench.hpp"

namespace ringhold::agent {
namespace {

/// The whole WAN is silent, and the branch device puts itself first when it has noticed (D7).
class Reordering : public AgentBench {
 protected:
  static constexpr Duration noticed_after = 15s;
  static constexpr Duration heartbeat_lost_within = 24s + 8s;

  static Settings with_long_registrations() {
    Settings settings = usual();
    settings.expires = 3600s;
    return settings;
  }
  void puts_itself_first() { zone_ = {{1, 0, "ringhold.example.test"}, {10, 60, "sip1.example.test"}, {20, 40, "sip2.example.test"}}; }
  std::ptrdiff_t questions() const { return std::ranges::count(queries_, "SRV _sip._udp.example.test"); }
  std::ptrdiff_t notes(std::string_view name) const { return std::ranges::count(notes_, name); }
};

TEST_F(Reordering, the_branch_device_that_comes_first_in_an_outage_is_tried_next_D7_X22) {
  for (int offset = 0; offset < 24; offset += 3) {
    zone_ = {{10, 60, "sip1.example.test"}, {20, 40, "sip2.example.test"}, {21, 0, "ringhold.example.test"}};
    lives(c1), lives(c2);
    start(with_long_registrations());
    pass(30s + std::chrono::seconds{offset});
    ASSERT_EQ(server(), c1);
    clear();
    dies(c1), dies(c2);
    const Instant cut = now_;
    pass(noticed_after);
    puts_itself_first();
    ASSERT_TRUE(pass_until([&] { return server() == box; }, 60s));
    EXPECT_LE(now_ - cut, std::max<Duration>(heartbeat_lost_within + 4s, noticed_after + 5s) + 1s) << "the TTL has long to run";
    EXPECT_TRUE(registers(c2).empty());
  }
}

TEST_F(Reordering, the_binding_at_the_silent_server_is_let_go_when_the_other_has_accepted_DIS21) {
  start(with_long_registrations());
  pass(1min);
  clear();
  puts_itself_first();
  dies(c1), dies(c2);
  ASSERT_TRUE(pass_until([&] { return server() == box; }, 60s));
  pass(1s);
  EXPECT_EQ(way(), "11 2 -11") << "first the new one";
  EXPECT_GE(registers(c1)[1].at, registers(box)[0].at + round_trip_);
  EXPECT_GE(registers(box)[0].at - registers(c1)[0].at, 4s) << "SWI-15: the registration decides";
  EXPECT_EQ(std::ranges::count_if(sent_, [](const Sent& one) { return one.to == c1 && one.method() == "REGISTER" && !one.removes(); }), 4);
  EXPECT_GT(registers(box)[0].cseq(), registers(c1)[0].cseq());
  pass(3min);
  EXPECT_EQ(server(), box);
  EXPECT_EQ(registers(c2).size(), 0U);
}

TEST_F(Reordering, a_first_registration_does_not_wait_for_each_dead_server_D7) {
  dies(c1), dies(c2);
  const Instant cut = now_;
  start(usual());
  pass(noticed_after);
  puts_itself_first();
  ASSERT_TRUE(pass_until([&] { return server() == box; }, 60s));
  EXPECT_LE(now_ - cut, noticed_after + 5s + 1s);
  EXPECT_EQ(way(), "11 2");
}

TEST_F(Reordering, at_the_next_server_as_well_X22) {
  dies(c1), dies(c2);
  start(usual());
  ASSERT_TRUE(pass_until([&] { return !registers(c2).empty(); }, 40s));
  const Instant at_c2 = now_;
  puts_itself_first();
  ASSERT_TRUE(pass_until([&] { return server() == box; }, 60s));
  EXPECT_LE(now_ - at_c2, 5s + 5s);
}

TEST_F(Reordering, who_answers_no_options_is_still_tried_before_the_rest_X22) {
  answers(box, "OPTIONS", 0);
  start(with_long_registrations());
  pass(1min);
  clear();
  puts_itself_first();
  dies(c1), dies(c2);
  ASSERT_TRUE(pass_until([&] { return server() == box; }, 2min));
  EXPECT_EQ(way(), "11 2");
  EXPECT_EQ(registers(box)[0].at - registers(c1)[0].at, 32s);
  EXPECT_EQ(registers(box)[0].cseq(), registers(c1)[0].cseq()) << "DIS-20: the same request";
}

TEST_F(Reordering, one_question_for_all_accounts_each_five_seconds_at_most) {
  Settings settings = with_long_registrations();
  settings.accounts.clear();
  for (int i = 0; i < 300; ++i) settings.accounts.push_back({"sip:u" + std::to_string(i) + "@example.test", "u", "p"});
  start(settings);
  pass(1min);
  clear();
  dies(c1), dies(c2);
  pass(heartbeat_lost_within + 30s);
  EXPECT_GE(questions(), 5);
  EXPECT_LE(questions(), 62 / 5 + 1);
  puts_itself_first();
  pass(15s);
  for (const AccountReport& one : agent_->report(now_).accounts) EXPECT_EQ(one.server ? one.server->endpoint.text() : "", box);
  queries_.clear();
  pass(1min);
  EXPECT_EQ(questions(), 0) << "all is well again, and the TTL is not over";
}

TEST_F(Reordering, without_dns_the_old_order_is_gone_on_with) {
  start(with_long_registrations());
  pass(1min);
  clear();
  dns_dead_ = true;
  dies(c1), dies(c2);
  ASSERT_TRUE(pass_until([&] { return server() == box; }, 3min));
  EXPECT_EQ(way(), "11 12 2");
  EXPECT_EQ(registers(c2)[0].at - registers(c1)[0].at, 32s) << "nobody waits for DNS";
  EXPECT_EQ(registers(box)[0].at - registers(c2)[0].at, 32s);
}

TEST_F(Reordering, the_same_order_changes_nothing_SWI01) {
  start(with_long_registrations());
  pass(1min);
  clear();
  dies(c1);
  ASSERT_TRUE(pass_until([&] { return server() == c2; }, 2min));
  EXPECT_EQ(way(), "11 12");
  EXPECT_EQ(registers(c2)[0].at - registers(c1)[0].at, 32s);
  EXPECT_GE(questions(), 5);
  EXPECT_EQ(notes("agent_server_overtaken"), 0);
}

TEST_F(Reordering, accounts_of_equal_servers_keep_theirs_RFC2782) {
  zone_ = {{10, 50, "sip1.example.test"}, {10, 50, "sip2.example.test"}};
  ttl_ = 20;
  Settings settings = usual();
  settings.accounts.clear();
  for (int i = 0; i < 50; ++i) settings.accounts.push_back({"sip:u" + std::to_string(i) + "@example.test", "u", "p"});
  start(settings);
  pass(20s);
  clear();
  const auto before = agent_->report(now_);
  pass(10min);
  const auto after = agent_->report(now_);
  for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(before.accounts[i].server, after.accounts[i].server);
  EXPECT_TRUE(std::ranges::none_of(registers(), &Sent::removes)) << "DNS was asked again, and has said the same";
}

TEST_F(Reordering, who_answers_registrations_is_not_left_in_haste_SWI15_SWI16) {
  answers(c1, "OPTIONS", 0);
  start(with_long_registrations());
  pass(1min);
  clear();
  puts_itself_first();
  ASSERT_TRUE(pass_until([&] { return !registers(c1).empty(); }, 40s));
  pass(25s);
  EXPECT_TRUE(registers(box).empty()) << "T13: a better server has to stay";
  EXPECT_EQ(server(), c1);
}

TEST_F(Reordering, a_passing_cut_moves_nobody_SWI16) {
  start(usual());
  pass(2s);
  for (int i = 0; i < 20; ++i) {
    clear();
    dies(c1), dies(c2);
    ASSERT_TRUE(pass_until([&] { return !registers(c1).empty(); }, 60s));
    puts_itself_first();
    pass(3s);
    lives(c1), lives(c2);
    pass(1500ms);
    EXPECT_EQ(way(), "11") << "its fourth transmission is answered";
    zone_ = {{10, 60, "sip1.example.test"}, {20, 40, "sip2.example.test"}, {21, 0, "ringhold.example.test"}};
    pass(10s);
    EXPECT_EQ(server(), c1);
  }
}

TEST_F(Reordering, when_only_the_branch_device_is_left_in_dns_it_is_the_next_D7) {
  start(with_long_registrations());
  pass(1min);
  clear();
  answers(box, "OPTIONS", 0);
  zone_ = {{1, 0, "ringhold.example.test"}};
  dies(c1), dies(c2);
  ASSERT_TRUE(pass_until([&] { return server() == box; }, 90s));
  EXPECT_EQ(way(), "11 2");
}

TEST_F(Reordering, home_again_without_a_circle_T13_INT06) {
  ttl_ = 30;
  start(usual());
  pass(10s);
  for (int outage = 0; outage < 5; ++outage) {
    clear();
    dies(c1), dies(c2);
    pass(noticed_after);
    puts_itself_first();
    pass(2min);
    EXPECT_EQ(server(), box);
    lives(c1), lives(c2);
    pass(40s);
    zone_ = {{10, 60, "sip1.example.test"}, {20, 40, "sip2.example.test"}, {21, 0, "ringhold.example.test"}};
    pass(3min);
    EXPECT_EQ(server(), c1);
    EXPECT_TRUE(registers(c2).empty());
  }
}

}  // namespace
}  // namespace ringhold::agent
