// The judges of pushed content must be able to condemn: made-up events, each with one promise broken.
#include "sim/push_checkers.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ringhold::sim {
namespace {

using branch_device::PushReport;

const Endpoint box{bench::box(), bench::sip_port};
const Endpoint phone{bench::phone(1), bench::sip_port};
const Endpoint other{bench::phone(2), bench::sip_port};

class PushJudges : public ::testing::Test {
 protected:
  PushJudges() { checkers_.ordered({1, "user1", "a key", false, 10, world_.clock.now()}); }

  static SipMessage message(unsigned number, const std::string& branch, const Endpoint& to) {
    SipMessage request;
    request.method = "MESSAGE";
    request.uri = fmt::format("sip:user1@{}", to.text());
    request.add("Via", "SIP/2.0/UDP 10.77.0.2:5060;branch=" + branch);
    request.add("Max-Forwards", "70");
    request.add("From", "<sip:push@example.test>;tag=1");
    request.add("To", "<sip:user1@example.test>");
    request.add("Call-ID", fmt::format("id{}.x", number));
    request.add("CSeq", "1 MESSAGE");
    request.body = push_body(number, 0);
    return request;
  }
  void out(const std::string& branch, const Endpoint& to, unsigned number = 1) {
    checkers_.box_sent({box, to, message(number, branch, to).text()});
  }
  void in(const std::string& branch, int status, const Endpoint& from, unsigned number = 1) {
    checkers_.box_received({from, box, make_response(message(number, branch, from), status, "R", "t").text()});
  }
  static PushReport::Step step(const std::string& via, unsigned hop, int status) { return {"sip:a@b", via, hop, status, 0, 1, "answered"}; }
  static PushReport report(const std::string& result, unsigned number = 1) {
    PushReport report;
    report.id = fmt::format("id{}", number);
    report.to = "sip:user1@example.test";
    report.result = result;
    if (result == "failed") report.reason = "refused";
    if (result == "delivered") report.steps.push_back(step("registered", 0, 200));
    return report;
  }
  void look(std::vector<PushReport> reports) { checkers_.look(reports); }
  void judge(std::vector<PushReport> reports, std::vector<PushSeen> seen) { checkers_.judge(reports, {"user1"}, seen); }
  static PushSeen seen(const std::string& branch, Instant at, int status = 200) {
    return {1, 1, branch, "id1.x", at, status, at, status == 200, true};
  }
  void pass(Duration duration) { world_.clock.run_until(world_.clock.now() + duration); }
  std::size_t broken() const { return judges_.violations().size(); }

