#include "transaction/matching.hpp"

#include <gtest/gtest.h>

#include "transaction/layer_stage.hpp"

namespace ringhold::transaction {
namespace {

const Packet by_udp = Stage::packet(Transport::udp);

TEST(ResponseMatching, needs_branch_and_cseq_method_RFC3261_17_1_3_C1) {
  Stage stage;
  const Words words{.method = "OPTIONS"};
  stage.start(sip::Method::options, words.branch, request(words), Stage::to(Transport::udp));
  EXPECT_EQ(stage.receive(response(200, {.method = "OPTIONS", .branch = "z9hG4bKabc2"}), by_udp).disposition, Disposition::stray);
  EXPECT_EQ(stage.receive(response(200, {.method = "MESSAGE"}), by_udp).disposition, Disposition::stray);
  EXPECT_EQ(stage.receive(response(200, {.method = "INVITE"}), by_udp).disposition, Disposition::stray);
  EXPECT_EQ(stage.receive(response(200, {.method = "OPTIONS", .branch = ""}), by_udp).disposition, Disposition::stray);
  EXPECT_EQ(stage.receive(response(200, words), by_udp).disposition, Disposition::response);
}

TEST(ResponseMatching, tells_a_cancel_from_its_invite_by_the_method_C1) {
  Stage stage;
  const auto invite = stage.start(sip::Method::invite, "z9hG4bKabc1", request({}), Stage::to(Transport::udp));
  const Words words{.method = "CANCEL"};
  const auto cancel = stage.start(sip::Method::cancel, words.branch, request(words), Stage::to(Transport::udp));
  EXPECT_EQ(stage.receive(response(200, words), by_udp).transaction, cancel);
  EXPECT_EQ(stage.receive(response(487, {}), by_udp).transaction, invite);
}

TEST(RequestMatching, needs_branch_sent_by_and_method_RFC3261_17_2_3_C1) {
  Stage stage;
  const Words words{.method = "MESSAGE", .sent_by = "Phone.Example.test:5062"};
  stage.serve(request(words), by_udp);
  EXPECT_EQ(stage.receive(request(words), by_udp).disposition, Disposition::absorbed);
  for (const Words& other :
       {Words{.method = "MESSAGE", .branch = "z9hG4bKabc2", .sent_by = "phone.example.test:5062"},
        Words{.method = "MESSAGE", .sent_by = "phone.example.test:5063"}, Words{.method = "MESSAGE", .sent_by = "phone2.example.test:5062"},
        Words{.method = "INFO", .sent_by = "phone.example.test:5062"}, Words{.method = "SHOUT", .sent_by = "phone.example.test:5062"}})
    EXPECT_EQ(stage.receive(request(other), by_udp).disposition, Disposition::new_request) << request(other);
  // Hosts compare in any letter case; all but Via and method is left alone.
  const Words same{
      .method = "MESSAGE", .uri = "sip:x@y", .sent_by = "phone.example.TEST:5062", .from_tag = "zz", .call_id = "zz", .cseq = "9"};
  EXPECT_EQ(stage.receive(request(same), by_udp).disposition, Disposition::absorbed);
}

TEST(RequestMatching, a_merged_request_with_another_branch_is_a_new_one_C1) {
  Stage stage;  // same Call-ID, CSeq and From tag over two paths: §8.2.2.2 is the server's affair, not the layer's
  const auto first = stage.serve(request({.branch = "z9hG4bKpath1"}), by_udp);
  EXPECT_EQ(stage.receive(request({.branch = "z9hG4bKpath2"}), by_udp).disposition, Disposition::new_request);
  const auto second = stage.serve(request({.branch = "z9hG4bKpath2"}), by_udp);
  EXPECT_EQ(stage.receive(request({.branch = "z9hG4bKpath1"}), by_udp).transaction, first);
  EXPECT_EQ(stage.receive(request({.branch = "z9hG4bKpath2"}), by_udp).transaction, second);
}

TEST(CancelMatching, finds_the_invite_and_a_retransmission_is_absorbed_RFC3261_9_2_C1) {
  Stage stage;
  const auto invite = stage.serve(request({}), by_udp, {Owner::Kind::proxy, 8, 1, 0});
  const std::string cancel = request({.method = "CANCEL"});
  const auto received = stage.receive(cancel, by_udp);
  EXPECT_EQ(received.disposition, Disposition::cancel);
  EXPECT_EQ(received.transaction, invite);
  EXPECT_EQ(received.owner.index, 8U);
  const auto own = stage.serve(cancel, by_udp);
  stage.respond(own, 200, response(200, {.method = "CANCEL"}));
  EXPECT_EQ(stage.receive(cancel, by_udp).disposition, Disposition::absorbed);
  EXPECT_EQ(stage.sent.size(), 2U);
  const auto nothing = stage.receive(request({.method = "CANCEL", .branch = "z9hG4bKabc2"}), by_udp);
  EXPECT_EQ(nothing.disposition, Disposition::cancel);
  EXPECT_FALSE(nothing.transaction);
}

TEST(CancelMatching, means_no_other_method_than_invite_C1) {
  Stage stage;  // §9.1: no other request is cancelled
  stage.serve(request({.method = "MESSAGE"}), by_udp);
  EXPECT_FALSE(stage.receive(request({.method = "CANCEL"}), by_udp).transaction);
}

TEST(Rfc2543Matching, compares_uri_tags_call_id_cseq_and_via_C1) {
  for (const char* branch : {"", "1", "z9hG4bK"}) {  // no branch, an old one, and the cookie alone (RFC 4475 §3.2.1)
    Stage stage;
    const Words words{.method = "MESSAGE", .branch = branch};
    stage.serve(request(words), by_udp);
    EXPECT_EQ(stage.receive(request(words), by_udp).disposition, Disposition::absorbed);
    for (const auto& change : {+[](Words& w) { w.uri = "sip:carol@example.test"; }, +[](Words& w) { w.from_tag = "f2"; },
                               +[](Words& w) { w.to_tag = "t2"; }, +[](Words& w) { w.call_id = "c2"; }, +[](Words& w) { w.cseq = "2"; },
                               +[](Words& w) { w.sent_by = "10.77.0.31:5063"; }, +[](Words& w) { w.method = "INFO"; }}) {
      Words other = words;
      change(other);
      EXPECT_EQ(stage.receive(request(other), by_udp).disposition, Disposition::new_request) << request(other);
    }
  }
}

TEST(Rfc2543Matching, an_ack_has_the_to_tag_of_the_response_C1) {
  Stage stage;
  const Words words{.branch = ""};
  const auto id = stage.serve(request(words), by_udp);
  stage.respond(id, 486, response(486, {.branch = "", .to_tag = "t1"}));
  EXPECT_EQ(stage.receive(request(words), by_udp).disposition, Disposition::absorbed);
  EXPECT_EQ(stage.receive(request({.method = "ACK", .branch = "", .to_tag = "t2"}), by_udp).disposition, Disposition::ack);
  EXPECT_EQ(stage.receive(request({.method = "ACK", .branch = "", .to_tag = "t1"}), by_udp).disposition, Disposition::absorbed);
  stage.pass(5100ms);
  EXPECT_EQ(stage.layer.size(), 0U) << "acknowledged, so Timer I ended it";
}

TEST(Rfc2543Matching, an_ack_to_a_2xx_is_passed_up_C1) {
  Stage stage;
  const auto id = stage.serve(request({.branch = ""}), by_udp);
  stage.respond(id, 200, response(200, {.branch = "", .to_tag = "t1"}));
  EXPECT_EQ(stage.receive(request({.method = "ACK", .branch = "", .to_tag = "t1"}), by_udp).disposition, Disposition::ack);
}

TEST(Rfc2543Matching, a_cancel_finds_its_invite_C1) {
  Stage stage;
  const auto id = stage.serve(request({.branch = ""}), by_udp);
  EXPECT_EQ(stage.receive(request({.method = "CANCEL", .branch = ""}), by_udp).transaction, id);
  EXPECT_FALSE(stage.receive(request({.method = "CANCEL", .branch = "", .cseq = "2"}), by_udp).transaction);
}

TEST(Key, parts_do_not_run_together) {
  const auto key = [](const Words& words) { return Text{Key::server(*sip::Message::parse(request(words)), sip::Method::message).text()}; };
  EXPECT_NE(key({.method = "MESSAGE", .branch = "", .from_tag = "ab", .call_id = "c"}),
            key({.method = "MESSAGE", .branch = "", .from_tag = "a", .call_id = "bc"}));
}

TEST(ServerLayerMemory, many_transactions_come_and_go_and_nothing_stays) {
  Stage stage{Timers{}, 2000};
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1000; ++i) {
      const std::string branch = "z9hG4bK" + std::to_string(round) + "." + std::to_string(i);
      const Words words{.method = i % 2 == 0 ? "INVITE" : "MESSAGE", .branch = branch};
      const auto server = stage.serve(request(words), by_udp);
      ASSERT_TRUE(server);
      stage.start(i % 2 == 0 ? sip::Method::invite : sip::Method::message, branch, request(words), Stage::to(Transport::udp));
      stage.respond(server, i % 3 == 0 ? 200 : 486, response(i % 3 == 0 ? 200 : 486, words));
      if (i % 5 == 0) stage.receive(response(200, words), by_udp);
    }
    EXPECT_EQ(stage.layer.size(), 2000U);
    stage.pass(100s);
    EXPECT_EQ(stage.layer.size(), 0U);
    EXPECT_FALSE(stage.layer.next_expiry());
  }
  EXPECT_EQ(stage.failed.size(), 3U * 800U);
}

}  // namespace
}  // namespace ringhold::transaction
