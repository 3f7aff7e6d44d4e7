#include <gtest/gtest.h>

#include "transaction/layer_stage.hpp"

namespace ringhold::transaction {
namespace {

using Times = std::vector<double>;
const Packet by_udp = Stage::packet(Transport::udp);
const Packet by_tcp = Stage::packet(Transport::tcp);

TEST(InviteServerLayer, answers_retransmissions_with_the_last_provisional_C1) {
  Stage stage;
  EXPECT_EQ(stage.receive(request({}), by_udp).disposition, Disposition::new_request);
  const auto id = stage.serve(request({}), by_udp, {Owner::Kind::proxy, 1, 2, 0});
  EXPECT_EQ(stage.receive(request({}), by_udp).disposition, Disposition::absorbed);
  EXPECT_TRUE(stage.sent.empty()) << "nothing to send before the first response";
  stage.respond(id, 100, response(100, {}));
  EXPECT_TRUE(stage.layer.is_proceeding(id));
  EXPECT_EQ(stage.layer.request(id), request({}));
  stage.receive(request({}), by_udp);
  stage.respond(id, 180, response(180, {}));
  const auto again = stage.receive(request({}), by_udp);
  EXPECT_EQ(again.disposition, Disposition::absorbed);
  EXPECT_EQ(again.owner.index, 1U);
  ASSERT_EQ(stage.sent.size(), 4U);
  EXPECT_EQ(stage.sent[1].bytes, response(100, {}));
  EXPECT_EQ(stage.sent[3].bytes, response(180, {}));
  stage.pass(1h);
  EXPECT_EQ(stage.sent.size(), 4U);
  EXPECT_EQ(stage.layer.size(), 1U);
}

TEST(InviteServerLayer, retransmits_a_refusal_on_timer_g_until_timer_h_C1) {
  Stage stage;
  const auto id = stage.serve(request({}), by_udp);
  stage.respond(id, 486, response(486, {}));
  EXPECT_FALSE(stage.layer.is_proceeding(id));
  stage.pass(40s);
  EXPECT_EQ(stage.times(), (Times{0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5}));
  for (const auto& sent : stage.sent) EXPECT_EQ(sent.bytes, response(486, {}));
  EXPECT_EQ(stage.notes, std::vector<std::string>{"response_unacknowledged"});
  EXPECT_TRUE(stage.failed.empty());
  EXPECT_EQ(stage.layer.size(), 0U);
}

TEST(InviteServerLayer, an_ack_stops_timer_g_and_timer_i_absorbs_more_C1) {
  Stage stage;
  const auto id = stage.serve(request({}), by_udp);
  stage.respond(id, 486, response(486, {}));
  stage.pass(600ms);
  EXPECT_EQ(stage.receive(request({}), by_udp).disposition, Disposition::absorbed);
  EXPECT_EQ(stage.times(), (Times{0, 0.5, 0.6}));
  const std::string ack = request({.method = "ACK", .to_tag = "t1"});
  EXPECT_EQ(stage.receive(ack, by_udp).disposition, Disposition::absorbed);
  stage.pass(4900ms);
  EXPECT_EQ(stage.receive(ack, by_udp).disposition, Disposition::absorbed);
  EXPECT_EQ(stage.receive(request({}), by_udp).disposition, Disposition::absorbed);
  stage.pass(200ms);
  EXPECT_EQ(stage.layer.size(), 0U);
  EXPECT_EQ(stage.receive(ack, by_udp).disposition, Disposition::ack);
  EXPECT_EQ(stage.sent.size(), 3U);
  EXPECT_TRUE(stage.notes.empty());
}

TEST(InviteServerLayer, over_tcp_waits_for_the_ack_without_retransmissions_and_ends_with_it_C1) {
  Stage stage;
  const auto id = stage.serve(request({}), by_tcp);
  stage.respond(id, 404, response(404, {}));
  stage.pass(20s);
  EXPECT_EQ(stage.times(), Times{0});
  EXPECT_EQ(stage.receive(request({.method = "ACK"}), by_tcp).disposition, Disposition::absorbed);
  stage.pass(2ms);
  EXPECT_EQ(stage.layer.size(), 0U);
}

TEST(InviteServerLayer, over_tcp_without_ack_ends_on_timer_h_C1) {
  Stage stage;
  stage.respond(stage.serve(request({}), by_tcp), 404, response(404, {}));
  stage.pass(31900ms);
  EXPECT_EQ(stage.layer.size(), 1U);
  stage.pass(200ms);
  EXPECT_EQ(stage.layer.size(), 0U);
}

TEST(InviteServerLayer, in_accepted_passes_2xx_again_and_absorbs_invites_until_timer_l_RFC6026_C1) {
  for (const Packet& from : {by_udp, by_tcp}) {
    Stage stage;
    const auto id = stage.serve(request({}), from);
    stage.respond(id, 200, response(200, {.to_tag = "t1"}));
    stage.respond(id, 200, response(200, {.to_tag = "t2"}));
    stage.respond(id, 486, response(486, {}));
    stage.respond(id, 180, response(180, {}));
    EXPECT_EQ(stage.receive(request({}), from).disposition, Disposition::absorbed);
    stage.pass(31900ms);
    EXPECT_EQ(stage.receive(request({}), from).disposition, Disposition::absorbed);
    ASSERT_EQ(stage.sent.size(), 2U) << "the layer retransmits no 2xx";
    EXPECT_EQ(stage.sent[1].bytes, response(200, {.to_tag = "t2"}));
    stage.pass(200ms);
    EXPECT_EQ(stage.receive(request({}), from).disposition, Disposition::new_request);
    EXPECT_EQ(stage.layer.size(), 0U);
  }
}

TEST(InviteServerLayer, an_ack_with_the_branch_of_an_accepted_invite_is_passed_up_RFC6026_C1) {
  Stage stage;
  const auto id = stage.serve(request({}), by_udp);
  EXPECT_EQ(stage.receive(request({.method = "ACK"}), by_udp).disposition, Disposition::absorbed) << "no response yet";
  stage.respond(id, 200, response(200, {}));
  EXPECT_EQ(stage.receive(request({.method = "ACK"}), by_udp).disposition, Disposition::ack);
  EXPECT_EQ(stage.receive(request({.method = "ACK", .branch = "z9hG4bKnew"}), by_udp).disposition, Disposition::ack);
}

TEST(InviteServerLayer, a_second_final_response_is_not_sent_C1) {
  Stage stage;
  const auto id = stage.serve(request({}), by_udp);
  stage.respond(id, 486, response(486, {}));
  stage.respond(id, 200, response(200, {}));
  stage.respond(id, 603, response(603, {}));
  EXPECT_EQ(stage.sent.size(), 1U);
  EXPECT_TRUE(stage.outbox.bytes().empty());
  stage.receive(request({}), by_udp);
  EXPECT_EQ(stage.sent.back().bytes, response(486, {}));
}

TEST(InviteServerLayer, a_transport_error_does_not_end_it_RFC6026_C1) {
  Stage stage;
  const auto id = stage.serve(request({}), by_udp);
  stage.respond(id, 180, response(180, {}));
  stage.change(Transport::udp, FlowState::refused, 7, "10.77.0.31:5062");
  EXPECT_TRUE(stage.layer.is_proceeding(id));
  EXPECT_EQ(stage.notes, std::vector<std::string>{"response_undelivered"});
  EXPECT_TRUE(stage.failed.empty());
  EXPECT_EQ(stage.receive(request({}), by_udp).disposition, Disposition::absorbed);
}

TEST(NonInviteServerLayer, absorbs_before_an_answer_and_repeats_it_until_timer_j_C1) {
  Stage stage;
  const Words words{.method = "MESSAGE"};
  const auto id = stage.serve(request(words), by_udp);
  EXPECT_EQ(stage.receive(request(words), by_udp).disposition, Disposition::absorbed);
  EXPECT_TRUE(stage.sent.empty());
  stage.respond(id, 100, response(100, words));
  stage.receive(request(words), by_udp);
  stage.respond(id, 202, response(202, words));
  EXPECT_FALSE(stage.layer.is_proceeding(id));
  stage.respond(id, 500, response(500, words));
  stage.pass(31900ms);
  EXPECT_EQ(stage.receive(request(words), by_udp).disposition, Disposition::absorbed);
  ASSERT_EQ(stage.sent.size(), 4U);
  EXPECT_EQ(stage.sent[1].bytes, response(100, words));
  EXPECT_EQ(stage.sent[3].bytes, response(202, words));
  stage.pass(200ms);
  EXPECT_EQ(stage.receive(request(words), by_udp).disposition, Disposition::new_request);
  EXPECT_EQ(stage.layer.size(), 0U);
}

TEST(NonInviteServerLayer, over_tcp_timer_j_is_zero_C1) {
  Stage stage;
  const Words words{.method = "BYE"};
  stage.respond(stage.serve(request(words), by_tcp), 200, response(200, words));
  EXPECT_EQ(stage.sent.size(), 1U);
  EXPECT_EQ(stage.layer.size(), 0U);
}

TEST(NonInviteServerLayer, can_be_left_unanswered_RFC4320_C1) {
  Stage stage;
  const auto id = stage.serve(request({.method = "MESSAGE"}), by_udp);
  stage.layer.abandon(id);
  EXPECT_EQ(stage.layer.size(), 0U);
  stage.respond(id, 408, response(408, {.method = "MESSAGE"}));
  EXPECT_TRUE(stage.sent.empty());
  EXPECT_TRUE(stage.outbox.bytes().empty());
}

TEST(NonInviteServerLayer, a_transport_error_ends_it_C1) {
  Stage stage;
  const Words words{.method = "MESSAGE"};
  const auto id = stage.serve(request(words), by_udp);
  stage.change(Transport::udp, FlowState::refused, 7, "10.77.0.31:5062");
  EXPECT_TRUE(stage.layer.is_proceeding(id)) << "in trying nothing was sent";
  stage.respond(id, 200, response(200, words));
  stage.change(Transport::udp, FlowState::refused, 7, "10.77.0.31:5062");
  EXPECT_EQ(stage.layer.size(), 0U);
  EXPECT_TRUE(stage.failed.empty());
}

TEST(ServerLayer, over_udp_without_rport_answers_to_the_port_of_sent_by_C1) {
  Stage stage;  // §18.2.2, RFC 3581 §4
  const Words words{.method = "OPTIONS", .sent_by = "10.77.0.31:5099"};
  stage.respond(stage.serve(request(words), by_udp), 200, response(200, words));
  EXPECT_EQ(stage.sent.back().destination.remote, Stage::endpoint("10.77.0.31:5099"));
  const Words asking{.method = "OPTIONS", .branch = "z9hG4bKr;rport", .sent_by = "10.77.0.31:5099"};
  stage.respond(stage.serve(request(asking), by_udp), 200, response(200, asking));
  EXPECT_EQ(stage.sent.back().destination.remote, Stage::endpoint("10.77.0.31:5062"));
  EXPECT_EQ(stage.sent.back().destination.flow, FlowId{7});
}

TEST(ServerLayer, over_udp_a_numeric_maddr_comes_before_the_source_RFC3261_18_2_2) {
  Stage stage;
  const auto answered = [&](std::string branch) {
    Words words;
    words.method = "OPTIONS";
    words.branch = std::move(branch);
    const auto id = stage.serve(request(words), by_udp);
    stage.respond(id, 200, response(200, words));
    return stage.sent.back().destination.remote;
  };
  EXPECT_EQ(answered("z9hG4bK1;maddr=10.77.0.99"), Stage::endpoint("10.77.0.99:5062"));
  EXPECT_EQ(answered("z9hG4bK2;rport;maddr=10.77.0.99"), Stage::endpoint("10.77.0.99:5062"));
  EXPECT_EQ(answered("z9hG4bK3;rport;maddr=somewhere"), by_udp.remote);
  Words by_stream;
  by_stream.method = "OPTIONS";
  by_stream.branch = "z9hG4bK4;maddr=10.77.0.99";
  by_stream.transport = "TCP";
  stage.respond(stage.serve(request(by_stream), by_tcp), 200, response(200, by_stream));
  EXPECT_EQ(stage.sent.back().destination.remote, by_tcp.remote);
}

TEST(ServerLayer, when_the_connection_is_gone_answers_to_sent_by_over_a_new_one_C1) {
  Stage stage;  // §18.2.2
  const Words words{.sent_by = "phone.example.test:5070", .transport = "TCP"};
  const auto id = stage.serve(request(words), by_tcp);
  stage.respond(id, 180, response(180, words));
  EXPECT_EQ(stage.sent.back().destination.flow, FlowId{7});
  stage.change(Transport::tcp, FlowState::closed, 7, "10.77.0.31:5062");
  EXPECT_TRUE(stage.notes.empty());
  stage.respond(id, 486, response(486, words));
  EXPECT_EQ(stage.sent.back().destination.flow, FlowId{});
  EXPECT_EQ(stage.sent.back().destination.remote, Stage::endpoint("10.77.0.31:5070"));
  EXPECT_EQ(stage.sent.back().destination.local, Stage::endpoint("10.77.0.2:5060"));
  stage.change(Transport::tcp, FlowState::refused, 0, "10.77.0.31:5070");
  EXPECT_EQ(stage.notes, std::vector<std::string>{"response_undelivered"});
}

TEST(ServerLayer, a_full_table_lets_go_of_the_oldest_answered_request_R7) {
  Stage stage{Timers{}, 2};
  Words words{.method = "MESSAGE"};
  for (const char* branch : {"z9hG4bKfirst", "z9hG4bKsecond"}) {
    words.branch = branch;
    stage.respond(stage.serve(request(words), Stage::packet(Transport::udp)), 200, response(200, words));
    stage.pass(600ms);
  }
  words.branch = "z9hG4bKthird";
  EXPECT_TRUE(stage.serve(request(words), Stage::packet(Transport::udp))) << "the first has rested for 1.2 s";
  words.branch = "z9hG4bKfourth";
  EXPECT_FALSE(stage.serve(request(words), Stage::packet(Transport::udp))) << "the second for 0.6 s only, the third not at all";
  words.branch = "z9hG4bKsecond";
  EXPECT_EQ(stage.receive(request(words), Stage::packet(Transport::udp)).disposition, Disposition::absorbed);
  words.branch = "z9hG4bKfirst";
  EXPECT_EQ(stage.receive(request(words), Stage::packet(Transport::udp)).disposition, Disposition::new_request);
}

}  // namespace
}  // namespace ringhold::transaction
