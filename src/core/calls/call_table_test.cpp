#include "calls/call_table.hpp"

#include <gtest/gtest.h>

namespace ringhold::calls {
namespace {

constexpr Instant start = from_unix_ms(1'790'000'000'000);

std::string request(std::string_view method, std::string_view to_tag = "", bool from_callee = false) {
  const std::string alice = "<sip:alice@example.test>";
  const std::string bob = "<sip:bob@example.test>";
  const std::string from = from_callee ? bob + ";tag=b" : alice + ";tag=a";
  const std::string to = (from_callee ? alice + ";tag=a" : bob + (to_tag.empty() ? "" : ";tag=" + std::string{to_tag}));
  return std::string{method} + " sip:bob@example.test SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nFrom: " + from + "\r\nTo: " + to +
         "\r\nCall-ID: c\r\nCSeq: 1 " + std::string{method} + "\r\n\r\n";
}

class Calling : public ::testing::Test {
 protected:
  void invite() {
    const auto bytes = request("INVITE");
    table_.invited(*sip::Message::parse(bytes), "sip:alice@example.test", "sip:bob@example.test", start, outbox_);
  }
  void respond(int status, Instant at, std::string_view to_tag = "b", Duration session = {}) {
    table_.responded({"c", "a", to_tag, status, session}, at, outbox_);
  }
  void pass(const std::string& bytes, Instant at) { table_.passed(*sip::Message::parse(bytes), at, outbox_); }
  Outbox outbox_;
  CallTable table_{2};
};

TEST_F(Calling, knows_both_parties_from_invite_to_bye_S5) {
  invite();
  invite();  // a retransmission that another transaction carried
  EXPECT_EQ(table_.size(), 1U);
  EXPECT_TRUE(table_.in_call("sip:alice@example.test"));
  EXPECT_TRUE(table_.in_call("sip:bob@example.test"));
  respond(200, start + 3s);
  const auto bye = request("BYE", "", true);  // the callee hangs up
  table_.passed(*sip::Message::parse(bye), start + 10s, outbox_);
  EXPECT_EQ(table_.size(), 0U);
  EXPECT_FALSE(table_.in_call("sip:bob@example.test"));
}

TEST_F(Calling, forgets_a_refused_call_but_not_for_a_refused_re_invite_C6) {
  invite();
  respond(486, start + 1s);
  EXPECT_EQ(table_.size(), 0U);
  invite();
  respond(200, start + 1s);
  respond(488, start + 9s);
  EXPECT_EQ(table_.size(), 1U);
}

TEST_F(Calling, no_call_stays_for_ever_X1) {
  invite();
  table_.expire(start + CallTable::longest_ringing + 1s, outbox_);
  EXPECT_EQ(table_.size(), 0U);
  invite();
  respond(200, start);
  table_.expire(start + 11h, outbox_);
  EXPECT_EQ(table_.size(), 1U);
  const auto refresh = request("UPDATE", "b");
  table_.passed(*sip::Message::parse(refresh), start + 11h, outbox_);
  table_.expire(start + 13h, outbox_);
  EXPECT_EQ(table_.size(), 1U);
  table_.expire(start + 24h, outbox_);
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(Calling, a_bye_for_an_extra_200_of_a_fork_does_not_end_the_call_C6) {
  invite();
  respond(200, start + 1s, "b");
  respond(200, start + 1s, "c");
  pass(request("BYE", "c"), start + 2s);
  EXPECT_EQ(table_.size(), 1U);
  respond(200, start + 2s, "c");  // retransmitted before its ACK came
  pass(request("BYE", "b"), start + 60s);
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(Calling, keeps_each_of_many_answers_of_a_fork_C6) {
  invite();
  for (const char* tag : {"b", "c", "d", "e"}) {
    respond(200, start + 3s, tag);
    respond(200, start + 4s, tag);  // sent again
  }
  for (const char* tag : {"c", "d", "e"}) pass(request("BYE", tag), start + 5s);
  EXPECT_EQ(table_.size(), 1U);
  respond(200, start + 6s, "c");  // and again, though its dialog has ended
  pass(request("BYE", "b"), start + 7s);
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(Calling, a_bye_of_an_early_dialog_does_not_end_the_call_RFC3261_15) {
  invite();
  pass(request("BYE", "x"), start + 1s);
  EXPECT_EQ(table_.size(), 1U);
  respond(487, start + 1s);
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(Calling, ends_when_its_session_timer_runs_out_RFC4028) {
  invite();
  respond(200, start, "b", 1800s);
  pass(request("UPDATE", "b"), start + 1700s);  // asked, but not granted
  table_.refreshed({"c", "a", "b", 200, 1800s}, start + 1700s);
  table_.expire(start + 1850s, outbox_);
  EXPECT_EQ(table_.size(), 1U);
  pass(request("INFO", "b"), start + 3400s);
  table_.expire(start + 3540s, outbox_);
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(Calling, a_2xx_without_session_expires_ends_the_session_timer_RFC4028) {
  invite();
  respond(200, start, "b", 90s);
  table_.refreshed({"c", "a", "b", 200, {}}, start + 60s);
  table_.expire(start + 1h, outbox_);
  EXPECT_EQ(table_.size(), 1U);
}

TEST_F(Calling, counts_what_it_cannot_track_X1) {
  CallTable small{0};
  const auto bytes = request("INVITE");
  small.invited(*sip::Message::parse(bytes), "sip:alice@example.test", "sip:bob@example.test", start, outbox_);
  EXPECT_EQ(small.untracked(), 1U);
  EXPECT_FALSE(small.in_call("sip:alice@example.test"));
}

}  // namespace
}  // namespace ringhold::calls
