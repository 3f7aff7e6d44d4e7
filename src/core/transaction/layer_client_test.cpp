#include <gtest/gtest.h>

#include "transaction/layer_stage.hpp"

namespace ringhold::transaction {
namespace {

using Times = std::vector<double>;
const Owner leg{Owner::Kind::proxy, 4, 5, 6};

TransactionId start(Stage& stage, Words words, sip::Method method, Transport transport, std::uint64_t flow = 9) {
  return stage.start(method, words.branch, request(words), Stage::to(transport, flow), leg);
}
const Packet answer_by_udp = Stage::packet(Transport::udp, 9, "10.77.0.32:5060");
const Packet answer_by_tcp = Stage::packet(Transport::tcp, 9, "10.77.0.32:5060");

TEST(InviteClientLayer, retransmits_on_timer_a_and_fails_on_timer_b_C1) {
  Stage stage;
  const auto id = start(stage, {}, sip::Method::invite, Transport::udp);
  stage.pass(40s);
  EXPECT_EQ(stage.times(), (Times{0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5}));
  for (const auto& sent : stage.sent) EXPECT_EQ(sent.bytes, request({}));
  ASSERT_EQ(stage.failed.size(), 1U);
  EXPECT_EQ(stage.failed[0].at, 32);
  EXPECT_EQ(stage.failed[0].failure.cause, Failure::Cause::timeout);
  EXPECT_EQ(stage.failed[0].failure.transaction, id);
  EXPECT_EQ(stage.failed[0].failure.owner.leg, 6U);
  EXPECT_EQ(stage.layer.size(), 0U);
  EXPECT_FALSE(stage.layer.next_expiry());
}

TEST(InviteClientLayer, over_tcp_sends_once_and_fails_after_32_seconds_C1) {
  Stage stage;
  start(stage, {}, sip::Method::invite, Transport::tcp);
  stage.pass(40s);
  EXPECT_EQ(stage.times(), Times{0});
  ASSERT_EQ(stage.failed.size(), 1U);
  EXPECT_EQ(stage.failed[0].at, 32);
}

TEST(InviteClientLayer, passes_provisionals_and_then_waits_for_ever_C1) {
  Stage stage;
  const auto id = start(stage, {}, sip::Method::invite, Transport::udp);
  EXPECT_FALSE(stage.layer.has_provisional(id));
  stage.pass(600ms);
  const auto first = stage.receive(response(100, {}), answer_by_udp);
  EXPECT_EQ(first.disposition, Disposition::response);
  EXPECT_EQ(first.transaction, id);
  EXPECT_EQ(first.owner.index, 4U);
  EXPECT_EQ(stage.receive(response(180, {}), answer_by_udp).disposition, Disposition::response);
  EXPECT_TRUE(stage.layer.has_provisional(id));
  stage.pass(300s);
  EXPECT_EQ(stage.times(), (Times{0, 0.5}));
  EXPECT_TRUE(stage.failed.empty());
  EXPECT_TRUE(stage.layer.is_proceeding(id));
  stage.layer.abandon(id);  // RFC 3261 §9.1
  EXPECT_EQ(stage.layer.size(), 0U);
  EXPECT_EQ(stage.receive(response(200, {}), answer_by_udp).disposition, Disposition::stray);
}

TEST(InviteClientLayer, acknowledges_each_non_2xx_with_the_same_branch_and_route_for_timer_d_C1) {
  Stage stage;
  Words words;
  words.extra = "Route: <sip:10.77.0.9;lr>\r\nRoute: <sip:10.77.0.8;lr>\r\n";
  words.cseq = "17";
  const auto id = start(stage, words, sip::Method::invite, Transport::udp);
  Words busy = words;
  busy.extra.clear();
  busy.to_tag = "t9";
  EXPECT_EQ(stage.receive(response(486, busy), answer_by_udp).disposition, Disposition::response);
  EXPECT_FALSE(stage.layer.is_proceeding(id));
  stage.pass(31s);
  EXPECT_EQ(stage.receive(response(486, busy), answer_by_udp).disposition, Disposition::absorbed);
  ASSERT_EQ(stage.sent.size(), 3U);
  for (const std::size_t i : {1U, 2U}) {  // §17.1.1.3
    const auto ack = sip::Message::parse(stage.sent[i].bytes);
    ASSERT_TRUE(ack);
    EXPECT_EQ(ack->method(), sip::Method::ack);
    EXPECT_EQ(ack->request_uri(), words.uri);
    EXPECT_EQ(ack->top_via()->branch, words.branch);
    EXPECT_EQ(ack->count(sip::Header::via), 1U);
    EXPECT_EQ(ack->count(sip::Header::route), 2U);
    EXPECT_EQ(ack->to_tag(), "t9");
    EXPECT_EQ(ack->from_tag(), words.from_tag);
    EXPECT_EQ(ack->call_id(), words.call_id);
    EXPECT_EQ(ack->cseq()->number, 17U);
    EXPECT_EQ(ack->cseq()->method, sip::Method::ack);
    EXPECT_EQ(stage.sent[i].destination.remote, Stage::endpoint("10.77.0.32:5060"));
  }
  stage.pass(1100ms);
  EXPECT_EQ(stage.layer.size(), 0U);
  EXPECT_TRUE(stage.failed.empty());
}

TEST(InviteClientLayer, over_tcp_timer_d_is_zero_but_the_request_stays_for_this_step_C1) {
  Stage stage;
  const auto id = start(stage, {}, sip::Method::invite, Transport::tcp);
  EXPECT_EQ(stage.receive(response(503, {}), answer_by_tcp).disposition, Disposition::response);
  EXPECT_EQ(stage.layer.request(id), request({}));  // for the next server: RFC 3263 §4.3
  stage.pass(2ms);
  EXPECT_EQ(stage.layer.size(), 0U);
}

TEST(InviteClientLayer, passes_every_2xx_until_timer_m_RFC6026_C1) {
  for (const Transport transport : {Transport::udp, Transport::tcp}) {
    Stage stage;
    start(stage, {}, sip::Method::invite, transport);
    Words fork;
    for (const char* tag : {"t1", "t2", "t1"}) {
      fork.to_tag = tag;
      EXPECT_EQ(stage.receive(response(200, fork), answer_by_udp).disposition, Disposition::response);
      stage.pass(10s);
    }
    EXPECT_EQ(stage.receive(response(180, fork), answer_by_udp).disposition, Disposition::absorbed);
    EXPECT_EQ(stage.receive(response(486, fork), answer_by_udp).disposition, Disposition::absorbed);
    EXPECT_EQ(stage.sent.size(), 1U) << "2xx are acknowledged by the caller";
    stage.pass(2100ms);
    EXPECT_EQ(stage.receive(response(200, fork), answer_by_udp).disposition, Disposition::stray);
    EXPECT_EQ(stage.layer.size(), 0U);
    EXPECT_TRUE(stage.failed.empty());
  }
}

TEST(NonInviteClientLayer, retransmits_on_timer_e_capped_by_t2_and_fails_on_timer_f_SWI01) {
  Stage stage;
  Words words{.method = "REGISTER"};
  start(stage, words, sip::Method::register_, Transport::udp);
  stage.pass(40s);
  EXPECT_EQ(stage.times(), (Times{0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5}));
  ASSERT_EQ(stage.failed.size(), 1U);
  EXPECT_EQ(stage.failed[0].at, 32);
  EXPECT_EQ(stage.failed[0].failure.cause, Failure::Cause::timeout);
  EXPECT_EQ(stage.layer.size(), 0U);
}

TEST(NonInviteClientLayer, after_a_provisional_retransmits_every_t2_C1) {
  Stage stage;
  Words words{.method = "MESSAGE"};
  start(stage, words, sip::Method::message, Transport::udp);
  stage.pass(700ms);
  EXPECT_EQ(stage.receive(response(100, words), answer_by_udp).disposition, Disposition::response);
  stage.pass(40s);
  EXPECT_EQ(stage.times(), (Times{0, 0.5, 1.5, 5.5, 9.5, 13.5, 17.5, 21.5, 25.5, 29.5}));
  ASSERT_EQ(stage.failed.size(), 1U);
  EXPECT_EQ(stage.failed[0].at, 32);
}

TEST(NonInviteClientLayer, absorbs_further_responses_for_timer_k_C1) {
  Stage stage;
  Words words{.method = "OPTIONS"};
  const auto id = start(stage, words, sip::Method::options, Transport::udp);
  EXPECT_EQ(stage.receive(response(200, words), answer_by_udp).disposition, Disposition::response);
  EXPECT_FALSE(stage.layer.is_proceeding(id));
  stage.pass(4900ms);
  EXPECT_EQ(stage.receive(response(200, words), answer_by_udp).disposition, Disposition::absorbed);
  stage.pass(200ms);
  EXPECT_EQ(stage.receive(response(200, words), answer_by_udp).disposition, Disposition::stray);
  EXPECT_EQ(stage.times(), Times{0});
  EXPECT_EQ(stage.layer.size(), 0U);
  stage.pass(60s);
  EXPECT_TRUE(stage.failed.empty());
  EXPECT_FALSE(stage.layer.next_expiry());
}

TEST(NonInviteClientLayer, over_tcp_sends_once_and_ends_at_once_C1) {
  Stage stage;
  Words words{.method = "OPTIONS"};
  start(stage, words, sip::Method::options, Transport::tcp);
  stage.pass(10s);
  EXPECT_EQ(stage.receive(response(200, words), answer_by_tcp).disposition, Disposition::response);
  stage.pass(2ms);
  EXPECT_EQ(stage.layer.size(), 0U);
  EXPECT_EQ(stage.times(), Times{0});
}

TEST(NonInviteClientLayer, follows_its_own_t1_and_t2) {
  Stage stage{Timers{.t1 = 100ms, .t2 = 300ms, .t4 = 1s}};
  Words words{.method = "OPTIONS"};
  start(stage, words, sip::Method::options, Transport::udp);
  stage.pass(1s);
  EXPECT_EQ(stage.times(), (Times{0, 0.1, 0.3, 0.6, 0.9}));
  stage.pass(6s);
  ASSERT_EQ(stage.failed.size(), 1U);
  EXPECT_EQ(stage.failed[0].at, 6.4);
}

TEST(ClientLayer, a_late_expire_sends_one_retransmission_and_no_burst) {
  Stage stage;
  Words words{.method = "REGISTER"};
  start(stage, words, sip::Method::register_, Transport::udp);
  stage.expire_late(10s);
  EXPECT_EQ(stage.times(), (Times{0, 10}));
  stage.expire_late(30s);  // Timer F counts before Timer E
  EXPECT_EQ(stage.times(), (Times{0, 10}));
  EXPECT_EQ(stage.failed.size(), 1U);
}

TEST(ClientLayer, a_failed_one_can_be_asked_for_its_request_until_the_next_step_DIS20) {
  Stage stage;
  Words words{.method = "REGISTER"};
  const auto id = start(stage, words, sip::Method::register_, Transport::udp);
  stage.expire_late(32100ms);
  ASSERT_EQ(stage.failed.size(), 1U);
  EXPECT_EQ(stage.layer.request(id), request(words));
  ASSERT_NE(stage.layer.destination(id), nullptr);
  EXPECT_EQ(stage.layer.destination(id)->remote, Stage::endpoint("10.77.0.32:5060"));
  EXPECT_FALSE(stage.layer.is_proceeding(id));
  EXPECT_EQ(stage.receive(response(200, words), answer_by_udp).disposition, Disposition::stray);
  stage.pass(2ms);
  EXPECT_TRUE(stage.layer.request(id).empty());
  EXPECT_EQ(stage.layer.destination(id), nullptr);
  EXPECT_EQ(stage.layer.size(), 0U);
}

TEST(ClientLayer, an_unreachable_host_fails_what_waits_for_it_at_once_C1) {
  Stage stage;
  Words words{.method = "REGISTER"};
  start(stage, words, sip::Method::register_, Transport::udp);
  Words other{.method = "REGISTER", .branch = "z9hG4bKother"};
  stage.start(sip::Method::register_, other.branch, request(other), Stage::to(Transport::udp, 9, "10.77.0.33:5060"));
  Words ringing{.branch = "z9hG4bKringing"};
  const auto proceeding = start(stage, ringing, sip::Method::invite, Transport::udp);
  stage.receive(response(180, ringing), answer_by_udp);
  stage.change(Transport::udp, FlowState::refused, 9, "10.77.0.32:5060");
  ASSERT_EQ(stage.failed.size(), 1U);
  EXPECT_EQ(stage.failed[0].failure.cause, Failure::Cause::transport_error);
  EXPECT_TRUE(stage.layer.is_proceeding(proceeding));  // it sends nothing, so nothing failed (Figure 5)
  stage.change(Transport::udp, FlowState::refused, 9, "10.77.0.32:5060");
  EXPECT_EQ(stage.failed.size(), 1U) << "reported once";
}

TEST(ClientLayer, a_closed_connection_fails_what_was_sent_over_it_C1) {
  Stage stage;
  Words words{.method = "REGISTER"};
  start(stage, words, sip::Method::register_, Transport::tcp, 9);
  Words other{.method = "REGISTER", .branch = "z9hG4bKother"};
  const auto elsewhere = start(stage, other, sip::Method::register_, Transport::tcp, 10);
  stage.change(Transport::tcp, FlowState::opened, 9, "10.77.0.32:5060");
  EXPECT_TRUE(stage.failed.empty());
  stage.change(Transport::tcp, FlowState::closed, 9, "10.77.0.32:5060");
  ASSERT_EQ(stage.failed.size(), 1U);
  EXPECT_TRUE(stage.layer.is_proceeding(elsewhere));
}

TEST(ClientLayer, a_refused_connection_fails_what_waited_for_it_C1) {
  Stage stage;
  Words words{.method = "REGISTER"};
  start(stage, words, sip::Method::register_, Transport::tcp, 0);
  stage.change(Transport::tls, FlowState::refused, 0, "10.77.0.32:5060");
  EXPECT_TRUE(stage.failed.empty());
  stage.change(Transport::tcp, FlowState::refused, 0, "10.77.0.32:5060");
  EXPECT_EQ(stage.failed.size(), 1U);
}

TEST(ClientLayer, the_owner_can_be_changed_and_is_told_with_each_response) {
  Stage stage;
  Words words{.method = "OPTIONS"};
  const auto id = start(stage, words, sip::Method::options, Transport::udp);
  stage.layer.set_owner(id, {Owner::Kind::central, 1, 2, 3});
  EXPECT_EQ(stage.layer.owner(id).kind, Owner::Kind::central);
  EXPECT_EQ(stage.receive(response(200, words), answer_by_udp).owner.kind, Owner::Kind::central);
}

TEST(ClientLayer, a_full_table_sends_nothing) {
  Stage stage{Timers{}, 1};
  Words words{.method = "OPTIONS"};
  EXPECT_TRUE(start(stage, words, sip::Method::options, Transport::udp));
  words.branch = "z9hG4bKsecond";
  EXPECT_FALSE(start(stage, words, sip::Method::options, Transport::udp));
  EXPECT_EQ(stage.sent.size(), 1U);
  EXPECT_TRUE(stage.outbox.bytes().empty());
  EXPECT_FALSE(stage.serve(request(words), Stage::packet(Transport::udp)));
}

TEST(ClientLayer, a_full_table_lets_go_of_a_client_that_has_its_response_R7) {
  Stage stage{Timers{}, 1};
  Words words{.method = "OPTIONS"};
  const auto first = start(stage, words, sip::Method::options, Transport::udp);
  stage.receive(response(200, words), answer_by_udp);
  words.branch = "z9hG4bKsecond";
  EXPECT_TRUE(start(stage, words, sip::Method::options, Transport::udp));
  EXPECT_EQ(stage.layer.destination(first), nullptr);
  EXPECT_EQ(stage.layer.size(), 1U);
}

}  // namespace
}  // namespace ringhold::transaction
