#include "registrar/registrar.hpp"

#include <set>

#include "registrar/test_bench.hpp"

namespace ringhold::registrar {
namespace {

TEST_F(Registering, adds_and_lists_all_bindings_with_what_remains_R1) {
  EXPECT_EQ(send({}).status(), 200);
  now_ += 10s;
  const auto second = send({.contact = "<sip:alice@10.77.0.12>;q=0.5", .call_id = "x", .source = "10.77.0.12:5060"});
  EXPECT_EQ(second.count(sip::Header::contact), 2U);
  EXPECT_NE(answer_.find("<sip:alice@10.77.0.11:5060>;expires="), std::string::npos);
  EXPECT_NE(answer_.find("<sip:alice@10.77.0.12>;expires="), std::string::npos);
  EXPECT_NE(answer_.find(";q=0.500"), std::string::npos) << answer_;
  EXPECT_NE(answer_.find("\r\nDate: "), std::string::npos);
  EXPECT_NE(answer_.find("Sep 2026"), std::string::npos) << answer_;
}

TEST_F(Registering, asks_without_contact_for_the_bindings_R1) {
  send({});
  const auto query = send({.contact = "", .cseq = 2, .branch = "q"});
  EXPECT_EQ(query.status(), 200);
  EXPECT_EQ(query.count(sip::Header::contact), 1U);
  EXPECT_TRUE(outbox_.changes().empty());
}

TEST_F(Registering, grants_at_most_what_was_asked_and_what_the_mode_allows_R5) {
  send({.headers = "Expires: 40\r\n"});
  EXPECT_EQ(remaining(), 40U);
  send({.contact = "<sip:alice@10.77.0.11:5060>;expires=50", .cseq = 2, .headers = "Expires: 3600\r\n", .branch = "c"});
  EXPECT_EQ(remaining(), 50U);  // the contact's own parameter wins (RFC 3261 §10.2.1.1)
  for (int cseq = 3; cseq < 60; ++cseq) {
    send({.cseq = cseq, .headers = "Expires: 3600\r\n", .branch = "d" + std::to_string(cseq)});
    EXPECT_GE(remaining(), 96U);
    EXPECT_LE(remaining(), 120U);
  }
  send({.cseq = 100, .headers = "Expires: 3600\r\n", .branch = "e"}, Grant::normal);
  EXPECT_EQ(remaining(), 60U);
}

TEST_F(Registering, refuses_expiry_below_minimum_with_423_R1) {
  const auto answer = send({.headers = "Expires: 29\r\n"});
  EXPECT_EQ(answer.status(), 423);
  EXPECT_EQ(answer.value(sip::Header::min_expires), "30");
  EXPECT_TRUE(bindings().empty());
}

TEST_F(Registering, removes_one_contact_with_expires_0_R1) {
  send({});
  const auto answer = send({.cseq = 2, .headers = "Expires: 0\r\n", .branch = "c"});
  EXPECT_EQ(answer.status(), 200);
  EXPECT_EQ(answer.count(sip::Header::contact), 0U);
  EXPECT_TRUE(bindings().empty());
  ASSERT_EQ(outbox_.changes().size(), 1U);
  EXPECT_TRUE(outbox_.changes()[0].columns.empty());  // erased on disk
}

TEST_F(Registering, star_removes_all_and_only_with_expires_0_alone_R1) {
  send({});
  send({.contact = "<sip:alice@10.77.0.12>", .call_id = "x", .source = "10.77.0.12:5060"});
  EXPECT_EQ(send({.contact = "*", .cseq = 5, .branch = "s1"}).status(), 400);
  EXPECT_EQ(send({.contact = "*, <sip:alice@10.77.0.13>", .cseq = 5, .headers = "Expires: 0\r\n", .branch = "s2"}).status(), 400);
  EXPECT_EQ(bindings().size(), 2U);
  EXPECT_EQ(send({.contact = "*", .cseq = 5, .headers = "Expires: 0\r\n", .branch = "s3"}).status(), 200);
  EXPECT_TRUE(bindings().empty());
}

TEST_F(Registering, out_of_order_cseq_changes_nothing_RST04) {
  send({.cseq = 3});
  const Instant expires = bindings().at(0)->expires_at;
  now_ += 20s;
  EXPECT_EQ(send({.cseq = 3, .branch = "other"}).status(), 500);
  EXPECT_EQ(send({.cseq = 2, .headers = "Expires: 0\r\n", .branch = "older"}).status(), 500);
  EXPECT_EQ(bindings().at(0)->expires_at, expires);
}

TEST_F(Registering, retransmission_gets_the_same_200_and_changes_nothing_RST04) {
  send({});
  const Text first = answer_;
  const auto tag = [](const Text& text) { return Text{sip::Message::parse(text)->to_tag()}; };
  now_ += 500ms;
  EXPECT_EQ(send({}).status(), 200);
  EXPECT_EQ(tag(answer_), tag(first));
  EXPECT_TRUE(outbox_.changes().empty());
  EXPECT_EQ(noted("binding_added"), 0U);
}

TEST_F(Registering, knows_what_it_has_granted_RST04) {
  const auto asked = [&](int cseq, const std::string& branch) {
    const std::string bytes = "REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP 10.77.0.11:5060;branch=z9hG4bK" + branch +
                              "\r\nCall-ID: boot-1\r\nCSeq: " + std::to_string(cseq) + " REGISTER\r\n\r\n";
    return Registrar::was_granted(*sip::Message::parse(bytes), aor, location_, now_);
  };
  EXPECT_FALSE(asked(1, "b"));
  send({});
  EXPECT_TRUE(asked(1, "b"));
  EXPECT_FALSE(asked(1, "other"));
  EXPECT_FALSE(asked(2, "b"));
}

TEST_F(Registering, is_atomic_when_one_contact_is_bad_R1) {
  EXPECT_EQ(send({.contact = "<sip:alice@10.77.0.11>, <sip:alice@10.77.0.12>;q=7"}).status(), 400);
  EXPECT_TRUE(bindings().empty());
}

TEST_F(Registering, equal_contacts_are_one_binding_R1) {
  send({});
  send({.contact = "<sip:%61lice@10.77.0.11:5060>", .cseq = 2, .branch = "c"});
  EXPECT_EQ(bindings().size(), 1U);
}

TEST_F(Registering, keeps_the_path_of_an_edge_proxy_RFC3327) {
  const auto answer = send({.headers = "Expires: 60\r\nPath: <sip:edge.example;lr>\r\nSupported: path\r\n"});
  EXPECT_EQ(answer.value(sip::Header::path), "<sip:edge.example;lr>");
  EXPECT_EQ(bindings().at(0)->path(), "<sip:edge.example;lr>");
}

TEST_F(Registering, a_contact_named_twice_is_one_binding_R1) {
  send({.contact = "<sip:alice@10.77.0.11:5060>;expires=40, <sip:%61lice@10.77.0.11:5060>;expires=50"});
  ASSERT_EQ(bindings().size(), 1U);
  EXPECT_EQ(remaining(), 50U);  // §10.3 step 7 takes them in order
  EXPECT_EQ(outbox_.changes().size(), 1U);
}

TEST_F(Registering, a_flow_that_is_set_up_again_replaces_its_binding_RFC5626) {
  const std::string instance = ";+sip.instance=\"<urn:uuid:1>\";reg-id=1";
  const std::string outbound = "Expires: 120\r\nSupported: outbound\r\n";
  send({.contact = "<sip:alice@10.77.0.11:40001>" + instance, .headers = outbound});
  send({.contact = "<sip:alice@10.77.0.11:40002>" + instance,
        .cseq = 2,
        .headers = outbound,
        .branch = "n"});  // the same Call-ID: no restart
  EXPECT_TRUE(decision_.restarts.empty());
  ASSERT_EQ(bindings().size(), 1U);
  EXPECT_EQ(bindings().at(0)->contact(), "sip:alice@10.77.0.11:40002");
  EXPECT_EQ(send({.contact = "<sip:alice@10.77.0.11:40001>" + instance, .headers = outbound}).status(),
            500);  // the first comes again, late
  EXPECT_EQ(bindings().at(0)->contact(), "sip:alice@10.77.0.11:40002");
}

TEST_F(Registering, a_full_table_refuses_the_whole_request_and_still_removes_X1) {
  for (int i = 0; i < 99; ++i) {
    location::Registration other;
    const Text contact = "sip:other@10.77.1." + std::to_string(i);
    other.aor = "sip:other@example.test";
    other.contact = contact;
    other.expires_at = start + 3600s;
    ASSERT_TRUE(location_.add(other, outbox_));
  }
  send({});
  const auto two = send({.contact = "<sip:alice@10.77.0.11:5060>, <sip:alice@10.77.0.12>", .cseq = 2, .branch = "c"});
  EXPECT_EQ(two.status(), 503);
  EXPECT_NE(answer_.find("\r\nRetry-After: "), std::string::npos);
  EXPECT_TRUE(outbox_.changes().empty());
  EXPECT_EQ(send({.cseq = 2, .branch = "d"}).status(), 200);  // a refresh needs no room
  EXPECT_EQ(send({.contact = "<sip:alice@10.77.0.12>", .cseq = 3, .headers = "Expires: 0\r\n", .branch = "e"}).status(), 200);
  EXPECT_EQ(send({.cseq = 4, .headers = "Expires: 0\r\n", .branch = "f"}).status(), 200);
  EXPECT_TRUE(bindings().empty());
}

TEST_F(Registering, a_retransmission_over_our_restart_gets_200_RST04) {
  send({});
  const Row row{Table::binding, outbox_.changes().at(0).columns.unpacked()};
  location_.remove(location_.ids(aor, now_).at(0), location::Happened::unregistered, outbox_);
  location_.restore(row, now_, outbox_);  // the answer was lost with the program that ended
  now_ += 500ms;
  EXPECT_EQ(send({}).status(), 200);
  EXPECT_TRUE(outbox_.changes().empty());
  EXPECT_EQ(send({.cseq = 2, .branch = "next"}).status(), 200);
  EXPECT_EQ(send({.cseq = 2, .branch = "other"}).status(), 500);  // from the next REGISTER on the branch is known again
}

TEST_F(Registering, refuses_without_a_change_when_the_mind_says_so_S5) {
  send({});
  outbox_.clear();
  const std::string bytes =
      "REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP 10.77.0.11:5060;rport;branch=z9hG4bKh\r\nFrom: "
      "<sip:alice@example.test>;tag=f\r\n"
      "To: <sip:alice@example.test>\r\nCall-ID: boot-1\r\nCSeq: 2 REGISTER\r\nContact: <sip:alice@10.77.0.11:5060>\r\nContent-Length: "
      "0\r\n\r\n";
  const Packet packet{
      Protocol::sip, Transport::udp, FlowId{1}, *Endpoint::parse("10.77.0.2", Port{5060}), *Endpoint::parse("10.77.0.11:40000", Port{}),
      bytes};
  for (int i = 0; i < 2; ++i)
    registrar_.refuse(*sip::Message::parse(bytes), packet, {503, "The central site is back", "Retry-After: 60\r\n"}, outbox_);
  ASSERT_EQ(outbox_.sends().size(), 2U);
  EXPECT_EQ(outbox_.message(outbox_.sends()[0]), outbox_.message(outbox_.sends()[1]));  // stateless: the To tag is the same too
  const auto answer = *sip::Message::parse(outbox_.message(outbox_.sends()[0]));
  EXPECT_EQ(answer.status(), 503);
  EXPECT_EQ(answer.value(sip::Header::retry_after), "60");
  EXPECT_FALSE(answer.to_tag().empty());
  EXPECT_EQ(outbox_.sends()[0].destination.remote, packet.remote);  // RFC 3581
  EXPECT_TRUE(outbox_.changes().empty());
  EXPECT_EQ(bindings().at(0)->cseq, 1U);
}

TEST_F(Registering, shortens_who_asks_for_the_longest_and_never_below_the_minimum_R5) {
  const auto grants_of = [&](int asked) {
    std::set<std::uint32_t> grants;
    for (int i = 0; i < 60; ++i) {
      const std::string number = std::to_string(asked) + "-" + std::to_string(i);
      send({.call_id = number, .headers = "Expires: " + std::to_string(asked) + "\r\n", .branch = number});
      grants.insert(remaining());
    }
    return grants;
  };
  for (const int asked : {120, 121, 3600}) {
    const auto grants = grants_of(asked);
    EXPECT_GE(grants.size(), 10U) << asked;  // they do not come back in step
    EXPECT_GE(*grants.begin(), 96U);
    EXPECT_LE(*grants.rbegin(), 120U);
  }
  EXPECT_EQ(grants_of(60), std::set<std::uint32_t>{60});
  Settings tight = settings();
  tight.min_expires = 115s;
  registrar_.reconfigure(tight);
  EXPECT_GE(*grants_of(120).begin(), 115U);
}

TEST_F(Registering, returns_the_parameters_of_each_contact_R1) {
  send({.contact = "<sip:alice@10.77.0.11:5060>;audio;expires=60;+sip.instance=\"<urn:uuid:1>\";q=0.25;temp-gruu=\"x\";methods=\"A,B\""});
  EXPECT_NE(answer_.find("<sip:alice@10.77.0.11:5060>;audio;+sip.instance=\"<urn:uuid:1>\";methods=\"A,B\";expires=60;q=0.250\r\n"),
            std::string::npos)
      << answer_;
}

TEST_F(Registering, refuses_what_no_binding_can_be_R1) {
  EXPECT_EQ(send({.contact = "*, *", .headers = "Expires: 0\r\n"}).status(), 400);
  EXPECT_EQ(send({.contact = "<sip:alice@10.77.0.11>;+sip.instance=\"<urn:uuid:1>\";reg-id=0"}).status(), 400);
  EXPECT_EQ(send({.contact = "<sip:alice@10.77.0.11>, <no scheme>;expires=60"}).status(), 400);  // nothing of it is kept
  EXPECT_EQ(send({.contact = "<sip:" + std::string(9000, 'a') + "@10.77.0.11>"}).status(), 400);
  EXPECT_TRUE(bindings().empty());
}

TEST_F(Registering, keeps_contacts_of_any_scheme_each_on_its_own_RFC3261_10_2_1) {
  EXPECT_EQ(send({.contact = "<tel:+4930>;expires=60"}).status(), 200);
  EXPECT_EQ(send({.contact = "<mailto:alice@example.test>;expires=60", .cseq = 2}).status(), 200);
  EXPECT_EQ(send({.contact = "<sip:alice@10.77.0.11>;expires=60", .cseq = 3}).status(), 200);
  EXPECT_EQ(bindings().size(), 3U);
  EXPECT_EQ(send({.contact = "<MAILTO:alice@example.test>;expires=0", .cseq = 4}).status(), 200);
  EXPECT_EQ(bindings().size(), 2U);
  EXPECT_NE(answer_.find("Contact: <tel:+4930>"), std::string::npos) << answer_;
}

TEST_F(Registering, a_tag_cannot_be_told_from_another_secret_RFC3261) {
  send({});
  const Text first{sip::Message::parse(answer_)->to_tag()};
  SeededRandom other{6};
  Registrar second{settings(), other};
  const std::string bytes =
      "REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP 10.77.0.11:5060;branch=z9hG4bKb\r\nFrom: "
      "<sip:alice@example.test>;tag=f\r\nTo: <sip:alice@example.test>\r\nCall-ID: boot-1\r\nCSeq: 1 REGISTER\r\n\r\n";
  outbox_.clear();
  second.refuse(*sip::Message::parse(bytes), {Protocol::sip, Transport::udp, {}, {}, {}, bytes}, {503, {}, {}}, outbox_);
  EXPECT_NE(sip::Message::parse(outbox_.message(outbox_.sends()[0]))->to_tag(), first);
}

TEST_F(Registering, gives_the_service_route_in_order_RFC3608) {
  Settings with = settings();
  with.service_route = {"sip:a.example;lr", "sip:b.example;lr"};
  registrar_.reconfigure(with);
  send({});
  EXPECT_NE(answer_.find("Service-Route: <sip:a.example;lr>\r\nService-Route: <sip:b.example;lr>\r\n"), std::string::npos);
}

}  // namespace
}  // namespace ringhold::registrar
