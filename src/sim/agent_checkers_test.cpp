// The judges of agents must be able to condemn.
#include "sim/agent_checkers.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/dns_wire.hpp"

namespace ringhold::sim {
namespace {

const Address c1 = bench::central_sip(1);
const Address c2 = bench::central_sip(2);

class JudgesOfAgents : public ::testing::Test {
 protected:
  JudgesOfAgents() {
    agent::Settings settings;
    for (int i = 1; i <= 200; ++i) settings.accounts.push_back({fmt::format("sip:u{}@example.test", i), "u", "p"});
    settings.uplinks = {{Transport::udp, own_}};
    for (const Address& address : {c1, c2}) settings.servers.push_back({Transport::udp, {address, bench::sip_port}});
    checkers_.know(1, settings);
    checkers_.agent_started(1);
    look();
  }

  std::string message(std::string_view method, int user, int expires) const {
    SipMessage message;
    message.method = std::string{method};
    message.uri = "sip:example.test";
    message.add("Via", fmt::format("SIP/2.0/UDP {};branch=z9hG4bK{};rport", own_.text(), branch_));
    message.add("From", fmt::format("<sip:u{}@example.test>;tag=1", user));
    message.add("To", fmt::format("<sip:u{}@example.test>", user));
    message.add("Call-ID", call_id_);
    message.add("CSeq", fmt::format("{} {}", cseq_, method));
    message.add("Contact", fmt::format("<sip:u{}@10.77.0.41:5066>{}", user, expires == 0 ? ";expires=0" : ""));
    message.add("Expires", std::to_string(expires));
    return message.text();
  }
  void sends(std::string_view method, const Address& to, int user = 1, int expires = 60) {
    ++branch_;
    checkers_.agent_sent(1, {own_, {to, bench::sip_port}, message(method, user, expires)});
  }
  void is_answered(const Address& by, int status, int user = 1, int expires = 60) {
    SipMessage answer = make_response(*parse_sip(message("REGISTER", user, expires)), status, "R", "t");
    if (status == 200) answer.add("Contact", fmt::format("<sip:u{}@10.77.0.41:5066>;expires=3600", user));
    checkers_.agent_received(1, {{by, bench::sip_port}, own_, answer.text()});
    ++cseq_;
  }
  void registers(const Address& at, int user = 1) {
    sends("REGISTER", at, user);
    is_answered(at, 200, user);
  }
  void look() { checkers_.look({{c1, true, c1_takes_, {}, false}, {c2, true, true, {}, false}}, holders_); }
  void pass(Duration duration) {
    for (const Instant end = world_.clock.now() + duration; world_.clock.now() < end; look())
      world_.clock.run_until(world_.clock.now() + 1s);
  }
  std::size_t broken() const { return checkers_.violations().size(); }

