#include "branch_device/branch_bench.hpp"
#include "dns/builder.hpp"
#include "dns/message.hpp"

namespace ringhold::branch_device {
namespace {

TEST_F(Branch, becomes_survivable_within_21_seconds_of_silence_DIS25) {
  pass(23s);
  EXPECT_EQ(mode(), "survivable");
}

TEST_F(Branch, registers_a_phone_and_lists_what_remains_R1) {
  lose_central();
  register_phone("alice", "10.77.0.11:5060");
  const std::string ok = to("10.77.0.11:5060");
  EXPECT_TRUE(ok.starts_with("SIP/2.0 200 ")) << ok;
  EXPECT_NE(ok.find("Contact: <sip:alice@10.77.0.11:5060>;expires="), std::string::npos) << ok;
  EXPECT_EQ(status().registrations, 1U);
  pass(121s);
  EXPECT_EQ(status().registrations, 0U);
}

TEST_F(Branch, sets_up_and_ends_a_call_between_two_phones_C1) {
  lose_central();
  register_phone("alice", "10.77.0.11:5060");
  register_phone("bob", "10.77.0.12:5060");
  send("10.77.0.11:5060", request("INVITE", "sip:bob@example.test", "alice", "sip:bob@example.test", "10.77.0.11:5060", "i1", 1,
                                  "Contact: <sip:alice@10.77.0.11:5060>\r\n"));
  EXPECT_TRUE(to("10.77.0.11:5060").starts_with("SIP/2.0 100 "));
  const std::string invite = to("10.77.0.12:5060");
  ASSERT_TRUE(invite.starts_with("INVITE sip:bob@10.77.0.12:5060 SIP/2.0\r\n")) << invite;
  EXPECT_NE(invite.find("Record-Route: <sip:10.77.0.2:5060;lr>\r\n"), std::string::npos) << invite;
  EXPECT_NE(invite.find("Max-Forwards: 69\r\n"), std::string::npos);
  EXPECT_NE(invite.find(";received=10.77.0.11;rport=5060"), std::string::npos) << invite;

  send("10.77.0.12:5060", answer(invite, 180, "b", "sip:bob@10.77.0.12:5060"));
  EXPECT_TRUE(to("10.77.0.11:5060").starts_with("SIP/2.0 180 "));
  send("10.77.0.12:5060", answer(invite, 200, "b", "sip:bob@10.77.0.12:5060"));
  const std::string ok = to("10.77.0.11:5060");
  EXPECT_TRUE(ok.starts_with("SIP/2.0 200 "));
  EXPECT_EQ(sip::Message::parse(ok)->count(sip::Header::via), 1U);
  EXPECT_EQ(status().calls, 1U);

  const std::string route = "Route: <sip:10.77.0.2:5060;lr>\r\n";
  send("10.77.0.11:5060",
       request("ACK", "sip:bob@10.77.0.12:5060", "alice", "sip:bob@example.test>;tag=b", "10.77.0.11:5060", "a1", 1, route));
  EXPECT_TRUE(to("10.77.0.12:5060").empty());  // the To above is malformed on purpose: an ACK is never answered
  std::string ack = request("ACK", "sip:bob@10.77.0.12:5060", "alice", "sip:bob@example.test", "10.77.0.11:5060", "a1", 1, route);
  ack.replace(ack.find("To: <sip:bob@example.test>"), 26, "To: <sip:bob@example.test>;tag=b");
  send("10.77.0.11:5060", ack);
  EXPECT_TRUE(to("10.77.0.12:5060").starts_with("ACK sip:bob@10.77.0.12:5060")) << to("10.77.0.12:5060");
  EXPECT_EQ(to("10.77.0.12:5060").find("Route:"), std::string::npos);

  std::string bye = request("BYE", "sip:bob@10.77.0.12:5060", "alice", "sip:bob@example.test", "10.77.0.11:5060", "b1", 2, route);
  bye.replace(bye.find("To: <sip:bob@example.test>"), 26, "To: <sip:bob@example.test>;tag=b");
  bye.replace(bye.find("c-alice-BYE"), 11, "c-alice-INV");
  send("10.77.0.11:5060", bye);
  const std::string forwarded = to("10.77.0.12:5060");
  EXPECT_TRUE(forwarded.starts_with("BYE "));
  EXPECT_EQ(status().calls, 0U);
  send("10.77.0.12:5060", answer(forwarded, 200, "", ""));
  EXPECT_TRUE(to("10.77.0.11:5060").starts_with("SIP/2.0 200 "));
}

TEST_F(Branch, knows_a_party_by_whatever_name_it_was_called_S5) {
  lose_central();
  register_phone("alice", "10.77.0.11:5060");
  register_phone("bob", "10.77.0.12:5060");
  send("10.77.0.11:5060", request("INVITE", "sip:bob@10.77.0.2", "alice", "sip:bob@EXAMPLE.test;user=phone", "10.77.0.11:5060", "i1"));
  EXPECT_TRUE(to("10.77.0.12:5060").starts_with("INVITE "));
  const auto calls = std::get<std::vector<CallReport>>(device_.command(GetCalls{}, now_, outbox_));
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls.front().caller, "sip:alice@example.test");
  EXPECT_EQ(calls.front().callee, "sip:bob@example.test");
}

TEST_F(Branch, a_bye_for_the_second_of_two_answers_leaves_the_call_C6) {
  lose_central();
  register_phone("bob", "10.77.0.12:5060");
  send("10.77.0.11:5060", request("INVITE", "sip:bob@example.test", "alice", "sip:bob@example.test", "10.77.0.11:5060", "i1"));
  const std::string invite = to("10.77.0.12:5060");
  send("10.77.0.12:5060", answer(invite, 200, "b", "sip:bob@10.77.0.12:5060"));
  send("10.77.0.12:5060", answer(invite, 200, "c", "sip:bob@10.77.0.12:5060"));
  const auto bye = [&](const std::string& tag) {
    std::string text = request("BYE", "sip:bob@10.77.0.12:5060", "alice", "sip:bob@example.test", "10.77.0.11:5060", "b" + tag, 2);
    text.replace(text.find("To: <sip:bob@example.test>"), 26, "To: <sip:bob@example.test>;tag=" + tag);
    return text.replace(text.find("c-alice-BYE"), 11, "c-alice-INV");
  };
  send("10.77.0.11:5060", bye("c"));
  EXPECT_EQ(status().calls, 1U);
  send("10.77.0.11:5060", bye("b"));
  EXPECT_EQ(status().calls, 0U);
}

TEST_F(Branch, sends_where_maddr_says_instead_of_looking_the_user_up_RFC3261_16_5) {
  lose_central();
  register_phone("bob", "10.77.0.12:5060");
  send("10.77.0.11:5060",
       request("MESSAGE", "sip:bob@example.test;maddr=10.77.0.50", "alice", "sip:bob@example.test", "10.77.0.11:5060", "m1"));
  EXPECT_TRUE(to("10.77.0.12:5060").empty());
  EXPECT_TRUE(to("10.77.0.50:5060").starts_with("MESSAGE sip:bob@example.test;maddr=10.77.0.50 SIP/2.0\r\n"));
  send("10.77.0.11:5060",
       request("MESSAGE", "sip:bob@example.test;maddr=10.77.0.2", "alice", "sip:bob@example.test", "10.77.0.11:5060", "m2"));
  EXPECT_TRUE(to("10.77.0.12:5060").starts_with("MESSAGE sip:bob@10.77.0.12:5060 SIP/2.0\r\n"));
}

TEST_F(Branch, reaches_a_caller_behind_its_connection_in_the_dialog_RFC5626_5_3) {
  lose_central();
  register_phone("bob", "10.77.0.12:5060");
  // Not registered, and its Contact leads nowhere.
  std::string invite = request("INVITE", "sip:bob@example.test", "alice", "sip:bob@example.test", "x.invalid", "i1", 1,
                               "Contact: <sip:alice@x.invalid;transport=tcp>\r\n");
  send("10.77.0.31:40000", invite, Transport::tcp, FlowId{77});
  const std::string ringing = to("10.77.0.12:5060");
  const auto line = ringing.find("<sip:f~");
  ASSERT_NE(line, std::string::npos) << ringing;
  const std::string own = ringing.substr(line, ringing.find('>', line) + 1 - line);
  const auto bye = [&](std::string route, const std::string& branch) {
    std::string text = request("BYE", "sip:alice@x.invalid;transport=tcp", "bob", "sip:alice@example.test", "10.77.0.12:5060", branch, 1,
                               "Route: <sip:10.77.0.2:5060;lr>, " + route + "\r\n");
    return text.replace(text.find("To: <sip:alice@example.test>"), 28, "To: <sip:alice@example.test>;tag=falice");
  };
  send("10.77.0.12:5060", bye(own, "b1"));
  ASSERT_TRUE(to("10.77.0.31:40000").starts_with("BYE sip:alice@x.invalid")) << to("10.77.0.31:40000");
  EXPECT_EQ(outbox_.sends().front().destination.flow, FlowId{77});
  EXPECT_EQ(outbox_.sends().front().destination.transport, Transport::tcp);
  send("10.77.0.12:5060", bye("<sip:f~0123@10.77.0.2:5060;lr>", "b2"));
  EXPECT_TRUE(to("10.77.0.12:5060").starts_with("SIP/2.0 403 ")) << to("10.77.0.12:5060");
}

/// RFC 3263 for a remote target that is a name: the request waits for DNS, nobody else does.
class BranchWithNames : public Branch {
 protected:
  static std::string bye() {
    std::string text = request("BYE", "sip:carol@sbc.other.test", "alice", "sip:carol@other.test", "10.77.0.11:5060", "b1");
    return text.replace(text.find("To: <sip:carol@other.test>"), 26, "To: <sip:carol@other.test>;tag=c");
  }
  /// Answers each question that went upstream in the last step; types without data get an empty answer.
  void answer_dns(std::uint16_t type, const std::string& data) {
    struct Asked {
      Destination destination;
      std::string bytes;
    };
    std::vector<Asked> all;
    for (const auto& send : outbox_.sends())
      if (send.destination.protocol == Protocol::dns) all.push_back({send.destination, std::string{outbox_.message(send)}});
    drop();
    for (const Asked& asked : all) {
      const auto query = *dns::Message::parse(asked.bytes);
      std::string bytes;
      const dns::Question& question = query.questions.front();
      dns::Builder builder{bytes, query.id, 0x8180, question};
      if (question.type == type)
        builder.add(dns::Section::answer, question.name, type, dns::class_in, 60, data);
      else
        builder.add(dns::Section::authority, question.name, dns::type::soa, dns::class_in, 60, std::string(22, '\0'));
      device_.receive(
          {Protocol::dns, asked.destination.transport, asked.destination.flow, asked.destination.local, asked.destination.remote, bytes},
          now_, outbox_);
    }
  }
};

TEST_F(BranchWithNames, a_request_to_a_name_waits_for_dns_and_nobody_else_RFC3263) {
  send("10.77.0.11:5060", bye());
  EXPECT_TRUE(to("10.77.0.11:5060").empty());
  for (int round = 0; round < 4 && count_to("10.78.0.77:5060") == 0; ++round) answer_dns(dns::type::a, {"\x0a\x4e\0\x4d", 4});
  EXPECT_TRUE(to("10.78.0.77:5060").starts_with("BYE sip:carol@sbc.other.test SIP/2.0\r\n"));
  EXPECT_EQ(count_to("10.78.0.77:5060"), 1U);
}

TEST_F(BranchWithNames, is_refused_when_dns_stays_silent_RFC3263) {
  send("10.77.0.11:5060", bye());
  send("10.77.0.11:5060", bye());  // a retransmission
  pass(1s);
  EXPECT_TRUE(to("10.77.0.11:5060").empty());
  pass(1s);
  EXPECT_TRUE(to("10.77.0.11:5060").starts_with("SIP/2.0 481 ")) << to("10.77.0.11:5060");
  EXPECT_EQ(count_to("10.77.0.11:5060"), 1U);
}

TEST_F(BranchWithNames, a_caller_may_hang_up_while_dns_is_asked_RFC3261_9_2) {
  const auto in_dialog = [](const std::string& method) {
    std::string text = request(method, "sip:carol@sbc.other.test", "alice", "sip:carol@other.test", "10.77.0.11:5060", "i1");
    return text.replace(text.find("To: <sip:carol@other.test>"), 26, "To: <sip:carol@other.test>;tag=c");
  };
  send("10.77.0.11:5060", in_dialog("INVITE"));
  EXPECT_TRUE(to("10.77.0.11:5060").starts_with("SIP/2.0 100 "));
  std::string other = in_dialog("CANCEL");
  send("10.77.0.11:5060", other.replace(other.find("bKi1"), 4, "bKi2"));
  EXPECT_TRUE(to("10.77.0.11:5060").starts_with("SIP/2.0 481 ")) << to("10.77.0.11:5060");
  send("10.77.0.11:5060", in_dialog("CANCEL"));
  EXPECT_EQ(count_to("10.77.0.11:5060"), 2U);
  EXPECT_TRUE(outbox_.message(outbox_.sends().front()).starts_with("SIP/2.0 200 "));
  EXPECT_TRUE(to("10.77.0.11:5060").starts_with("SIP/2.0 487 "));
  send("10.77.0.11:5060", in_dialog("CANCEL"));  // sent again
  EXPECT_TRUE(to("10.77.0.11:5060").starts_with("SIP/2.0 200 "));
  drop();
  pass(3s);
  for (const auto& send : outbox_.sends()) EXPECT_FALSE(outbox_.message(send).starts_with("INVITE "));
}

TEST_F(Branch, drops_a_response_whose_via_is_not_ours_RFC3261_18_1_2) {
  lose_central();
  register_phone("bob", "10.77.0.12:5060");
  send("10.77.0.11:5060", request("MESSAGE", "sip:bob@example.test", "alice", "sip:bob@example.test", "10.77.0.11:5060", "m1"));
  const std::string good = answer(to("10.77.0.12:5060"), 200, "b", "");
  std::string bad = good;
  bad.replace(bad.find("UDP 10.77.0.2"), 13, "UDP 10.77.0.3");
  send("10.77.0.12:5060", bad);
  EXPECT_EQ(count_to("10.77.0.11:5060"), 0U);
  send("10.77.0.12:5060", good);
  EXPECT_EQ(count_to("10.77.0.11:5060"), 1U);
}

TEST_F(Branch, skips_contacts_that_are_no_places_of_SIP_C5) {
  lose_central();
  send("10.77.0.12:5060", request("REGISTER", "sip:example.test", "bob", "sip:bob@example.test", "10.77.0.12:5060", "r1", 1,
                                  "Contact: <mailto:bob@example.test>, <sip:bob@10.77.0.12>\r\nExpires: 120\r\n"));
  EXPECT_TRUE(to("10.77.0.12:5060").starts_with("SIP/2.0 200 "));
  send("10.77.0.11:5060", request("MESSAGE", "sip:bob@example.test", "alice", "sip:bob@example.test", "10.77.0.11:5060", "m1"));
  EXPECT_EQ(count_to("10.77.0.12:5060"), 1U);
  EXPECT_TRUE(to("10.77.0.12:5060").starts_with("MESSAGE sip:bob@10.77.0.12 "));
}

TEST_F(Branch, serves_a_register_that_has_no_forwards_left_RFC3261_16_3) {
  lose_central();
  std::string last = request("REGISTER", "sip:example.test", "alice", "sip:alice@example.test", "10.77.0.11:5060", "r1", 1,
                             "Contact: <sip:alice@10.77.0.11:5060>;expires=120\r\n");
  last.replace(last.find("Max-Forwards: 70"), 16, "Max-Forwards: 0");
  send("10.77.0.11:5060", last);
  EXPECT_TRUE(to("10.77.0.11:5060").starts_with("SIP/2.0 200 "));
}

TEST_F(Branch, a_large_invite_reaches_a_phone_by_tcp_else_by_udp_RFC3261_18_1_1) {
  lose_central();
  register_phone("bob", "10.77.0.12:5060");
  send("10.77.0.11:5060", request("INVITE", "sip:bob@example.test", "alice", "sip:bob@example.test", "10.77.0.11:5060", "i1", 1,
                                  "X: " + std::string(1200, 'x') + "\r\n"));
  ASSERT_EQ(outbox_.sends().back().destination.transport, Transport::tcp);
  EXPECT_EQ(outbox_.sends().back().destination.remote, at("10.77.0.12:5060"));
  drop();
  device_.connection_changed({Protocol::sip, Transport::tcp, {}, at("10.77.0.12:5060"), FlowState::refused}, now_, outbox_);
  ASSERT_FALSE(outbox_.sends().empty());
  EXPECT_EQ(outbox_.sends().back().destination.transport, Transport::udp);
}

TEST_F(Branch, a_phone_registered_over_udp_that_answers_as_tcp_gets_the_ack_by_tcp_RFC3261_8_1_2) {
  lose_central();
  register_phone("bob", "10.77.0.12:5060");
  const auto way = [&](const std::string& uri) {
    std::string ack = request("ACK", uri, "alice", "sip:bob@example.test", "10.77.0.11:5060", "a1");
    send("10.77.0.11:5060", ack.replace(ack.rfind("test>"), 5, "test>;tag=b"));
    EXPECT_EQ(count_to("10.77.0.12:5060"), 1U) << uri;
    return outbox_.sends().back().destination.transport;
  };
  EXPECT_EQ(way("sip:bob@10.77.0.12:5060;transport=tcp"), Transport::tcp);
  EXPECT_EQ(way("sip:bob@10.77.0.12:5060;transport=udp"), Transport::udp);
  EXPECT_EQ(way("sip:bob@10.77.0.12:5060"), Transport::udp);
}

TEST_F(Branch, cancels_the_ringing_phone_when_the_caller_hangs_up_C1) {
  lose_central();
  register_phone("bob", "10.77.0.12:5060");
  send("10.77.0.11:5060", request("INVITE", "sip:bob@example.test", "alice", "sip:bob@example.test", "10.77.0.11:5060", "i1"));
  const std::string invite = to("10.77.0.12:5060");
  send("10.77.0.12:5060", answer(invite, 180, "b", ""));
  std::string cancel = request("CANCEL", "sip:bob@example.test", "alice", "sip:bob@example.test", "10.77.0.11:5060", "i1");
  cancel.replace(cancel.find("c-alice-CAN"), 11, "c-alice-INV");
  send("10.77.0.11:5060", cancel);
  EXPECT_TRUE(to("10.77.0.11:5060").starts_with("SIP/2.0 200 "));
  ASSERT_TRUE(to("10.77.0.12:5060").starts_with("CANCEL sip:bob@10.77.0.12:5060")) << to("10.77.0.12:5060");
  send("10.77.0.12:5060", answer(invite, 487, "b", ""));
  EXPECT_TRUE(to("10.77.0.12:5060").starts_with("ACK "));
  EXPECT_TRUE(to("10.77.0.11:5060").starts_with("SIP/2.0 487 "));
  EXPECT_EQ(status().calls, 0U);
}

TEST_F(Branch, rings_all_contacts_and_cancels_the_others_RNG02) {
  lose_central();
  register_phone("bob", "10.77.0.12:5060");
  std::string second = request("REGISTER", "sip:example.test", "bob", "sip:bob@example.test", "10.77.0.13:5060", "rb2", 1,
                               "Contact: <sip:bob2@10.77.0.13:5060>;expires=120\r\n");
  second.replace(second.find("c-bob-REG"), 9, "other-dev");
  send("10.77.0.13:5060", second);
  send("10.77.0.11:5060", request("INVITE", "sip:bob@example.test", "alice", "sip:bob@example.test", "10.77.0.11:5060", "i1"));
  const std::string first = to("10.77.0.12:5060");
  const std::string other = to("10.77.0.13:5060");
  ASSERT_FALSE(first.empty());
  ASSERT_FALSE(other.empty());
  send("10.77.0.13:5060", answer(other, 180, "y", ""));
  send("10.77.0.12:5060", answer(first, 180, "x", ""));
  send("10.77.0.12:5060", answer(first, 200, "x", "sip:bob@10.77.0.12:5060"));
  EXPECT_TRUE(to("10.77.0.11:5060").starts_with("SIP/2.0 200 "));
  const std::string cancel = to("10.77.0.13:5060");
  EXPECT_TRUE(cancel.starts_with("CANCEL ")) << cancel;
  EXPECT_NE(cancel.find("Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n"), std::string::npos);
}

TEST_F(Branch, one_dead_contact_does_not_spoil_the_call_C5) {
  lose_central();
  register_phone("bob", "10.77.0.12:5060");
  send("10.77.0.11:5060", request("INVITE", "sip:bob@example.test", "alice", "sip:bob@example.test", "10.77.0.11:5060", "i1"));
  drop();
  device_.connection_changed({Protocol::sip, Transport::udp, FlowId{1}, at("10.77.0.12:5060"), FlowState::refused}, now_, outbox_);
  EXPECT_TRUE(to("10.77.0.11:5060").starts_with("SIP/2.0 500 ")) << to("10.77.0.11:5060");
}

TEST_F(Branch, drops_what_comes_from_outside_of_the_networks_X3) {
  register_phone("mallory", "203.0.113.5:5060");
  EXPECT_TRUE(outbox_.sends().empty());
}

TEST_F(Branch, names_the_header_in_a_400) {
  std::string bad = request("OPTIONS", "sip:10.77.0.2", "alice", "sip:10.77.0.2", "10.77.0.11:5060", "o1");
  bad.replace(bad.find("CSeq: 1"), 7, "CSeq: x");
  send("10.77.0.11:5060", bad);
  EXPECT_TRUE(to("10.77.0.11:5060").starts_with("SIP/2.0 400 Malformed CSeq\r\n")) << to("10.77.0.11:5060");
}

TEST_F(Branch, answers_480_for_a_user_who_is_nowhere_C2) {
  lose_central();
  send("10.77.0.11:5060", request("INVITE", "sip:nobody@example.test", "alice", "sip:nobody@example.test", "10.77.0.11:5060", "i1"));
  EXPECT_TRUE(to("10.77.0.11:5060").starts_with("SIP/2.0 480 "));
}

TEST_F(Branch, answers_from_memory_at_once_after_a_restart_in_the_dark_DIS16) {
  lose_central();
  pass(1s);
  const std::vector<Row> rows{{Table::setting, {Text{"mode.last"}, Text{"survivable"}}}};
  BranchDevice again{settings(), random_};
  again.restore(rows, now_);
  drop();
  again.start(now_, outbox_);
  drop();
  const std::string query{"\0\7\1\0\0\1\0\0\0\0\0\0\4_sip\4_udp\7example\4test\0\0\x21\0\1", 12 + 5 + 5 + 8 + 5 + 1 + 4};
  again.receive({Protocol::dns, Transport::udp, FlowId{2}, at("10.77.0.2:53"), at("10.77.0.31:4000"), query}, now_, outbox_);
  bool answered = false;
  for (const auto& send : outbox_.sends()) answered = answered || send.destination.remote == at("10.77.0.31:4000");
  EXPECT_TRUE(answered);
}

TEST_F(BranchWithNames, in_suspect_the_order_is_given_for_seconds_only_D7) {
  const Text sip1 = dns::Srv{10, 60, 5060, *dns::Name::from_text("sip1.example.test")}.data();
  device_ = BranchDevice{settings(), random_};
  drop();
  device_.start(now_, outbox_);
  answer_dns(dns::type::srv, std::string{sip1});
  std::uint16_t id = 0;
  const auto ttl = [&]() -> std::uint32_t {
    drop();
    std::string query;
    dns::Builder{query, ++id, dns::flag::rd, {*dns::Name::from_text("_sip._udp.example.test"), dns::type::srv, dns::class_in}};
    device_.receive({Protocol::dns, Transport::udp, FlowId{2}, at("10.77.0.2:53"), at("10.77.0.31:4000"), query}, now_, outbox_);
    const auto given =
        std::ranges::find_if(outbox_.sends(), [](const Outbox::Send& send) { return send.destination.remote == at("10.77.0.31:4000"); });
    if (given == outbox_.sends().end()) return 0;
    const auto answer = dns::Message::parse(outbox_.message(*given));
    return answer && answer->id == id ? answer->records.front().ttl : 0;
  };
  EXPECT_EQ(mode(), "normal");
  EXPECT_EQ(ttl(), 60U);
  while (mode() == "normal") pass(500ms);
  ASSERT_EQ(mode(), "suspect");
  EXPECT_EQ(ttl(), 5U);
  while (mode() == "suspect") pass(500ms);
  ASSERT_EQ(mode(), "survivable");
  EXPECT_EQ(ttl(), 30U);
}

TEST_F(Branch, bindings_survive_a_restart_R6) {
  lose_central();
  register_phone("alice", "10.77.0.11:5060");
  std::vector<Row> rows;
  for (const Change& change : outbox_.changes())
    if (change.table == Table::binding) rows.push_back({change.table, change.columns.unpacked()});
  ASSERT_EQ(rows.size(), 1U);
  BranchDevice again{settings(), random_};
  again.restore(rows, now_ + 10s);
  EXPECT_EQ(std::get<StatusReport>(again.command(GetStatus{}, now_ + 10s, outbox_)).registrations, 1U);
  BranchDevice late{settings(), random_};
  late.restore(rows, now_ + 200s);
  EXPECT_EQ(std::get<StatusReport>(late.command(GetStatus{}, now_ + 200s, outbox_)).registrations, 0U);
}

}  // namespace
}  // namespace ringhold::branch_device
