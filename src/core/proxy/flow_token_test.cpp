#include "proxy/flow_token.hpp"

#include "proxy/proxy_stage.hpp"

namespace ringhold::proxy {
namespace {

const Flow by_v4{1, FlowId{0x1122334455667788U}, *Endpoint::parse("10.77.0.31:40000", Port{})};
const Flow by_v6{0, FlowId{7}, *Endpoint::parse("[2001:db8::31]:5062", Port{})};

TEST(FlowToken, names_the_flow_and_nobody_else_can_make_one_RFC5626_5_2) {
  const FlowTokens tokens{SipHash{1, 2}};
  const Text token = tokens.make(by_v4);
  EXPECT_EQ(tokens.read(token), by_v4);
  EXPECT_EQ(tokens.read(tokens.make(by_v6)), by_v6);
  EXPECT_TRUE(sip::Uri::parse("sip:" + token + "@10.77.0.2;lr"));
  EXPECT_FALSE((FlowTokens{SipHash{1, 3}}.read(token)));
  for (std::size_t i = 2; i < token.size(); ++i) {
    Text forged = token;
    forged[i] = forged[i] == '0' ? '1' : '0';
    EXPECT_FALSE(tokens.read(forged)) << i;
  }
  for (const std::string_view other : {"", "f~", "f~0", "alice", "f~zz"}) EXPECT_FALSE(tokens.read(other)) << other;
}

TEST(FlowToken, is_needed_where_the_contact_does_not_lead_back_RFC5626) {
  const Endpoint remote = *Endpoint::parse("10.77.0.31:40000", Port{});
  const auto needed = [&](std::string_view uri) { return needs_flow(*sip::Uri::parse(uri), remote); };
  EXPECT_FALSE(needed("sip:alice@10.77.0.31:5060"));
  EXPECT_TRUE(needed("sip:alice@10.77.0.31:5060;ob"));
  EXPECT_TRUE(needed("sip:alice@192.168.1.7:5060"));
  EXPECT_TRUE(needed("sip:x1@df7jal23ls0d.invalid;transport=ws"));
}

TEST_F(Proxying, tells_each_side_by_which_flow_it_is_reached_RFC5626_5_3) {
  start(request("INVITE", "Contact: <sip:alice@10.77.0.11;ob>\r\n"), {hop("10.77.0.12")});
  const std::string invite = last_to("10.77.0.12");
  const auto token = invite.find("Record-Route: <sip:10.77.0.2:5060;lr>\r\nRecord-Route: <sip:f~");
  ASSERT_NE(token, std::string::npos) << invite;
  // The callee's BYE comes back with both.
  const auto line = invite.find("<sip:f~");
  const std::string own = invite.substr(line, invite.find('>', line) + 1 - line);
  const std::string bytes = request("BYE", "Route: <sip:10.77.0.2:5060;lr>, " + own + "\r\n", "sip:alice@10.77.0.11;ob", "b1");
  const auto way = proxy_.preprocess(*sip::Message::parse(bytes));
  ASSERT_TRUE(way);
  EXPECT_EQ(way->own_routes, 2U);
  const auto flow = proxy_.flow(*way);
  ASSERT_TRUE(flow);
  EXPECT_EQ(flow->flow, FlowId{1});
  EXPECT_EQ(flow->remote, at("10.77.0.11"));
  // The caller's has its own side first, and the last one, that of the callee, names no flow.
  const auto other = proxy_.preprocess(
      *sip::Message::parse(request("BYE", "Route: " + own + ", <sip:10.77.0.2:5060;lr>\r\n", "sip:bob@10.77.0.12", "b2")));
  EXPECT_TRUE(other->flow_token.empty());
}

TEST_F(Proxying, gives_no_flow_to_who_came_through_a_proxy_RFC5626_5_3) {
  start(request("INVITE", "Via: SIP/2.0/UDP 10.78.0.99;branch=z9hG4bKx\r\nContact: <sip:alice@10.78.0.99;ob>\r\n"), {hop("10.77.0.12")});
  EXPECT_EQ(last_to("10.77.0.12").find("f~"), std::string::npos);
}

TEST_F(Proxying, says_430_when_a_flow_is_gone_RFC5626_5_3) {
  Hop to = hop("10.77.0.12", Transport::tcp);
  to.unreachable_status = 430;
  start(request("INFO"), {to});
  unreachable("10.77.0.12", Transport::tcp);
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 430 Flow Failed\r\n")) << last_to(caller);
}

}  // namespace
}  // namespace ringhold::proxy
