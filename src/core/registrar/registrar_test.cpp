#include "registrar/registrar.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ringhold::registrar {
namespace {

constexpr std::string_view aor = "sip:alice@example.test";
constexpr Instant start = from_unix_ms(1'790'000'000'000);

/// A registrar and what a phone sees of it.
class Registering : public ::testing::Test {
 protected:
  static Settings settings() { return {.domain = "example.test", .contacts_per_aor = 3}; }

  struct Ask {
    std::string contact = "<sip:alice@10.77.0.11:5060>";
    std::string call_id = "boot-1";
    int cseq = 1;
    std::string headers = "Expires: 120\r\n";
    std::string branch = "b";
    std::string source = "10.77.0.11:5060";
    std::string user_agent = "Phone 1";
  };
  /// The answer to one REGISTER.
  sip::Message send(const Ask& ask, Grant grant = Grant::survivable) {
    outbox_.clear();
    const std::string bytes = "REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP " + ask.source + ";branch=z9hG4bK" + ask.branch +
                              "\r\nFrom: <sip:alice@example.test>;tag=f\r\nTo: <sip:alice@example.test>\r\nCall-ID: " + ask.call_id +
                              "\r\nCSeq: " + std::to_string(ask.cseq) + " REGISTER\r\nUser-Agent: " + ask.user_agent + "\r\n" +
                              ask.headers + (ask.contact.empty() ? "" : "Contact: " + ask.contact + "\r\n") + "Content-Length: 0\r\n\r\n";
    const Packet packet{
        Protocol::sip, Transport::udp, FlowId{1}, *Endpoint::parse("10.77.0.2", Port{5060}), *Endpoint::parse(ask.source, Port{5060}),
        bytes};
    decision_ = registrar_.on_register(*sip::Message::parse(bytes), packet, aor, grant, location_, now_, outbox_);
    answer_ = Text{outbox_.message(outbox_.sends().back())};
    return *sip::Message::parse(answer_);
  }
  std::vector<const location::Binding*> bindings() { return location_.find(aor, now_); }
  /// Seconds that remain of the one binding.
  std::uint32_t remaining() { return seconds_ceil(bindings().at(0)->expires_at - now_); }
  std::size_t noted(std::string_view name) const {
    std::size_t count = 0;
    for (const auto& note : outbox_.notes()) count += note.name == name ? 1U : 0U;
    return count;
  }

