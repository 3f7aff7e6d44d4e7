#include "proxy/proxy_stage.hpp"

namespace ringhold::proxy {
namespace {

TEST_F(Proxying, goes_to_the_next_address_on_silence_with_the_same_call_id_and_cseq_DIS20) {
  Hop two = hop("10.78.0.11");
  two.alternates = {{Protocol::sip, Transport::udp, {}, at("10.77.0.2"), at("10.78.0.12")}};
  start(request("MESSAGE"), {two});
  const std::string first = last_to("10.78.0.11");
  pass(31s);
  EXPECT_TRUE(to("10.78.0.12").empty());
  pass(2s);
  const std::string second = last_to("10.78.0.12");
  ASSERT_FALSE(second.empty());
  const auto a = *sip::Message::parse(first);
  const auto b = *sip::Message::parse(second);
  EXPECT_EQ(a.call_id(), b.call_id());
  EXPECT_EQ(a.cseq()->number, b.cseq()->number);
  EXPECT_NE(a.top_via()->branch, b.top_via()->branch);
  EXPECT_EQ(b.count(sip::Header::via), 2U);
  receive(answer(second, 200), "10.78.0.12");
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 200 "));
}

TEST_F(Proxying, goes_to_the_next_address_on_503_C1) {
  Hop two = hop("10.78.0.11");
  two.alternates = {{Protocol::sip, Transport::udp, {}, at("10.77.0.2"), at("10.78.0.12")}};
  start(request("INVITE"), {two});
  receive(answer(last_to("10.78.0.11"), 503), "10.78.0.11");
  EXPECT_TRUE(last_to("10.78.0.12").starts_with("INVITE "));
  EXPECT_TRUE(last_to("10.78.0.11").starts_with("ACK "));
  EXPECT_TRUE(last_to(caller).empty());
  receive(answer(last_to("10.78.0.12"), 503), "10.78.0.12");
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 500 "));  // RFC 3261 §16.7 step 6
}

TEST_F(Proxying, sends_no_408_to_a_non_invite_RFC4320) {
  start(request("MESSAGE"), {hop("10.77.0.12")});
  outbox_.clear();
  pass(3s);
  EXPECT_TRUE(to(caller).empty());
  pass(1s);
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 100 "));  // §4.1: once the caller's Timer E is at T2
  outbox_.clear();
  pass(27s);
  EXPECT_EQ(receive(request("MESSAGE"), caller), transaction::Disposition::absorbed);  // it is not sent on again
  pass(10s);
  for (const std::string& response : to(caller)) EXPECT_TRUE(response.starts_with("SIP/2.0 100 ")) << response;
  EXPECT_EQ(proxy_.size(), 0U);
  EXPECT_EQ(layer_.size(), 0U);
}

TEST_F(Proxying, answers_408_to_an_invite_that_nobody_answered_C1) {
  start(request("INVITE"), {hop("10.77.0.12")});
  outbox_.clear();
  pass(33s);
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 408 "));
  pass(70s);
  EXPECT_EQ(proxy_.size(), 0U);
  EXPECT_EQ(layer_.size(), 0U);
}

TEST_F(Proxying, cancels_only_after_a_provisional_RFC3261_9_1) {
  start(request("INVITE"), {hop("10.77.0.12")});
  const std::string invite = last_to("10.77.0.12");
  receive(request("CANCEL"), caller);
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 200 "));
  EXPECT_TRUE(to("10.77.0.12").empty());
  receive(answer(invite, 180), "10.77.0.12");
  EXPECT_TRUE(last_to("10.77.0.12").starts_with("CANCEL "));
  receive(answer(invite, 487), "10.77.0.12");
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 487 "));
}

TEST_F(Proxying, cancel_of_nothing_gets_481_C1) {
  receive(request("CANCEL"), caller);
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 481 "));
}

TEST_F(Proxying, gives_up_at_timer_c_and_cancels_what_rings_RFC3261_16_8) {
  start(request("INVITE"), {hop("10.77.0.12")});
  const std::string invite = last_to("10.77.0.12");
  receive(answer(invite, 180), "10.77.0.12");
  pass(184s);
  EXPECT_TRUE(to("10.77.0.12").empty());
  receive(answer(invite, 180), "10.77.0.12");  // resets the timer
  pass(184s);
  EXPECT_TRUE(to("10.77.0.12").empty());
  pass(2s);
  EXPECT_TRUE(last_to("10.77.0.12").starts_with("CANCEL "));
  receive(answer(invite, 487), "10.77.0.12");
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 487 "));
}

TEST_F(Proxying, a_6xx_cancels_the_others_and_wins_C1) {
  start(request("INVITE"), {hop("10.77.0.12"), hop("10.77.0.13")});
  const std::string first = last_to("10.77.0.12");
  const std::string second = last_to("10.77.0.13");
  receive(answer(second, 180), "10.77.0.13");
  receive(answer(first, 603), "10.77.0.12");
  EXPECT_TRUE(last_to("10.77.0.13").starts_with("CANCEL "));
  EXPECT_TRUE(last_to(caller).empty());
  receive(answer(second, 487), "10.77.0.13");
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 603 "));
}

TEST_F(Proxying, passes_every_2xx_of_a_forked_invite_RFC3261_16_7) {
  start(request("INVITE"), {hop("10.77.0.12"), hop("10.77.0.13")});
  const std::string first = last_to("10.77.0.12");
  const std::string second = last_to("10.77.0.13");
  receive(answer(first, 200), "10.77.0.12");
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 200 "));
  receive(answer(second, 200), "10.77.0.13");
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 200 "));
  receive(answer(first, 200), "10.77.0.12");  // retransmitted, because the ACK is late
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 200 "));
  pass(70s);
  EXPECT_EQ(proxy_.size(), 0U);
  EXPECT_EQ(layer_.size(), 0U);
}

TEST_F(Proxying, gathers_the_challenges_of_all_legs_C1) {
  start(request("INVITE"), {hop("10.77.0.12"), hop("10.77.0.13")});
  const std::string first = last_to("10.77.0.12");
  const std::string second = last_to("10.77.0.13");
  receive(answer(first, 401, "WWW-Authenticate: Digest realm=\"a\"\r\n"), "10.77.0.12");
  receive(answer(second, 407, "Proxy-Authenticate: Digest realm=\"b\"\r\n"), "10.77.0.13");
  const std::string final = last_to(caller);
  EXPECT_NE(final.find("WWW-Authenticate: Digest realm=\"a\"\r\n"), std::string::npos) << final;
  EXPECT_NE(final.find("Proxy-Authenticate: Digest realm=\"b\"\r\n"), std::string::npos) << final;
}

TEST_F(Proxying, refuses_a_request_that_comes_back_unchanged_with_482_C1) {
  start(request("MESSAGE"), {hop("10.77.0.12")});
  std::string looped = last_to("10.77.0.12");
  looped.replace(looped.find("sip:bob@10.77.0.12"), 18, "sip:bob@example.test");
  EXPECT_EQ(status_of(looped), 482);
  // A spiral (another Request-URI) is no loop (RFC 5393).
  looped.replace(looped.find("sip:bob@example.test"), 20, "sip:eve@example.test");
  EXPECT_EQ(status_of(looped), 0);
}

TEST_F(Proxying, refuses_what_it_may_not_forward_C1) {
  EXPECT_EQ(status_of(request("MESSAGE", "Proxy-Require: foo\r\n")), 420);
  EXPECT_EQ(status_of(request("MESSAGE", "", "soap.beep://x")), 416);
  std::string tired = request("MESSAGE");
  tired.replace(tired.find("70"), 2, "0");
  EXPECT_EQ(status_of(tired), 483);
  EXPECT_EQ(status_of(request("MESSAGE")), 0);
}

TEST_F(Proxying, record_routes_twice_between_transports_RFC5658) {
  start(request("INVITE"), {hop("10.77.0.12", Transport::tcp)});
  const std::string invite = last_to("10.77.0.12");
  EXPECT_NE(invite.find("Record-Route: <sip:10.77.0.2:5060;transport=tcp;lr>\r\nRecord-Route: <sip:10.77.0.2:5060;lr>\r\n"),
            std::string::npos)
      << invite;
  EXPECT_NE(invite.find("Via: SIP/2.0/TCP 10.77.0.2:5060;branch="), std::string::npos);
  start(request("MESSAGE", "", "sip:bob@example.test", "m1"), {hop("10.77.0.12")});
  EXPECT_EQ(last_to("10.77.0.12").find("Record-Route"), std::string::npos);
}

TEST_F(Proxying, takes_its_own_routes_away_and_keeps_the_rest_RFC3261_16_4) {
  const std::string bytes = request("MESSAGE", "Route: <sip:10.77.0.2;transport=tcp;lr>, <sip:10.77.0.2:5060;lr>, <sip:10.78.0.11;lr>\r\n");
  const auto way = start(bytes, {hop("10.78.0.11")});
  ASSERT_TRUE(way);
  EXPECT_EQ(way->own_routes, 2U);
  EXPECT_EQ(way->next_route, "sip:10.78.0.11;lr");
  EXPECT_NE(last_to("10.78.0.11").find("\r\nRoute: <sip:10.78.0.11;lr>\r\n"), std::string::npos) << last_to("10.78.0.11");
}

TEST_F(Proxying, undoes_a_strict_router_RFC3261_16_4) {
  const std::string bytes = request("BYE", "Route: <sip:bob@10.77.0.12>\r\n", "sip:10.77.0.2:5060;lr");
  const auto way = proxy_.preprocess(*sip::Message::parse(bytes));
  ASSERT_TRUE(way);
  EXPECT_EQ(way->request_uri(), "sip:bob@10.77.0.12");
  EXPECT_TRUE(way->next_route.empty());
  Hop to_target = hop("10.77.0.12");
  to_target.request_uri.clear();
  start(bytes, {to_target});
  EXPECT_TRUE(last_to("10.77.0.12").starts_with("BYE sip:bob@10.77.0.12 SIP/2.0\r\n")) << last_to("10.77.0.12");
  EXPECT_EQ(last_to("10.77.0.12").find("Route:"), std::string::npos);
}

TEST_F(Proxying, answers_a_retransmission_without_forwarding_it_again_C1) {
  const std::string bytes = request("INVITE");
  start(bytes, {hop("10.77.0.12")});
  receive(bytes, caller);
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 100 "));
  EXPECT_TRUE(to("10.77.0.12").empty());
}

}  // namespace
}  // namespace ringhold::proxy
