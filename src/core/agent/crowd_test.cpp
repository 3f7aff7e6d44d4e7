#include "agent/agent_bench.hpp"

namespace ringhold::agent {
namespace {

/// Many accounts of one agent.
class Crowd : public AgentBench {
 protected:
  static Settings many(Settings settings, int accounts) {
    settings.accounts.clear();
    for (int i = 0; i < accounts; ++i) settings.accounts.push_back({"sip:u" + std::to_string(i) + "@example.test", "u", "p"});
    return settings;
  }
  /// The most REGISTERs within a span.
  std::size_t busiest(Duration span) const {
    const auto all = registers();
    std::size_t most = 0;
    for (std::size_t begin = 0, end = 0; begin < all.size(); ++begin) {
      while (end < all.size() && all[end].at < all[begin].at + span) ++end;
      most = std::max(most, end - begin);
    }
    return most;
  }
  bool all_at(const std::string& place) const {
    const auto report = agent_->report(now_);
    return std::ranges::all_of(report.accounts,
                               [&](const AccountReport& one) { return one.server && one.server->endpoint.text() == place; });
  }
};

TEST_F(Crowd, goes_on_to_the_next_server_one_after_another_R7) {
  refuses(c1), refuses(c2);
  start(many(with({c1, c2}), 1'000));
  pass(3h);
  ASSERT_EQ(agent_->report(now_).accounts.at(0).state, switching::State::waiting);
  lives(c2);
  clear();
  change_network();
  pass(10s);
  EXPECT_TRUE(all_at(c2));
  EXPECT_EQ(registers(c1).size(), 1'000U);
  EXPECT_EQ(registers(c2).size(), 1'000U);
  // 500 a second, and 50 at once; each account moves twice here.
  EXPECT_LE(busiest(1s), 500U + 2 * 50U);
  EXPECT_LE(busiest(10ms), 2 * 60U);
  EXPECT_LE(registers(c2).back().at - registers(c1).front().at, 5s) << "nobody waits for long";
}

TEST_F(Crowd, of_fifty_waits_for_nobody_R7) {
  refuses(c1), refuses(c2);
  start(many(with({c1, c2}), 50));
  pass(3h);
  clear();
  change_network();
  pass(1ms);
  EXPECT_EQ(registers(c1).size(), 50U);
}

TEST_F(Crowd, that_is_registered_is_not_all_at_once_there_when_a_link_comes_up_R7_SWI18) {
  start(many(with({c1, c2}), 1'000));
  pass(20s);
  ASSERT_TRUE(all_at(c1));
  clear();
  change_network();
  pass(3s);
  EXPECT_GE(registers(c1).size(), 1'000U) << "each one finds out";
  EXPECT_LE(busiest(100ms), 50U + 50U + 25U) << "their refreshes are among them";
}

TEST_F(Crowd, asks_a_silent_server_within_seconds_SWI15) {
  Settings settings = many(with({c1, c2}), 2'000);
  settings.expires = 3600s;
  start(settings);
  pass(1min);
  clear();
  dies(c1);
  ASSERT_TRUE(pass_until([&] { return !registers(c1).empty(); }, 40s));
  pass(10s);
  ASSERT_EQ(registers(c1).size(), 2'000U);
  EXPECT_LE(registers(c1).back().at - registers(c1).front().at, 2ms * 2'000);
  EXPECT_LE(busiest(1s), 700U);
}

TEST_F(Crowd, whose_turn_has_not_come_goes_to_the_new_first_at_once_X22) {
  dies(c1), dies(c2);
  start(many(usual(), 1'000));
  // They began within ten seconds, and gave c1 its 32 s.
  ASSERT_TRUE(pass_until([&] { return !registers(c2).empty(); }, 60s));
  zone_ = {{1, 0, "ringhold.example.test"}, {10, 60, "sip1.example.test"}, {20, 40, "sip2.example.test"}};
  ASSERT_TRUE(pass_until([&] { return all_at(box); }, 30s));
  EXPECT_LE(registers(c2).size(), 700U);
  EXPECT_LE(busiest(1s), 700U);
}

class Searching : public Crowd {
 protected:
  /// DNS names one server, long enough for the waits to be long; then for ten minutes the other one and this one by turns.
  void look_for_ten_minutes_at_a_zone_that_takes_turns() {
    ttl_ = 1;
    start(usual());
    zone_ = {{10, 0, "sip1.example.test"}};
    pass(3h);
    clear();
    for (int i = 0; i < 60; ++i) {
      zone_ = {{10, 0, i % 2 == 0 ? "sip1.example.test" : "sip2.example.test"}};
      pass(10s);
    }
  }
};

TEST_F(Searching, who_knows_no_server_is_there_soon_after_dns_is_SWI18) {
  dns_dead_ = true;
  start(usual());
  pass(2h);
  ASSERT_EQ(server(), "");
  dns_dead_ = false;
  ASSERT_TRUE(pass_until([&] { return server() == c1; }, 20s)) << "not when the wait of half an hour is over";
}

TEST_F(Searching, asks_for_all_at_once_and_not_often) {
  dns_dead_ = true;
  start(many(usual(), 100));
  pass(1h);
  dns_dead_ = false;
  rcode_ = dns::Rcode::nx_domain;
  queries_.clear();
  pass(10min);
  EXPECT_LE(queries_.size(), 60U * 10U) << "one look-up each ten seconds, whoever waits";
  EXPECT_GE(queries_.size(), 50U);
  rcode_ = dns::Rcode::no_error;
  pass(15s);
  EXPECT_TRUE(all_at(c1));
  queries_.clear();
  pass(4min);
  EXPECT_TRUE(queries_.empty()) << "nobody waits any more";
}

TEST_F(Searching, what_is_known_not_to_be_there_is_asked_for_again_in_time_SWI18_RFC2308) {
  has_soa_ = true;
  rcode_ = dns::Rcode::nx_domain;
  start(usual());
  pass(3h);
  ASSERT_EQ(server(), "");
  rcode_ = dns::Rcode::no_error;
  ASSERT_TRUE(pass_until([&] { return server() == c1; }, 320s)) << "the negative TTL is 300 s, the wait half an hour";
}

TEST_F(Searching, a_name_server_that_names_others_each_time_wakes_nobody_for_those_who_refused_SWI09) {
  answers(c1, "REGISTER", 500), answers(c2, "REGISTER", 500);
  look_for_ten_minutes_at_a_zone_that_takes_turns();
  EXPECT_LE(registers().size(), 6U);
}

TEST_F(Searching, dead_servers_that_take_turns_in_dns_are_tried_no_more_often_than_timer_1_allows_SWI05) {
  refuses(c1), refuses(c2);
  look_for_ten_minutes_at_a_zone_that_takes_turns();
  EXPECT_LE(registers().size(), 600U / 30U + 1) << "and not at each change";
  EXPECT_GE(registers().size(), 5U) << "but those are new to who waits";
}

TEST_F(Searching, a_server_that_answers_but_says_408_is_left_alone_SWI05) {
  answers(c1, "REGISTER", 408), answers(c2, "REGISTER", 408), answers(box, "REGISTER", 408);
  start(usual());
  pass(3h);
  clear();
  pass(10min);
  EXPECT_LE(registers().size(), 6U) << "its OPTIONS are no news";
}

TEST_F(Searching, who_has_left_begins_nothing) {
  dns_dead_ = true;
  start(usual());
  pass(1s);
  outbox_.clear();
  agent_->leave(now_, outbox_);
  EXPECT_TRUE(agent_->is_idle()) << "--once waits for nobody";
  dns_dead_ = false;
  change_network();
  pass(1h);
  EXPECT_TRUE(registers().empty());
}

TEST_F(Crowd, has_one_turn_each_however_often_the_link_flaps_SWI18) {
  start(many(with({c1, c2}), 1'000));
  pass(20s);
  ASSERT_TRUE(all_at(c1));
  for (int i = 0; i < 50; ++i) {
    change_network();
    pass(100ms);
  }
  refuses(c1);
  change_network();
  ASSERT_TRUE(pass_until([&] { return all_at(c2); }, 8s)) << "nobody has to wait for turns that others were given again and again";
}

TEST_F(Searching, a_change_in_dns_cuts_the_wait_short_SWI18) {
  refuses(c1), refuses(c2), refuses(box);
  start(usual());
  pass(3h);
  ASSERT_EQ(server(), "");
  clear();
  pass(10min);
  EXPECT_LE(registers(c1).size(), 2U) << "as long as it says the same, the waits are long";
  hosts_["sip1.example.test"] = "10.78.0.13";
  ASSERT_TRUE(pass_until([&] { return server() == "10.78.0.13:5060"; }, 310s)) << "TTL";
}

}  // namespace
}  // namespace ringhold::agent