  World world_{1, from_unix_ms(1'800'000'000'000)};
  AgentCheckers checkers_{world_};
  AgentCheckers::Holders holders_;
  const Endpoint own_{bench::agent(1), Port{5066}};
  std::string call_id_ = "a";
  unsigned cseq_ = 1;
  unsigned branch_ = 0;
  bool c1_takes_ = true;
};

TEST_F(JudgesOfAgents, accept_one_that_stays_at_the_first) {
  for (int i = 1; i <= 200; ++i) holders_[c1].insert(fmt::format("u{}", i));
  for (int i = 0; i < 10; ++i) {
    registers(c1);
    pass(45s);
  }
  EXPECT_EQ(broken(), 0U);
}

TEST_F(JudgesOfAgents, condemn_an_account_that_is_nowhere_T4) {
  for (int i = 2; i <= 200; ++i) holders_[c1].insert(fmt::format("u{}", i));
  // 24 s, 8 s and the turn of 200; two targets with 37 s each.
  pass(105s);
  EXPECT_EQ(broken(), 0U);
  pass(10s);
  EXPECT_EQ(broken(), 1U);
}

TEST_F(JudgesOfAgents, condemn_a_server_that_still_holds_what_went_up_DIS21) {
  c1_takes_ = false;
  pass(2s);
  registers(c2);
  holders_[c2].insert("u1");
  c1_takes_ = true;
  pass(60s);
  registers(c1);
  holders_[c1].insert("u1");
  pass(38s);
  EXPECT_EQ(broken(), 0U);
  pass(5s);
  EXPECT_EQ(broken(), 1U);
}

TEST_F(JudgesOfAgents, condemn_a_move_down_without_reason_SWI16) {
  registers(c1);
  pass(30s);
  sends("REGISTER", c2);
  is_answered(c2, 200);
  EXPECT_EQ(broken(), 1U);
}

TEST_F(JudgesOfAgents, accept_a_move_down_from_who_has_failed) {
  registers(c1);
  pass(30s);
  c1_takes_ = false;
  pass(1s);
  registers(c2);
  EXPECT_EQ(broken(), 0U);
}

TEST_F(JudgesOfAgents, condemn_a_hot_loop_SWI05_SWI09) {
  for (int i = 0; i < 300 && broken() == 0; ++i) {
    sends("REGISTER", c1);
    is_answered(c1, 500);
    world_.clock.run_until(world_.clock.now() + 1s);
  }
  EXPECT_EQ(broken(), 1U);
}

TEST_F(JudgesOfAgents, condemn_too_many_heartbeats_X27) {
  for (int i = 0; i < 60 && broken() == 0; ++i) {
    sends("OPTIONS", c1);
    world_.clock.run_until(world_.clock.now() + 1s);
  }
  EXPECT_EQ(broken(), 1U);
}

TEST_F(JudgesOfAgents, condemn_options_to_who_is_lower_X27) {
  for (int i = 1; i <= 200; ++i) registers(c1, i);
  sends("OPTIONS", c1);
  EXPECT_EQ(broken(), 0U);
  sends("OPTIONS", c2);
  EXPECT_EQ(broken(), 1U);
}

TEST_F(JudgesOfAgents, condemn_a_return_of_all_at_once_X24) {
  for (int i = 1; i <= 200; ++i) registers(c2, i);
  for (int i = 1; i <= 200 && broken() == 0; ++i) sends("REGISTER", c1, i);
  EXPECT_EQ(broken(), 1U);
}

TEST_F(JudgesOfAgents, condemn_a_number_that_does_not_grow_SWI20) {
  registers(c1);
  cseq_ -= 1;
  sends("REGISTER", c1);
  EXPECT_EQ(broken(), 1U);
}

TEST_F(JudgesOfAgents, condemn_another_call_id_but_after_400_SWI20) {
  registers(c1);
  sends("REGISTER", c1);
  is_answered(c1, 400);
  call_id_ = "b";
  registers(c1);
  EXPECT_EQ(broken(), 0U);
  call_id_ = "c";
  registers(c1);
  EXPECT_EQ(broken(), 1U);
}

TEST_F(JudgesOfAgents, condemn_a_kill_that_changes_the_call_id_SWI20) {
  registers(c1);
  pass(2s);
  checkers_.agent_killed(1);
  checkers_.agent_started(1);
  call_id_ = "b";
  registers(c1);
  EXPECT_EQ(broken(), 1U);
}

TEST_F(JudgesOfAgents, condemn_a_restart_that_the_box_believes_in_X03) {
  registers(c1);
  checkers_.box_noted("restart_detected", "sip:somebody@example.test");
  EXPECT_EQ(broken(), 0U);
  checkers_.box_noted("restart_detected", "sip:u1@example.test");
  EXPECT_EQ(broken(), 1U);
}

TEST_F(JudgesOfAgents, condemn_who_is_not_home_and_who_is_held_elsewhere_DIS21) {
  for (int i = 2; i <= 200; ++i) holders_[c1].insert(fmt::format("u{}", i));
  holders_[c2].insert("u2");
  checkers_.judge_home(c1, holders_);
  EXPECT_EQ(broken(), 2U);
  checkers_.judge_left(world_.clock.now(), {{c2, {"u2"}}});
  EXPECT_EQ(broken(), 3U);
}

}  // namespace
}  // namespace ringhold::sim