  World world_{1, from_unix_ms(1'800'000'000'000)};
  Checkers judges_{world_};
  PushCheckers checkers_{world_, judges_};
};

TEST_F(PushJudges, accept_one_that_waits_and_is_delivered) {
  checkers_.told(1, report("pending"));
  checkers_.told(1, report("stored"));
  look({report("stored")});
  pass(60s);
  out("z9hG4bK1", phone);
  in("z9hG4bK1", 200, phone);
  judge({report("delivered")}, {seen("z9hG4bK1", world_.clock.now())});
  EXPECT_EQ(broken(), 0U) << judges_.violations().front();
}

TEST_F(PushJudges, condemn_the_loss_of_what_was_promised_P8) {
  checkers_.told(1, report("stored"));
  checkers_.box_killed(world_.clock.now() - 1s);
  look({});
  EXPECT_EQ(broken(), 1U);
}

TEST_F(PushJudges, condemn_what_was_delivered_to_nobody) {
  checkers_.told(1, report("accepted"));
  judge({report("delivered")}, {seen("z9hG4bK1", world_.clock.now(), 486)});
  EXPECT_EQ(broken(), 1U);
}

TEST_F(PushJudges, condemn_what_still_waits_although_somebody_is_there_P8) {
  checkers_.told(1, report("stored"));
  judge({report("stored")}, {});
  EXPECT_EQ(broken(), 1U);
}

TEST_F(PushJudges, condemn_a_store_that_gives_up_what_it_promised_X5) {
  checkers_.told(1, report("stored"));
  PushReport failed = report("failed");
  failed.reason = "store-failing";
  judge({failed}, {});
  EXPECT_EQ(broken(), 1U);
}

TEST_F(PushJudges, condemn_a_second_delivery_PSH_18) {
  out("z9hG4bK1", phone);
  pass(1s);
  in("z9hG4bK1", 200, phone);
  pass(1s);
  out("z9hG4bK1", phone);
  EXPECT_EQ(broken(), 0U) << "a retransmission";
  out("z9hG4bK2", other);
  EXPECT_EQ(broken(), 1U);
}

TEST_F(PushJudges, excuse_a_second_delivery_when_the_first_one_was_not_on_disk_PSH_18) {
  out("z9hG4bK1", phone);
  in("z9hG4bK1", 200, phone);
  pass(500ms);
  checkers_.box_killed(world_.clock.now() - 1s);
  out("z9hG4bK2", phone);
  EXPECT_EQ(broken(), 0U);
  in("z9hG4bK2", 200, phone);
  pass(2s);
  checkers_.box_killed(world_.clock.now() - 1s);
  out("z9hG4bK3", phone);
  EXPECT_EQ(broken(), 0U) << "the first kill still excuses it";
}

TEST_F(PushJudges, condemn_a_terminal_that_took_it_twice_PSH_18) {
  const Instant now = world_.clock.now();
  checkers_.told(1, report("accepted"));
  judge({report("delivered")}, {seen("z9hG4bK1", now), seen("z9hG4bK1", now + 5s)});
  EXPECT_EQ(broken(), 0U);
  judge({report("delivered")}, {seen("z9hG4bK1", now), seen("z9hG4bK2", now + 5s)});
  EXPECT_EQ(broken(), 1U);
}

TEST_F(PushJudges, condemn_strangers_circles_and_long_ways_PSH_13_PSH_14) {
  out("z9hG4bK1", {*Address::parse("203.0.113.5"), bench::sip_port});
  EXPECT_EQ(broken(), 1U);
  PushReport circle = report("failed");
  circle.steps.push_back(step("registered", 0, 302));
  circle.steps.push_back(step("redirect", 6, 480));
  checkers_.told(1, circle);
  EXPECT_EQ(broken(), 3U);
}

TEST_F(PushJudges, condemn_two_stored_messages_of_one_user_on_their_way_X_19) {
  look({report("stored", 1), report("stored", 2)});
  out("z9hG4bK1", phone, 1);
  out("z9hG4bK2", phone, 2);
  EXPECT_EQ(broken(), 1U);
}

TEST_F(PushJudges, condemn_another_order_of_stored_messages_X_19) {
  PushReport first = report("stored", 1);
  first.expires = world_.clock.now() + 1h;
  look({first, report("stored", 2)});
  out("z9hG4bK2", phone, 2);
  EXPECT_EQ(broken(), 1U);
}

TEST_F(PushJudges, condemn_a_failure_that_is_none_and_one_without_reason) {
  look({report("failed")});
  pass(1s);
  out("z9hG4bK1", phone);
  EXPECT_EQ(broken(), 1U);
  PushReport nothing = report("failed");
  nothing.reason.clear();
  look({nothing});
  EXPECT_EQ(broken(), 2U);
}

TEST_F(PushJudges, condemn_what_is_never_settled) {
  checkers_.told(1, report("pending"));
  pass(341s);
  look({report("pending")});
  EXPECT_EQ(broken(), 1U);
}

TEST_F(PushJudges, condemn_what_is_on_its_way_when_all_is_quiet) {
  judge({report("pending", 2)}, {});
  EXPECT_EQ(broken(), 2U) << "this one, and the one of which nothing was said";
}

}  // namespace
}  // namespace ringhold::sim
