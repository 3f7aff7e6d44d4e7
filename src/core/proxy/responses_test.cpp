#include "proxy/proxy_stage.hpp"

namespace ringhold::proxy {
namespace {

/// RFC 3261 §16.7 to §16.10: what comes back.
class ForwardedResponse : public Proxying {
 protected:
  void fork(std::string_view method = "INVITE") {
    start(request(method), {hop("10.77.0.12"), hop("10.77.0.13")});
    first_ = last_to("10.77.0.12");
    second_ = last_to("10.77.0.13");
  }
  static bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
  std::string first_, second_;
};

TEST_F(ForwardedResponse, no_provisional_but_100_goes_to_a_non_invite_RFC4320) {
  start(request("MESSAGE"), {hop("10.77.0.12")});
  const std::string message = last_to("10.77.0.12");
  receive(answer(message, 183), "10.77.0.12");
  EXPECT_TRUE(to(caller).empty());
  pass(4s);
  ASSERT_EQ(to(caller).size(), 1U);
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 100 "));
  receive(answer(message, 200), "10.77.0.12");
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 200 "));
}

TEST_F(ForwardedResponse, no_100_follows_a_final_response_RFC4320) {
  start(request("MESSAGE"), {hop("10.77.0.12")});
  receive(answer(last_to("10.77.0.12"), 200), "10.77.0.12");
  outbox_.clear();
  pass(10s);
  EXPECT_TRUE(to(caller).empty());
}

TEST_F(ForwardedResponse, a_408_from_behind_does_not_reach_a_non_invite_nor_start_it_again_RFC4320) {
  start(request("MESSAGE"), {hop("10.77.0.12")});
  receive(answer(last_to("10.77.0.12"), 408), "10.77.0.12");
  EXPECT_TRUE(to(caller).empty());
  EXPECT_EQ(receive(request("MESSAGE"), caller), transaction::Disposition::absorbed);
  pass(33s);
  EXPECT_EQ(proxy_.size(), 0U);
  EXPECT_EQ(layer_.size(), 0U);
}

TEST_F(ForwardedResponse, a_100_carries_the_timestamp_RFC3261_8_2_6_1) {
  start(request("INVITE", "Timestamp: 54\r\n"), {hop("10.77.0.12")});
  EXPECT_TRUE(has(last_to(caller), "\r\nTimestamp: 54\r\n")) << last_to(caller);
}

TEST_F(ForwardedResponse, without_a_second_via_it_is_not_forwarded_RFC3261_16_7) {
  start(request("INVITE"), {hop("10.77.0.12")});
  std::string broken = answer(last_to("10.77.0.12"), 486);
  const auto second = broken.rfind("Via:");
  broken.erase(second, broken.find("\r\n", second) + 2 - second);
  receive(broken, "10.77.0.12");
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 502 ")) << last_to(caller);
}

TEST_F(ForwardedResponse, each_leg_has_its_own_timer_c_RFC3261_16_8) {
  fork();
  receive(answer(first_, 180), "10.77.0.12");
  receive(answer(second_, 180), "10.77.0.13");
  pass(100s);
  receive(answer(first_, 180), "10.77.0.12");
  outbox_.clear();
  pass(90s);  // 190 s since the second leg rang
  EXPECT_TRUE(last_to("10.77.0.13").starts_with("CANCEL "));
  EXPECT_TRUE(to("10.77.0.12").empty());
  receive(answer(second_, 487), "10.77.0.13");
  EXPECT_TRUE(to(caller).empty());
  receive(answer(first_, 200), "10.77.0.12");
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 200 "));
}

TEST_F(ForwardedResponse, a_phone_that_ignores_its_cancel_counts_as_408_RFC3261_9_1) {
  fork();
  receive(answer(first_, 180), "10.77.0.12");
  receive(answer(second_, 486), "10.77.0.13");
  pass(186s);
  EXPECT_TRUE(last_to("10.77.0.12").starts_with("CANCEL "));
  outbox_.clear();
  pass(33s);
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 486 ")) << last_to(caller);
}

TEST_F(ForwardedResponse, tells_the_ringing_phones_why_the_caller_hung_up_RFC3326) {
  start(request("INVITE"), {hop("10.77.0.12")});
  receive(answer(last_to("10.77.0.12"), 180), "10.77.0.12");
  receive(request("CANCEL", "Reason: SIP;cause=200;text=\"elsewhere\"\r\nReason: Q.850;cause=26\r\n"), caller);
  const std::string cancel = last_to("10.77.0.12");
  EXPECT_TRUE(cancel.starts_with("CANCEL ")) << cancel;
  EXPECT_TRUE(has(cancel, "Reason: SIP;cause=200;text=\"elsewhere\"\r\nReason: Q.850;cause=26\r\n")) << cancel;
}

TEST_F(ForwardedResponse, tells_the_others_of_a_6xx_RFC3326) {
  fork();
  receive(answer(second_, 180), "10.77.0.13");
  receive(answer(first_, 603), "10.77.0.12");
  EXPECT_TRUE(has(last_to("10.77.0.13"), "Reason: SIP;cause=603;text=\"Decline\"\r\n")) << last_to("10.77.0.13");
}

TEST_F(ForwardedResponse, a_2xx_that_crosses_a_6xx_wins_RFC3261_16_7) {
  fork();
  receive(answer(second_, 180), "10.77.0.13");
  receive(answer(first_, 603), "10.77.0.12");
  receive(answer(second_, 200), "10.77.0.13");
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 200 "));
}

TEST_F(ForwardedResponse, who_was_cancelled_by_the_caller_and_never_answered_is_487_RFC3261_16_10) {
  start(request("INVITE"), {hop("10.77.0.12")});
  receive(request("CANCEL"), caller);
  unreachable("10.77.0.12", Transport::udp);
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 487 ")) << last_to(caller);
}

TEST_F(ForwardedResponse, a_dead_contact_holds_up_no_answer_of_the_others_C5) {
  fork();
  receive(answer(second_, 180), "10.77.0.13");
  pass(6s);
  receive(answer(second_, 486), "10.77.0.13");
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 486 "));
  EXPECT_TRUE(noted("target_failed"));
  // It wakes up late: it must not ring on.
  receive(answer(first_, 180), "10.77.0.12");
  EXPECT_TRUE(to(caller).empty());
  EXPECT_TRUE(last_to("10.77.0.12").starts_with("CANCEL ")) << last_to("10.77.0.12");
  receive(answer(first_, 487), "10.77.0.12");
  EXPECT_EQ(proxy_.size(), 0U);
}

TEST_F(ForwardedResponse, a_contact_has_four_seconds_to_show_life_C5) {
  fork();
  receive(answer(second_, 486), "10.77.0.13");
  EXPECT_TRUE(to(caller).empty());
  pass(3s);
  EXPECT_TRUE(to(caller).empty());
  pass(2s);
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 486 "));
  EXPECT_TRUE(noted("target_failed"));
  pass(40s);
  EXPECT_EQ(proxy_.size(), 0U);
}

TEST_F(ForwardedResponse, a_contact_that_rings_is_waited_for_C5) {
  fork();
  receive(answer(first_, 180), "10.77.0.12");
  receive(answer(second_, 486), "10.77.0.13");
  pass(60s);
  EXPECT_TRUE(to(caller).empty());
  receive(answer(first_, 200), "10.77.0.12");
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 200 "));
}

TEST_F(ForwardedResponse, a_contact_that_cannot_be_reached_is_skipped_and_logged_C5) {
  fork();
  unreachable("10.77.0.12", Transport::udp);
  EXPECT_TRUE(noted("target_failed"));
  EXPECT_TRUE(to(caller).empty());
  receive(answer(second_, 180), "10.77.0.13");
  receive(answer(second_, 200), "10.77.0.13");
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 200 "));
}

TEST_F(ForwardedResponse, says_which_dialog_a_2xx_made_and_for_how_long_C6) {
  start(request("INVITE"), {hop("10.77.0.12")});
  receive(answer(last_to("10.77.0.12"), 200, "Session-Expires: 1800 ;refresher=uac\r\n"), "10.77.0.12");
  EXPECT_EQ(outcome_.to_tag, "t");
  EXPECT_EQ(outcome_.from_tag, "a");
  EXPECT_EQ(outcome_.session_expires, 1800U);
  start(request("UPDATE", "", "sip:bob@example.test", "c2"), {hop("10.77.0.12")});
  receive(answer(last_to("10.77.0.12"), 200, "x: 90\r\n"), "10.77.0.12");
  EXPECT_EQ(outcome_.method, sip::Method::update);
  EXPECT_EQ(outcome_.session_expires, 90U);
}

/// RFC 3261 §22.3, where the proxy has the credentials.
class ChallengedLeg : public Proxying {
 protected:
  void challenge(const std::string& sent, std::string_view credentials = "Proxy-Authorization: Digest username=\"a\", realm=\"r\"\r\n") {
    outbox_.clear();
    const std::string bytes = answer(sent, 407, "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
    const auto message = *sip::Message::parse(bytes);
    const auto received = layer_.receive(message, packet(bytes, "10.77.0.12"), now_, outbox_);
    const auto pending = proxy_.pending(received.owner, layer_);
    challenges_ = pending ? pending->challenges : 99;
    outcome_ = proxy_.on_challenge(message, received, credentials, layer_, now_, outbox_);
  }
  static std::string top_branch(const std::string& bytes) { return std::string{sip::Message::parse(bytes)->top_via()->branch}; }
  unsigned challenges_ = 0;
};

TEST_F(ChallengedLeg, goes_again_in_a_new_transaction_and_the_sender_hears_nothing) {
  start(request("INVITE"), {hop("10.77.0.12")});
  const std::string first = last_to("10.77.0.12");
  challenge(first);
  EXPECT_EQ(challenges_, 0U);
  EXPECT_TRUE(to(caller).empty());
  ASSERT_EQ(to("10.77.0.12").size(), 2U);
  EXPECT_TRUE(to("10.77.0.12")[0].starts_with("ACK "));
  const std::string second = last_to("10.77.0.12");
  EXPECT_NE(top_branch(first), top_branch(second));
  EXPECT_NE(second.find("\r\nProxy-Authorization: Digest username=\"a\", realm=\"r\"\r\n"), std::string::npos) << second;
  EXPECT_NE(second.find("CSeq: 1 INVITE"), std::string::npos);
  receive(answer(second, 200), "10.77.0.12");
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 200 "));
  // The 407 of the first transaction again: nobody but the layer is interested.
  challenge(first);
  EXPECT_TRUE(to(caller).empty());
}

TEST_F(ChallengedLeg, is_counted_and_the_last_challenge_goes_up) {
  start(request("MESSAGE"), {hop("10.77.0.12")});
  challenge(last_to("10.77.0.12"));
  challenge(last_to("10.77.0.12"));
  EXPECT_EQ(challenges_, 1U);
  receive(answer(last_to("10.77.0.12"), 407, "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"), "10.77.0.12");
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 407 "));
  pass(40s);
  EXPECT_EQ(proxy_.size(), 0U);
}

TEST_F(ChallengedLeg, is_not_tried_again_once_the_caller_has_hung_up) {
  start(request("INVITE"), {hop("10.77.0.12")});
  const std::string invite = last_to("10.77.0.12");
  receive(request("CANCEL"), caller);
  challenge(invite);
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 487 ")) << last_to(caller);
}

TEST_F(ChallengedLeg, replaces_what_the_sender_has_for_the_same_realm_only) {
  const std::string own =
      "Proxy-Authorization: Digest username=\"x\", realm=\"r\", nonce=\"1,2\"\r\nProxy-Authorization: Digest realm=\"other\", "
      "username=\"y\"\r\n"
      "Authorization: Digest username=\"z\", realm=\"r\"\r\n";
  start(request("INVITE", own), {hop("10.77.0.12")});
  challenge(last_to("10.77.0.12"));
  const std::string second = last_to("10.77.0.12");
  EXPECT_EQ(second.find("\"x\""), std::string::npos) << second;
  for (const char* kept : {"\"y\"", "\"z\"", "username=\"a\""}) EXPECT_NE(second.find(kept), std::string::npos) << second;
}

TEST_F(ChallengedLeg, carries_credentials_from_the_start_where_they_are_known) {
  Hop known = hop("10.77.0.12");
  known.credentials = "Proxy-Authorization: Digest username=\"a\", realm=\"r\"\r\n";
  start(request("MESSAGE", "Proxy-Authorization: Digest username=\"x\", realm=\"r\"\r\n"), {known});
  EXPECT_NE(last_to("10.77.0.12").find("username=\"a\""), std::string::npos);
  EXPECT_EQ(last_to("10.77.0.12").find("username=\"x\""), std::string::npos);
}

}  // namespace
}  // namespace ringhold::proxy