  Instant now_ = start;
  SeededRandom random_{5};
  Outbox outbox_;
  location::LocationService location_{100};
  Registrar registrar_{settings(), random_};
  Decision decision_;
  Text answer_;
};

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

TEST_F(Registering, is_atomic_when_one_contact_is_bad_R1) {
  EXPECT_EQ(send({.contact = "<sip:alice@10.77.0.11>, <sip:alice@10.77.0.12>;q=7"}).status(), 400);
  EXPECT_TRUE(bindings().empty());
}

TEST_F(Registering, equal_contacts_are_one_binding_R1) {
  send({});
  send({.contact = "<sip:%61lice@10.77.0.11:5060>", .cseq = 2, .branch = "c"});
  EXPECT_EQ(bindings().size(), 1U);
}

// R4, RST-01 to RST-07.
TEST_F(Registering, changed_call_id_of_a_live_device_is_a_restart_RST05) {
  send({});
  EXPECT_EQ(send({.call_id = "boot-2", .branch = "n"}).status(), 200);
  EXPECT_TRUE(decision_.restarted);
  EXPECT_EQ(noted("restart_detected"), 1U);
  EXPECT_EQ(bindings().size(), 1U);
  EXPECT_EQ(bindings().at(0)->call_id, "boot-2");
}

TEST_F(Registering, refreshes_are_no_restart_RST02) {
  for (int cseq = 1; cseq < 5; ++cseq) {
    send({.cseq = cseq, .branch = "r" + std::to_string(cseq)});
    EXPECT_FALSE(decision_.restarted);
    now_ += 50s;
  }
}

TEST_F(Registering, a_cycle_ends_by_expiry_or_removal_RST06) {
  send({});
  now_ += 200s;
  location_.expire(now_, outbox_);
  send({.call_id = "boot-2", .branch = "n"});
  EXPECT_FALSE(decision_.restarted);
  send({.call_id = "boot-2", .cseq = 2, .headers = "Expires: 0\r\n", .branch = "o"});
  send({.call_id = "boot-3", .branch = "p"});
  EXPECT_FALSE(decision_.restarted);
}

TEST_F(Registering, other_devices_of_the_user_are_no_restart_RST07) {
  for (int round = 1; round < 100; ++round)
    for (int device = 1; device < 4; ++device) {
      const std::string number = std::to_string(device);
      send({.contact = "<sip:alice@10.77.0.1" + number + ":5060>",
            .call_id = "d" + number,
            .cseq = round,
            .branch = number + "-" + std::to_string(round),
            .source = "10.77.0.1" + number + ":5060"});
      ASSERT_FALSE(decision_.restarted);
    }
  EXPECT_EQ(bindings().size(), 3U);
}

TEST_F(Registering, rebooted_device_replaces_its_old_contact_R2) {
  const std::string instance = ";+sip.instance=\"<urn:uuid:1>\"";
  send({.contact = "<sip:alice-a@10.77.0.11:40001>" + instance});
  send({.contact = "<sip:alice-b@10.77.0.11:40002>" + instance, .call_id = "boot-2", .branch = "n", .source = "10.77.0.11:40002"});
  ASSERT_EQ(bindings().size(), 1U);
  EXPECT_EQ(bindings().at(0)->contact, "sip:alice-b@10.77.0.11:40002");
}

TEST_F(Registering, drops_the_oldest_above_the_limit_R2) {
  for (int i = 1; i < 6; ++i) {
    const std::string address = "10.77.0.2" + std::to_string(i) + ":5060";
    send({.contact = "<sip:alice@" + address + ">", .call_id = address, .branch = address, .source = address});
    now_ += 1s;
  }
  EXPECT_EQ(bindings().size(), 3U);
  EXPECT_EQ(noted("binding_dropped"), 1U);
  EXPECT_EQ(bindings().back()->contact, "sip:alice@10.77.0.23:5060");
}

TEST_F(Registering, keeps_the_path_of_an_edge_proxy_RFC3327) {
  const auto answer = send({.headers = "Expires: 60\r\nPath: <sip:edge.example;lr>\r\nSupported: path\r\n"});
  EXPECT_EQ(answer.value(sip::Header::path), "<sip:edge.example;lr>");
  EXPECT_EQ(bindings().at(0)->path, "<sip:edge.example;lr>");
}

TEST_F(Registering, a_contact_named_twice_is_one_binding_R1) {
  send({.contact = "<sip:alice@10.77.0.11:5060>;expires=40, <sip:%61lice@10.77.0.11:5060>;expires=50"});
  ASSERT_EQ(bindings().size(), 1U);
  EXPECT_EQ(remaining(), 50U);  // §10.3 step 7 takes them in order
  EXPECT_EQ(outbox_.changes().size(), 1U);
}

TEST_F(Registering, a_restart_is_told_once_for_all_contacts_of_the_device_RST05) {
  const std::string both = "<sip:alice@10.77.0.11:5060>, <sip:alice@10.77.0.11:5060;transport=tcp>";
  send({.contact = both});
  ASSERT_EQ(bindings().size(), 2U);
  send({.contact = both, .call_id = "boot-2", .branch = "n"});
  EXPECT_TRUE(decision_.restarted);
  EXPECT_EQ(noted("restart_detected"), 1U);
  EXPECT_EQ(noted("binding_added"), 0U);
  ASSERT_EQ(bindings().size(), 2U);
  for (const auto* binding : bindings()) {
    EXPECT_EQ(binding->call_id, "boot-2");
    EXPECT_EQ(binding->registered_at, start);
  }
}

TEST_F(Registering, rebooted_device_leaves_none_of_its_old_contacts_R2) {
  send({.contact = "<sip:alice@10.77.0.11:5060>, <sip:alice@10.77.0.11:5060;transport=tcp>"});
  send({.contact = "<sip:alice@10.77.0.11:5070>", .call_id = "boot-2", .branch = "n"});
  ASSERT_EQ(bindings().size(), 1U);
  EXPECT_EQ(bindings().at(0)->contact, "sip:alice@10.77.0.11:5070");
  EXPECT_EQ(noted("binding_replaced"), 2U);
}

TEST_F(Registering, flows_of_one_instance_are_no_restart_RST07) {
  for (int round = 1; round < 4; ++round)
    for (const int flow : {1, 2}) {
      const std::string number = std::to_string(flow);
      std::string contact = "<sip:alice@10.77.0.11:4000";
      contact.append(number).append(">;+sip.instance=\"<urn:uuid:1>\";reg-id=").append(number);
      send({.contact = contact, .call_id = "flow-" + number, .cseq = round, .branch = std::to_string(10 * round + flow)});
      ASSERT_FALSE(decision_.restarted);
    }
  EXPECT_EQ(bindings().size(), 2U);
}

TEST_F(Registering, a_flow_that_is_set_up_again_replaces_its_binding_RFC5626) {
  const std::string instance = ";+sip.instance=\"<urn:uuid:1>\";reg-id=1";
  send({.contact = "<sip:alice@10.77.0.11:40001>" + instance});
  send({.contact = "<sip:alice@10.77.0.11:40002>" + instance, .cseq = 2, .branch = "n"});  // the same Call-ID: no restart
  EXPECT_FALSE(decision_.restarted);
  ASSERT_EQ(bindings().size(), 1U);
  EXPECT_EQ(bindings().at(0)->contact, "sip:alice@10.77.0.11:40002");
  EXPECT_EQ(send({.contact = "<sip:alice@10.77.0.11:40001>" + instance}).status(), 500);  // the first comes again, late
  EXPECT_EQ(bindings().at(0)->contact, "sip:alice@10.77.0.11:40002");
}

TEST_F(Registering, a_full_table_refuses_the_whole_request_and_still_removes_X1) {
  for (int i = 0; i < 99; ++i) {
    location::Binding other;
    other.aor = "sip:other@example.test";
    other.contact = "sip:other@10.77.1." + std::to_string(i);
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
  const Row row{Table::binding, outbox_.changes().at(0).columns};
  location_.remove(location_.ids(aor, now_).at(0), outbox_);
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

}  // namespace
}  // namespace ringhold::registrar
