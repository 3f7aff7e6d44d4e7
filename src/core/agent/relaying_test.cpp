#include "agent/edge_bench.hpp"

namespace ringhold::agent {
namespace {

using Relaying = EdgeBench;

TEST_F(Relaying, serves_a_phone_behind_it_as_registrar_T14) {
  start(edge({c1}));
  pass(1s);
  clear();
  register_at_us(p1, "alice");
  EXPECT_EQ(statuses(p1), "200");
  EXPECT_TRUE(has(last_answer(p1), "Contact: <sip:alice@10.77.1.1:5060>;expires=60")) << last_answer(p1);
  EXPECT_TRUE(registers().empty()) << "the account's registration is the agent's own";
  EXPECT_EQ(agent_->report(now_).accounts.at(0).phones, 1U);
  register_at_us(p2, "zoe");
  EXPECT_TRUE(last_answer(p2).starts_with("SIP/2.0 403 No account of this agent")) << last_answer(p2);
  register_at_us(p1, "alice", "Expires: 60\r\nRequire: gruu\r\n");
  EXPECT_TRUE(last_answer(p1).starts_with("SIP/2.0 420 ") && has(last_answer(p1), "Unsupported: gruu"));
  pass(61s);
  EXPECT_EQ(agent_->report(now_).accounts.at(0).phones, 0U);
}

TEST_F(Relaying, phones_stay_registered_over_a_restart_T14_X03) {
  start(edge({c1}));
  register_at_us(p1, "alice");
  start(edge({c1}));
  pass(1s);
  EXPECT_EQ(agent_->report(now_).accounts.at(0).phones, 1U);
  asks(c1, {.uri = "sip:alice@10.77.0.5:5066"});
  EXPECT_EQ(sent("INVITE", p1).size(), 1U);
}

TEST_F(Relaying, an_outgoing_call_goes_to_the_present_server_T14) {
  answers(c1, "INVITE", 0);
  start(edge({c1, c2}));
  pass(1s);
  register_at_us(p1, "alice");
  phone(p1, {.more = contact_at("alice", p1)});
  ASSERT_EQ(sent("INVITE", c1).size(), 1U);
  const Sent invite = sent("INVITE", c1)[0];
  EXPECT_TRUE(invite.bytes.starts_with("INVITE sip:carol@example.test SIP/2.0\r\n")) << invite.bytes;
  EXPECT_TRUE(has(invite.bytes, "Via: SIP/2.0/UDP 10.77.0.5:5066;branch="));
  EXPECT_TRUE(has(invite.bytes, "Record-Route: <sip:10.77.0.5:5066;lr>\r\nRecord-Route: <sip:10.77.0.5:5080;lr>\r\n"))
      << "each side its own";
  reply(invite, 180);
  reply(invite, 200, contact_at("carol", "10.78.0.99:5060"));
  EXPECT_EQ(statuses(p1), "200 180 200");
  // What the server wants in the dialog comes by our Routes to the phone's Contact.
  asks(c1, {.method = "BYE",
            .uri = "sip:alice@10.77.1.1:5060",
            .from = "sip:carol@example.test",
            .to = "<sip:alice@example.test>;tag=f",
            .more = routes_of_callee(invite.bytes)});
  ASSERT_EQ(sent("BYE", p1).size(), 1U);
  EXPECT_FALSE(has(sent("BYE", p1)[0].bytes, "Route:"));
  EXPECT_TRUE(has(sent("BYE", p1)[0].bytes, "Via: SIP/2.0/UDP 10.77.0.5:5080;branch="));
}

TEST_F(Relaying, every_method_passes_C7) {
  start(edge({c1}));
  pass(1s);
  for (const char* method : {"MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER", "INFO", "FANCY"}) {
    clear();
    phone(p1, {.method = method});
    ASSERT_EQ(sent(method, c1).size(), 1U) << method;
    pass(1s);
    EXPECT_EQ(statuses(p1), "200") << method;
  }
}

TEST_F(Relaying, an_incoming_call_forks_to_all_phones_of_the_account_T14) {
  start(edge_of_two({c1}));
  pass(1s);
  register_at_us(p1, "alice");
  register_at_us(p2, "alice");
  register_at_us("10.77.1.3:5060", "bob");
  clear();
  asks(c1, {.uri = "sip:alice@10.77.0.5:5066", .more = contact_at("c", c1)});
  ASSERT_EQ(sent("INVITE", p1).size(), 1U);
  ASSERT_EQ(sent("INVITE", p2).size(), 1U);
  EXPECT_TRUE(sent("INVITE", "10.77.1.3:5060").empty());
  const Sent invite = sent("INVITE", p1)[0];
  EXPECT_TRUE(invite.bytes.starts_with("INVITE sip:alice@10.77.1.1:5060 SIP/2.0\r\n"));
  EXPECT_TRUE(has(invite.bytes, "Record-Route: <sip:10.77.0.5:5080;lr>\r\nRecord-Route: <sip:10.77.0.5:5066;lr>\r\n")) << invite.bytes;
  reply(sent("INVITE", p2)[0], 180);
  reply(invite, 200, contact_at("alice", p1));
  EXPECT_EQ(statuses(c1), "180 200");
  EXPECT_EQ(sent("CANCEL", p2).size(), 1U);
  // ACK and BYE of the caller.
  const std::string routes = routes_of_caller(last_answer(c1));
  asks(c1, {.method = "ACK", .uri = "sip:alice@10.77.1.1:5060", .to = "<sip:alice@example.test>;tag=x", .more = routes});
  EXPECT_EQ(sent("ACK", p1).size(), 1U);
  // The phone hangs up: its Route set leads to the server that called.
  phone(p1, {.method = "BYE",
             .uri = "sip:c@10.78.0.99",
             .to = "<sip:c@example.test>;tag=f",
             .more = routes_of_callee(invite.bytes) + "Route: <sip:10.78.0.11:5060;lr>\r\n"});
  EXPECT_EQ(sent("BYE", c1).size(), 1U);
}

TEST_F(Relaying, nobody_behind_is_480_and_nobody_meant_404_T14) {
  start(edge_of_two({c1}));
  pass(1s);
  asks(c1, {.uri = "sip:bob@10.77.0.5:5066"});
  EXPECT_EQ(statuses(c1), "480");
  asks(c1, {.uri = "sip:zoe@10.77.0.5:5066"});
  EXPECT_EQ(statuses(c1), "480 404");
  asks(c1, {.method = "OPTIONS", .uri = "sip:bob@10.77.0.5:5066"});
  EXPECT_EQ(statuses(c1), "480 404 200") << "we are there";
  asks(c1, {.method = "REGISTER", .uri = "sip:10.77.0.5:5066", .to = "<sip:bob@example.test>"});
  EXPECT_EQ(statuses(c1), "480 404 200 403");
}

TEST_F(Relaying, a_dialled_number_in_place_of_our_contact_is_known_by_to_T14) {
  start(edge_of_two({c1}));
  register_at_us(p2, "bob");
  pass(1s);
  asks(c1, {.uri = "sip:+4930123@10.77.0.5:5066", .to = "<sip:bob@example.test>"});
  EXPECT_EQ(sent("INVITE", p2).size(), 1U);
}

TEST_F(Relaying, options_to_the_agent_itself_T14) {
  start(edge({c1}));
  pass(1s);
  phone(p1, {.method = "OPTIONS", .uri = "sip:10.77.0.5:5080"});
  EXPECT_EQ(statuses(p1), "200");
  EXPECT_TRUE(has(last_answer(p1), "\r\nAllow: INVITE,") && has(last_answer(p1), "\r\nSupported: ")) << last_answer(p1);
}

TEST_F(Relaying, a_malformed_request_gets_a_400_that_names_the_header) {
  start(edge({c1}));
  std::string bytes = request({}, p1);
  bytes.replace(bytes.find("CSeq: 1 INVITE"), 14, "CSeq: 1 BYE   ");
  receive(p1, listener, bytes);
  EXPECT_TRUE(last_answer(p1).starts_with("SIP/2.0 400 ") && has(last_answer(p1).substr(0, 60), "CSeq")) << last_answer(p1);
}

TEST_F(Relaying, strangers_are_dropped_T14) {
  start(edge({c1}));
  pass(1s);
  register_at_us(p1, "alice");
  clear();
  receive("192.0.2.7:5060", listener, request({}, "192.0.2.7:5060"));
  receive("192.0.2.7:5060", uplink, request({.uri = "sip:alice@10.77.0.5:5066"}, "192.0.2.7:5060"));
  receive("192.0.2.7:5060", uplink, request({.method = "OPTIONS", .uri = "sip:10.77.0.5:5066"}, "192.0.2.7:5060"));
  receive(p2, uplink, request({}, p2));  // phones have a listener of their own
  EXPECT_TRUE(sent_.empty());
}

TEST_F(Relaying, a_server_reaches_phones_only_T14) {
  start(edge({c1}));
  pass(1s);
  clear();
  asks(c1, {.method = "BYE", .uri = "sip:x@192.0.2.7", .to = "<sip:a@b>;tag=1", .more = "Route: <sip:10.77.0.5:5066;lr>\r\n"});
  EXPECT_EQ(statuses(c1), "481");
  EXPECT_TRUE(sent("BYE", "192.0.2.7:5060").empty());
}

TEST_F(Relaying, without_a_registration_the_agent_is_an_outbound_proxy_T14) {
  Settings settings = edge_of_two({c1});
  settings.names = {"agent.lan"};
  start(settings);
  pass(1s);
  phone(p1, {.from = "sip:bob@example.test", .more = "Route: <sip:agent.lan;lr>\r\n"});
  ASSERT_EQ(sent("INVITE", c1).size(), 1U);
  EXPECT_FALSE(has(sent("INVITE", c1)[0].bytes, "\r\nRoute:"));
  phone(p1, {.from = "sip:+49301@pbx.test"});
  EXPECT_TRUE(has(last_answer(p1), "SIP/2.0 403 From names no account")) << "one of two: which?";
  start(edge({c1}));
  pass(1s);
  clear();
  phone(p1, {.from = "sip:+49301@pbx.test"});
  EXPECT_EQ(sent("INVITE", c1).size(), 1U) << "the only one";
}

TEST_F(Relaying, a_pbx_uses_each_account_by_its_own_registration_X33) {
  start(edge_of_two({c1}));
  pass(1s);
  register_at_us(p1, "alice");
  register_at_us(p1, "bob");
  clear();
  asks(c1, {.uri = "sip:bob@10.77.0.5:5066"});
  ASSERT_EQ(sent("INVITE", p1).size(), 1U);
  EXPECT_TRUE(sent("INVITE", p1)[0].bytes.starts_with("INVITE sip:bob@10.77.1.1:5060 "));
  // In the name of who calls, from a Contact that is registered.
  next(c1, "INVITE", 407, challenge);
  phone(p1, {.from = "sip:+49301@pbx.test", .more = contact_at("bob", p1)});
  pass(1s);
  ASSERT_EQ(sent("INVITE", c1).size(), 2U);
  EXPECT_TRUE(has(sent("INVITE", c1)[1].bytes, "username=\"bob\""));
}

TEST_F(Relaying, who_was_told_only_our_address_is_served_as_well_T14) {
  start(edge_of_two({c1}));
  pass(1s);
  phone(p1, {.method = "REGISTER", .uri = "sip:10.77.0.5:5080", .to = "<sip:alice@10.77.0.5:5080>", .more = contact_at("alice", p1)});
  EXPECT_EQ(statuses(p1), "200");
  phone(p1, {.uri = "sip:carol@10.77.0.5:5080", .from = "sip:alice@10.77.0.5:5080"});
  ASSERT_EQ(sent("INVITE", c1).size(), 1U);
  EXPECT_TRUE(sent("INVITE", c1)[0].bytes.starts_with("INVITE sip:carol@example.test SIP/2.0"));
}

TEST_F(Relaying, a_call_stays_with_its_server_after_a_switch_SWI19) {
  const std::string more = "Record-Route: <sip:10.78.0.11:5060;lr>\r\n" + contact_at("carol", "10.78.0.99:5060");
  answers(c1, "INVITE", 0);
  start(edge({c1, c2}));
  pass(1s);
  register_at_us(p1, "alice");
  phone(p1, {.more = contact_at("alice", p1)});
  reply(sent("INVITE", c1).at(0), 200, more);
  const std::string answer = last_answer(p1);
  const std::string call_id = call_id_;
  answers(c1, "REGISTER", 500);
  ASSERT_TRUE(pass_until([&] { return server() == c2; }, 60s));
  // The Route set: ours on both sides, then the server's.
  phone(p1, {.method = "BYE",
             .uri = "sip:carol@10.78.0.99:5060",
             .to = "<sip:carol@example.test>;tag=s",
             .more = "Route: <sip:10.77.0.5:5080;lr>, <sip:10.77.0.5:5066;lr>, <sip:10.78.0.11:5060;lr>\r\n",
             .call_id = call_id,
             .cseq = 2});
  ASSERT_EQ(sent("BYE", c1).size(), 1U) << answer;
  EXPECT_TRUE(has(sent("BYE", c1)[0].bytes, "\r\nRoute: <sip:10.78.0.11:5060;lr>\r\n"));
  EXPECT_TRUE(sent("BYE", c2).empty());
  phone(p1, {});
  EXPECT_EQ(sent("INVITE", c2).size(), 1U) << "new calls go to the new one";
  // And what c1 wants of the phone in that call still reaches it.
  asks(c1, {.method = "INFO",
            .uri = "sip:alice@10.77.1.1:5060",
            .to = "<sip:alice@example.test>;tag=f",
            .more = "Route: <sip:10.77.0.5:5066;lr>, <sip:10.77.0.5:5080;lr>\r\n"});
  EXPECT_EQ(sent("INFO", p1).size(), 1U);
}

TEST_F(Relaying, phones_call_each_other_when_no_server_is_left_T14) {
  refuses(c1), refuses(c2);
  start(edge_of_two({c1, c2}));
  pass(2s);
  ASSERT_EQ(server(), "");
  register_at_us(p1, "alice");
  clear();
  phone(p1, {.uri = "sip:bob@example.test"});
  EXPECT_EQ(statuses(p1), "480") << "bob has no phone";
  register_at_us(p2, "bob");
  clear();
  phone(p1, {.uri = "sip:bob@example.test", .more = contact_at("alice", p1)});
  ASSERT_EQ(sent("INVITE", p2).size(), 1U);
  const Sent invite = sent("INVITE", p2)[0];
  EXPECT_FALSE(has(invite.bytes, "5066")) << invite.bytes;
  reply(invite, 200, contact_at("bob", p2));
  EXPECT_EQ(statuses(p1), "200");
  const std::string routes = routes_of_caller(last_answer(p1));
  phone(p1, {.method = "ACK", .uri = "sip:bob@10.77.1.2:5060", .to = "<sip:bob@example.test>;tag=s", .more = routes});
  EXPECT_EQ(sent("ACK", p2).size(), 1U);
  phone(p2, {.method = "BYE",
             .uri = "sip:alice@10.77.1.1:5060",
             .from = "sip:bob@example.test",
             .to = "<sip:alice@example.test>;tag=f",
             .more = routes_of_callee(invite.bytes)});
  EXPECT_EQ(sent("BYE", p1).size(), 1U);
  clear();
  phone(p1, {.uri = "sip:carol@example.test"});
  phone(p1, {.method = "MESSAGE", .uri = "sip:carol@example.test"});
  EXPECT_EQ(statuses(p1), "503 503");
  EXPECT_TRUE(has(last_answer(p1), "\r\nRetry-After: "));
}

TEST_F(Relaying, a_cancel_goes_after_its_invite_C1) {
  answers(c1, "INVITE", 0);
  start(edge({c1}));
  pass(1s);
  const std::string invite = request({}, p1);
  receive(p1, listener, invite);
  reply(sent("INVITE", c1).at(0), 180);
  std::string cancel = invite;
  cancel.replace(0, 6, "CANCEL");
  cancel.replace(cancel.find("1 INVITE"), 8, "1 CANCEL");
  receive(p1, listener, cancel);
  ASSERT_EQ(sent("CANCEL", c1).size(), 1U);
  reply(sent("INVITE", c1)[0], 487);
  EXPECT_EQ(statuses(p1), "180 200 487");
}

TEST_F(Relaying, our_address_over_the_phones_contacts_finds_who_is_in_the_dialog_T14) {
  answers(p1, "UPDATE", 481);
  answers(p2, "UPDATE", 200);
  start(edge({c1}));
  pass(1s);
  register_at_us(p1, "alice");
  register_at_us(p2, "alice");
  clear();
  asks(c1, {.method = "UPDATE",
            .uri = "sip:alice@10.77.0.5:5066",
            .to = "<sip:alice@example.test>;tag=2",
            .more = "Route: <sip:10.77.0.5:5066;lr>, <sip:10.77.0.5:5080;lr>\r\n"});
  pass(1s);
  EXPECT_EQ(statuses(c1), "200");
}

TEST_F(Relaying, a_server_whose_contact_is_a_name_is_reached_where_it_called_from_RFC5626) {
  start(edge({c1}));
  pass(1s);
  register_at_us(p1, "alice");
  asks(c1, {.uri = "sip:alice@10.77.0.5:5066", .more = contact_at("c", "sip.unknown.test")});
  const Sent invite = sent("INVITE", p1).at(0);
  reply(invite, 200, contact_at("alice", p1));
  phone(p1, {.method = "BYE", .uri = "sip:c@sip.unknown.test", .to = "<sip:c@example.test>;tag=f", .more = routes_of_callee(invite.bytes)});
  EXPECT_EQ(sent("BYE", c1).size(), 1U);
}

TEST_F(Relaying, a_phone_over_tcp_is_reached_by_its_connection_and_a_server_over_tcp_by_its_own_T14) {
  Settings settings = edge({});
  settings.servers = {*Target::parse("tcp:10.78.0.11:5060")};
  answers(c1, "INVITE", 0);
  start(settings);
  pass(1s);
  ASSERT_EQ(server(), c1);
  const std::string place = "10.77.1.1:40000";
  std::string bytes = request({.method = "REGISTER",
                               .uri = "sip:example.test",
                               .to = "<sip:alice@example.test>",
                               .more = contact_at("alice", place + ";transport=tcp")},
                              place);
  receive(place, listener, bytes, Transport::tcp, FlowId{77});
  EXPECT_EQ(statuses(place), "200");
  // The server opens a connection of its own to our Contact.
  receive("10.78.0.11:39999", uplink, request({.uri = "sip:alice@10.77.0.5:5066;transport=tcp"}, "10.78.0.11:39999"), Transport::tcp,
          FlowId{78});
  ASSERT_EQ(sent("INVITE", place).size(), 1U);
  EXPECT_EQ(sent("INVITE", place)[0].flow, FlowId{77});
  EXPECT_TRUE(has(sent("INVITE", place)[0].bytes, "Record-Route: <sip:10.77.0.5:5080;transport=tcp;lr>"));
  bytes = request({.more = contact_at("alice", place + ";transport=tcp")}, place);
  receive(place, listener, bytes, Transport::tcp, FlowId{77});
  ASSERT_EQ(sent("INVITE", c1).size(), 1U);
  EXPECT_EQ(sent("INVITE", c1)[0].transport, Transport::tcp);
  EXPECT_TRUE(has(sent("INVITE", c1)[0].bytes, "Via: SIP/2.0/TCP 10.77.0.5:5066;branch="));
  // SWI-13: the connection to the server breaks in the call.
  clear();
  answers(c1, "INVITE", 200);
  pass(10s);
  closes({}, c1);
  pass(1s);
  EXPECT_EQ(registers(c1).size(), 1U);
}

TEST_F(Relaying, stun_of_a_phone_that_keeps_its_flow_is_answered_RFC5626) {
  start(edge({c1}));
  pass(1s);
  clear();
  const std::string binding{
      "\x00\x01\x00\x00\x21\x12\xa4\x42"
      "123456789012",
      20};
  receive(p1, listener, binding);
  receive("192.0.2.7:5060", listener, binding);
  ASSERT_EQ(sent_.size(), 1U);
  EXPECT_EQ(sent_[0].to, p1);
  EXPECT_EQ(sent_[0].bytes.substr(0, 2), std::string("\x01\x01", 2));
}

TEST_F(Relaying, a_phone_behind_a_nat_is_reached_by_its_flow_in_dialogs_RFC5626) {
  answers(c1, "INVITE", 0);
  start(edge({c1}));
  pass(1s);
  phone(p1, {.more = contact_at("alice", "192.168.7.7:5060")});
  const Sent invite = sent("INVITE", c1).at(0);
  EXPECT_TRUE(has(invite.bytes, "Record-Route: <sip:f~")) << invite.bytes;
  asks(c1, {.method = "BYE",
            .uri = "sip:alice@192.168.7.7:5060",
            .to = "<sip:alice@example.test>;tag=f",
            .more = routes_of_callee(invite.bytes)});
  EXPECT_EQ(sent("BYE", p1).size(), 1U);
}

}  // namespace
}  // namespace ringhold::agent
