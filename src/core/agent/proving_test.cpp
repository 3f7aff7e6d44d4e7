#include "agent/edge_bench.hpp"

namespace ringhold::agent {
namespace {

/// Challenges of servers, and what their failures make of the account.
using Proving = EdgeBench;

TEST_F(Proving, a_challenge_is_answered_and_the_phone_never_sees_it_T14) {
  next(c1, "INVITE", 407, challenge);
  start(edge({c1}));
  pass(1s);
  phone(p1, {});
  pass(1s);
  EXPECT_EQ(statuses(p1), "200");
  const auto invites = sent("INVITE", c1);
  ASSERT_EQ(invites.size(), 2U);
  EXPECT_EQ(invites[0].bytes.find("Proxy-Authorization"), std::string::npos);
  EXPECT_TRUE(has(invites[1].bytes, "Proxy-Authorization: Digest username=\"alice\", realm=\"example.test\"")) << invites[1].bytes;
  EXPECT_TRUE(has(invites[1].bytes, "uri=\"sip:carol@example.test\"") && has(invites[1].bytes, "nc=00000001"));
  EXPECT_EQ(invites[0].cseq(), invites[1].cseq());
  EXPECT_EQ(sent("ACK", c1).size(), 1U) << "to the 407, in its transaction";
  EXPECT_EQ(sent("ACK", c1)[0].branch(), invites[0].branch());
}

TEST_F(Proving, later_requests_carry_credentials_from_the_start_RFC7616) {
  next(c1, "MESSAGE", 401, "WWW-Authenticate: Digest realm=\"example.test\", nonce=\"n1\", qop=\"auth\"\r\n");
  start(edge({c1, c2}));
  pass(1s);
  for (int i = 0; i < 3; ++i) phone(p1, {.method = "MESSAGE"}), pass(1s);
  auto messages = sent("MESSAGE", c1);
  ASSERT_EQ(messages.size(), 4U);
  EXPECT_TRUE(has(messages[2].bytes, "nc=00000002") && has(messages[3].bytes, "nc=00000003"));
  next(c1, "MESSAGE", 401, "WWW-Authenticate: Digest realm=\"example.test\", nonce=\"n2\", qop=\"auth\", stale=true\r\n");
  phone(p1, {.method = "MESSAGE"}), pass(1s);
  messages = sent("MESSAGE", c1);
  ASSERT_EQ(messages.size(), 6U);
  EXPECT_TRUE(has(messages[5].bytes, "nonce=\"n2\"") && has(messages[5].bytes, "nc=00000001"));
  EXPECT_EQ(statuses(p1), "200 200 200 200");
  // Another server has its own.
  answers(c1, "REGISTER", 500);
  ASSERT_TRUE(pass_until([&] { return server() == c2; }, 60s));
  phone(p1, {.method = "MESSAGE"});
  EXPECT_FALSE(has(sent("MESSAGE", c2).at(0).bytes, "Authorization:"));
}

TEST_F(Proving, a_stale_nonce_is_answered_once_more_T14) {
  next(c1, "INVITE", 407, challenge);
  next(c1, "INVITE", 407, "Proxy-Authenticate: Digest realm=\"example.test\", nonce=\"n2\", qop=\"auth\", stale=true\r\n");
  start(edge({c1}));
  pass(1s);
  phone(p1, {});
  pass(1s);
  EXPECT_EQ(statuses(p1), "200");
  EXPECT_EQ(sent("INVITE", c1).size(), 3U);
}

TEST_F(Proving, a_wrong_password_shows_the_challenge_to_the_phone_T14) {
  answers(c1, "INVITE", 407, challenge);
  start(edge({c1}));
  pass(1s);
  phone(p1, {});
  pass(1s);
  EXPECT_EQ(statuses(p1), "407");
  EXPECT_TRUE(has(last_answer(p1), "Proxy-Authenticate: Digest realm=\"example.test\""));
  EXPECT_EQ(sent("INVITE", c1).size(), 2U);
}

TEST_F(Proving, what_the_phone_has_for_that_realm_is_replaced_T14) {
  next(c1, "INVITE", 407, challenge);
  start(edge({c1}));
  pass(1s);
  phone(p1, {.more = "Proxy-Authorization: Digest username=\"phone\", realm=\"example.test\", nonce=\"x\"\r\n"
                     "Proxy-Authorization: Digest username=\"else\", realm=\"other.test\", nonce=\"x\"\r\n"});
  pass(1s);
  const std::string second = sent("INVITE", c1).at(1).bytes;
  EXPECT_FALSE(has(second, "\"phone\""));
  EXPECT_TRUE(has(second, "\"else\"") && has(second, "\"alice\""));
}

TEST_F(Proving, a_phone_that_challenges_a_server_is_not_answered_T14) {
  start(edge({c1}));
  pass(1s);
  register_at_us(p1, "alice");
  answers(p1, "MESSAGE", 401, "WWW-Authenticate: Digest realm=\"phone\", nonce=\"n1\", qop=\"auth\"\r\n");
  asks(c1, {.method = "MESSAGE", .uri = "sip:alice@10.77.0.5:5066"});
  pass(1s);
  EXPECT_EQ(statuses(c1), "401");
  EXPECT_EQ(sent("MESSAGE", p1).size(), 1U);
}

/// SWI-13, SWI-14.
class Doubting : public EdgeBench {
 protected:
  void begin(const Settings& settings) {
    start(settings);
    pass(1s);
    register_at_us(p1, "alice");
    clear();
  }
  static Settings patient(Settings settings) {
    settings.expires = 600s;
    settings.switching.heartbeat = 10min;
    return settings;
  }
};

TEST_F(Doubting, a_message_that_gets_no_answer_leads_to_one_registration_SWI13) {
  answers(c1, "MESSAGE", 0);
  begin(patient(edge({c1, c2})));
  phone(p1, {.method = "MESSAGE"});
  pass(31s);
  EXPECT_TRUE(registers().empty());
  pass(3s);
  EXPECT_EQ(way(), "11");
  EXPECT_EQ(registers()[0].at - sent("MESSAGE", c1)[0].at, 32s);
  EXPECT_EQ(server(), c1);
  EXPECT_EQ(std::ranges::count(notes_, "agent_server_doubted"), 1);
  pass(60s);
  EXPECT_EQ(way(), "11") << "it answered: nothing more";
}

TEST_F(Doubting, a_silent_server_is_left_after_the_registration_SWI13) {
  begin(patient(edge({c1, c2})));
  dies(c1);
  phone(p1, {});
  pass(33s);
  ASSERT_EQ(way(), "11");
  EXPECT_EQ(statuses(p1), "408");
  pass(32s);
  EXPECT_EQ(way(), "11 12");
  EXPECT_EQ(server(), c2);
}

TEST_F(Doubting, many_failures_are_one_registration_for_each_account_SWI14) {
  answers(c1, "MESSAGE", 0);
  begin(patient(edge_of_two({c1, c2})));
  for (int i = 0; i < 50; ++i) phone(p1, {.method = "MESSAGE"});
  pass(34s);
  EXPECT_EQ(way(), "11");
  for (int i = 0; i < 50; ++i) {
    phone(p1, {.method = "MESSAGE", .from = i % 2 == 0 ? "sip:alice@example.test" : "sip:bob@example.test"});
    pass(20ms);
  }
  pass(34s);
  EXPECT_EQ(way(), "11 11 11");
}

TEST_F(Doubting, what_comes_from_behind_is_no_failure_of_the_server_SWI13_X26) {
  begin(patient(edge({c1, c2})));
  for (const int status : {408, 480, 486, 500, 504, 603}) {
    next(c1, "INVITE", status);
    phone(p1, {});
    pass(1s);
  }
  pass(60s);
  EXPECT_TRUE(registers().empty());
}

TEST_F(Doubting, a_503_of_the_first_hop_is_one_SWI13) {
  next(c1, "INVITE", 503);
  begin(patient(edge({c1, c2})));
  pass(10s);
  phone(p1, {});
  pass(1s);
  EXPECT_EQ(way(), "11");
  EXPECT_EQ(statuses(p1), "500") << "RFC 3261 §16.7: what is down is not we";
}

TEST_F(Doubting, a_server_that_refuses_packets_is_one_SWI13) {
  begin(patient(edge({c1, c2})));
  pass(10s);
  refuses(c1);
  phone(p1, {});
  pass(1s);
  EXPECT_EQ(way(), "11 12");
  EXPECT_EQ(server(), c2);
}

TEST_F(Doubting, a_phone_that_is_silent_is_none_X26) {
  begin(patient(edge({c1, c2})));
  asks(c1, {.method = "MESSAGE", .uri = "sip:alice@10.77.0.5:5066"});
  pass(40s);
  EXPECT_TRUE(registers().empty());
}

TEST_F(Doubting, an_old_server_in_a_dialog_is_none_SWI19) {
  answers(c1, "REGISTER", 500);
  answers(c1, "BYE", 0);
  begin(patient(edge({c1, c2})));
  ASSERT_EQ(server(), c2);
  pass(10s);
  clear();
  phone(p1, {.method = "BYE",
             .uri = "sip:carol@10.78.0.99",
             .to = "<sip:carol@example.test>;tag=s",
             .more = "Route: <sip:10.78.0.11:5060;lr>\r\n"});
  ASSERT_EQ(sent("BYE", c1).size(), 1U);
  pass(35s);
  EXPECT_TRUE(registers(c2).empty()) << way();
  EXPECT_EQ(std::ranges::count(notes_, "agent_server_doubted"), 0);
}

TEST_F(Doubting, a_call_that_is_never_acknowledged_is_one_SWI13) {
  begin(patient(edge({c1, c2})));
  asks(c1, {.uri = "sip:alice@10.77.0.5:5066", .more = contact_at("c", "10.78.0.99")});
  const Sent invite = sent("INVITE", p1).at(0);
  reply(invite, 200, contact_at("alice", p1));
  reply(invite, 200, contact_at("alice", p1));
  pass(33s);
  EXPECT_EQ(way(), "11");
  clear();
  asks(c1, {.uri = "sip:alice@10.77.0.5:5066", .more = contact_at("c", "10.78.0.99")});
  const std::string call_id = call_id_;
  reply(sent("INVITE", p1).at(0), 200, contact_at("alice", p1));
  asks(c1, {.method = "ACK", .uri = "sip:alice@10.77.1.1:5060", .to = "<sip:alice@example.test>;tag=10.77.1.1:5060", .call_id = call_id});
  EXPECT_EQ(sent("ACK", p1).size(), 1U);
  pass(60s);
  EXPECT_TRUE(registers().empty());
}

}  // namespace
}  // namespace ringhold::agent
