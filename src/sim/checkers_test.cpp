// The judges must be able to condemn.
#include "sim/checkers.hpp"

#include <gtest/gtest.h>

namespace ringhold::sim {
namespace {

const Endpoint box{bench::box(), bench::sip_port};
const Endpoint phone{bench::phone(1), bench::sip_port};

std::string request(std::string_view method) {
  SipMessage message;
  message.method = std::string{method};
  message.uri = "sip:user2@example.test";
  message.add("Via", "SIP/2.0/UDP 10.77.0.11:5060;branch=z9hG4bK1;rport");
  message.add("Max-Forwards", "70");
  message.add("From", "<sip:user1@example.test>;tag=1");
  message.add("To", "<sip:user2@example.test>");
  message.add("Call-ID", "a");
  message.add("CSeq", "1 " + std::string{method});
  return message.text();
}

class Judges : public ::testing::Test {
 protected:
  void in(std::string_view method) { checkers_.box_received({phone, box, request(method)}); }
  void out(std::string_view method, int status) {
    checkers_.box_sent({box, phone, make_response(*parse_sip(request(method)), status, "R", "t").text()});
  }
  void pass(Duration duration) { world_.clock.run_until(world_.clock.now() + duration); }
  std::size_t broken() const { return checkers_.violations().size(); }

  World world_{1, from_unix_ms(1'800'000'000'000)};
  Checkers checkers_{world_};
};

TEST_F(Judges, accept_one_final_response_and_its_repetition) {
  in("INVITE");
  out("INVITE", 180);
  out("INVITE", 200);
  out("INVITE", 200);
  pass(10min);
  checkers_.judge_requests();
  EXPECT_EQ(broken(), 0U);
}

TEST_F(Judges, condemn_two_final_responses) {
  in("INVITE");
  out("INVITE", 404);
  out("INVITE", 480);
  EXPECT_EQ(broken(), 1U);
}

TEST_F(Judges, condemn_an_invite_without_final_response) {
  in("INVITE");
  out("INVITE", 180);
  pass(200s);
  checkers_.judge_requests();
  EXPECT_EQ(broken(), 0U);
  pass(80s);
  checkers_.judge_requests();
  EXPECT_EQ(broken(), 1U);
}

TEST_F(Judges, condemn_an_unanswered_register) {
  in("REGISTER");
  pass(2s);
  checkers_.judge_requests();
  EXPECT_EQ(broken(), 1U);
}

TEST_F(Judges, let_a_relayed_request_time_out_RFC_4320) {
  in("MESSAGE");
  pass(10min);
  checkers_.judge_requests();
  EXPECT_EQ(broken(), 0U);
}

TEST_F(Judges, condemn_the_refusal_of_a_phone_while_the_centre_is_dead) {
  checkers_.look({.site_dead = true, .site_well = false, .box_since = {}, .mode = "survivable"});
  pass(30s);
  in("REGISTER");
  out("REGISTER", 503);
  EXPECT_EQ(broken(), 1U);
}

TEST_F(Judges, condemn_a_mode_that_comes_too_late_DIS_25) {
  for (int second = 0; second < 40; ++second) {
    checkers_.look({.site_dead = true, .site_well = false, .box_since = {}, .mode = "suspect"});
    pass(1s);
  }
  EXPECT_EQ(broken(), 1U);
}

TEST_F(Judges, condemn_a_failed_call_between_two_phones_that_are_here) {
  CallBook book(1);
  book[0].both_here = true;
  book[0].at = world_.clock.now();
  book[0].end = CallAttempt::End::failed;
  book[0].status = 480;
  checkers_.judge_calls(book);
  EXPECT_EQ(broken(), 1U);
}

TEST_F(Judges, condemn_bytes_that_are_no_message) {
  checkers_.box_sent({box, phone, "nonsense"});
  checkers_.box_sent({{bench::box(), bench::dns_port}, {bench::phone(1), Port{35353}}, "x"});
  EXPECT_EQ(broken(), 2U);
}

}  // namespace
}  // namespace ringhold::sim
