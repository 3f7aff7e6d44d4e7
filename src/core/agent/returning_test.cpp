#include "agent/agent_bench.hpp"

namespace ringhold::agent {
namespace {

class Returning : public AgentBench {
 protected:
  void stand_at_c2() {
    refuses(c1);
    start(with({c1, c2}));
    pass(1s);
    ASSERT_EQ(server(), c2);
  }
};

TEST_F(Returning, a_better_server_that_stays_gets_its_accounts_back_SWI17_DIS21) {
  stand_at_c2();
  pass(5min);
  clear();
  lives(c1);
  ASSERT_TRUE(pass_until([&] { return count("OPTIONS", c1) > 0; }, 15s));
  const Instant answered = now_;
  ASSERT_TRUE(pass_until([&] { return !registers(c1).empty(); }, 60s));
  EXPECT_GE(now_ - answered, 29s);
  EXPECT_LE(now_ - answered, 40s);
  pass(1s);
  EXPECT_EQ(server(), c1);
  EXPECT_TRUE(registers(c2).back().removes());
  EXPECT_GE(registers(c2).back().at, registers(c1).front().at + round_trip_) << "until c1 has accepted, the lower binding stays";
}

TEST_F(Returning, a_server_that_comes_and_goes_gets_nobody_SWI17) {
  stand_at_c2();
  for (int i = 0; i < 60; ++i) {
    clear();
    lives(c1);
    pass(10s);
    dies(c1);
    pass(10s);
    EXPECT_TRUE(registers(c1).empty());
  }
  EXPECT_EQ(server(), c2);
}

TEST_F(Returning, the_lower_binding_is_refreshed_as_long_as_it_is_needed_DIS21) {
  stand_at_c2();
  clear();
  dies(c1);
  pass(10min);
  Instant last = registers(c2).front().at;
  for (const Sent& sent : registers(c2)) {
    EXPECT_LT(sent.at - last, 60s);
    last = sent.at;
  }
  EXPECT_TRUE(registers(c1).empty());
}

TEST_F(Returning, a_better_server_that_takes_no_registration_changes_nothing_DIS21) {
  stand_at_c2();
  answers(c1, "REGISTER", 0);
  lives(c1);
  pass(10min);
  EXPECT_EQ(server(), c2);
  Instant last = now_ - 10min;
  for (const Sent& sent : registers(c2)) {
    EXPECT_LT(sent.at - last, 60s) << "no gap";
    EXPECT_FALSE(sent.removes());
    last = sent.at;
  }
  EXPECT_LE(registers(c1).size(), 16U) << "nor is it asked without end";
}

TEST_F(Returning, a_better_server_that_refuses_changes_nothing) {
  stand_at_c2();
  answers(c1, "REGISTER", 403);
  lives(c1);
  pass(10min);
  EXPECT_EQ(server(), c2);
  for (const Sent& sent : registers(c1)) EXPECT_FALSE(sent.removes());
}

TEST_F(Returning, a_heartbeat_that_is_lost_asks_the_registrar_T12_SWI15) {
  start(with({c1, c2}));
  pass(1s);
  answers(c1, "OPTIONS", 0);
  clear();
  pass(10min);
  EXPECT_TRUE(registers(c2).empty()) << "it registers, so it lives";
  const std::size_t heartbeats = 600 / 20;
  EXPECT_GE(registers(c1).size(), heartbeats / 2);
  EXPECT_LE(registers(c1).size(), heartbeats * 3 / 2);
}

TEST_F(Returning, a_dead_server_is_noticed_by_its_heartbeat_SWI15) {
  Settings settings = with({c1, c2});
  settings.expires = 3600s;
  start(settings);
  pass(1min);
  dies(c1);
  const Instant cut = now_;
  ASSERT_TRUE(pass_until([&] { return server() == c2; }, 5min));
  EXPECT_LE(now_ - cut, 24s + 8s + 33s) << "heartbeat, its patience, Timer F";
}

TEST_F(Returning, any_answer_to_a_heartbeat_shows_life_SWI15) {
  for (const int status : {404, 405, 501, 480}) {
    answers(c1, "OPTIONS", status);
    start(with({c1, c2}));
    pass(1s);
    clear();
    pass(35s);
    EXPECT_TRUE(registers().empty()) << status;
    EXPECT_GE(count("OPTIONS", c1), 1U);
  }
  answers(c1, "OPTIONS", 503);
  start(with({c1, c2}));
  pass(1s);
  clear();
  pass(25s);
  EXPECT_EQ(way(), "11") << "503: the registration decides";
}

TEST_F(Returning, only_who_matters_is_asked_X27) {
  start(with({c1, c2}));
  pass(10min);
  EXPECT_EQ(count("OPTIONS", c2), 0U) << "nobody wants to go down";
  EXPECT_LE(count("OPTIONS", c1), 600U / 16);
}

TEST_F(Returning, who_waits_is_there_as_soon_as_anybody_is_SWI18) {
  dies(c1), dies(c2);
  start(with({c1, c2}));
  pass(3h);
  ASSERT_EQ(server(), "");
  lives(c2);
  ASSERT_TRUE(pass_until([&] { return server() == c2; }, 60s));
}

TEST_F(Returning, refusals_of_others_wake_nobody_SWI09_SWI18) {
  Settings settings = with({c1, c2});
  settings.accounts.clear();
  for (int i = 0; i < 20; ++i) settings.accounts.push_back({"sip:u" + std::to_string(i) + "@example.test", "u", "p"});
  answers(c1, "REGISTER", 403);
  refuses(c2);
  start(settings);
  pass(5min);
  EXPECT_LE(registers().size(), 20U * 30U) << "what c1 says to one account is no reason for the others to ask it again";
  lives(c2);
  pass(30s);
  for (const AccountReport& one : agent_->report(now_).accounts) EXPECT_EQ(one.server ? one.server->endpoint.text() : "", c2);
}

TEST_F(Returning, a_new_link_cuts_the_wait_short_SWI18) {
  refuses(c1), refuses(c2);
  start(with({c1, c2}));
  pass(3h);
  clear();
  lives(c1);
  outbox_.clear();
  agent_->network_changed(now_, outbox_);
  bool sent = false;
  for (const auto& send : outbox_.sends()) sent = sent || outbox_.message(send).starts_with("REGISTER");
  EXPECT_TRUE(sent);
}

TEST_F(Returning, a_server_that_comes_back_gets_them_one_after_another_X24) {
  Settings settings = with({c1, c2});
  settings.accounts.clear();
  for (int i = 0; i < 1'000; ++i) settings.accounts.push_back({"sip:u" + std::to_string(i) + "@example.test", "u", "p"});
  refuses(c1);
  start(settings);
  pass(15s);
  lives(c1);
  clear();
  ASSERT_TRUE(pass_until([&] { return !registers(c1).empty(); }, 60s));
  pass(30s);
  const auto all = registers(c1);
  std::map<std::int64_t, int> by_second;
  for (const Sent& sent : all) ++by_second[std::chrono::duration_cast<std::chrono::seconds>(sent.at - all.front().at).count()];
  for (const auto& [second, number] : by_second) EXPECT_LE(number, 140) << second;
  const auto report = agent_->report(now_);
  EXPECT_TRUE(std::ranges::all_of(report.accounts, [](const AccountReport& one) { return one.server && one.rank == 0U; }));
  for (const AccountReport& one : report.accounts) EXPECT_EQ(one.state, switching::State::registered);
}

TEST_F(Returning, many_accounts_begin_one_after_another_X24) {
  Settings settings = with({c1});
  settings.accounts.clear();
  for (int i = 0; i < 1'000; ++i) settings.accounts.push_back({"sip:u" + std::to_string(i) + "@example.test", "u", "p"});
  start(settings);
  EXPECT_LE(registers(c1).size(), 20U);
  pass(12s);
  EXPECT_EQ(registers(c1).size(), 1'000U);
}

TEST_F(Returning, it_never_stands_at_two_servers_beyond_the_hand_over) {
  stand_at_c2();
  lives(c1);
  pass(2min);
  ASSERT_EQ(server(), c1);
  clear();
  pass(5min);
  EXPECT_TRUE(registers(c2).empty());
}

TEST_F(Returning, after_the_removal_it_registers_once_more_for_servers_that_share_their_books) {
  stand_at_c2();
  clear();
  lives(c1);
  ASSERT_TRUE(pass_until([&] { return server() == c1; }, 60s));
  pass(1s);
  const std::string moved = way();
  EXPECT_EQ(moved.substr(moved.find("11")), "11 -12 11");
  clear();
  pass(30s);
  EXPECT_TRUE(registers().empty()) << "once";
}

TEST_F(Returning, a_removal_does_not_overtake_a_registration_at_the_same_server) {
  Settings settings = with({c1, c2});
  settings.expires = 3600s;
  refuses(c1);
  start(settings);
  pass(1s);
  clear();
  lives(c1);
  answers(c2, "REGISTER", 0);
  ASSERT_TRUE(pass_until([&] { return !registers(c2).empty(); }, 60s));
  ASSERT_TRUE(registers(c2).back().removes());
  refuses(c1);
  ASSERT_TRUE(pass_until([&] { return !registers(c2).back().removes(); }, 30s));
  const Instant registered = registers(c2).back().at;
  pass(30s);
  const bool any = std::ranges::any_of(sent_, [&](const Sent& sent) { return sent.to == c2 && sent.removes() && sent.at > registered; });
  EXPECT_FALSE(any);
}

TEST_F(Returning, no_server_gets_one_number_in_two_requests_SWI20) {
  ttl_ = 20;
  zone_ = {{10, 0, "sip1.example.test"}, {20, 0, "sip2.example.test"}};
  refuses(c1);
  start(usual());
  pass(30s);
  ASSERT_EQ(server(), c2);
  clear();
  dies(c2);  // it takes longer than the TTL, so DNS is asked who comes next
  ASSERT_TRUE(pass_until([&] { return state() == switching::State::waiting; }, 5min));
  EXPECT_EQ(way(), "12 11 12");
  std::map<std::string, std::uint32_t> last;
  for (const Sent& sent : registers()) {
    EXPECT_GT(sent.cseq(), last[sent.to]) << sent.to;
    last[sent.to] = sent.cseq();
  }
}

}  // namespace
}  // namespace ringhold::agent
