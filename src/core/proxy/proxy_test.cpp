#include "proxy/proxy.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ringhold::proxy {
namespace {

using transaction::Disposition;

Endpoint at(std::string_view text) { return *Endpoint::parse(text, Port{5060}); }

/// A proxy with its transaction layer, a caller, and callees that are addresses.
class Proxying : public ::testing::Test {
 protected:
  static Settings settings() {
    Settings settings;
    settings.identity = {{"example.test"}, {*Target::parse("udp:10.77.0.2:5060"), *Target::parse("tcp:10.77.0.2:5060")}};
    return settings;
  }
  static Hop hop(std::string_view to, Transport transport = Transport::udp) {
    Hop hop;
    hop.request_uri = "sip:bob@" + std::string{to};
    hop.destination = {Protocol::sip, transport, {}, at("10.77.0.2"), at(to)};
    return hop;
  }
  static std::string request(std::string_view method, std::string_view more = "", std::string_view uri = "sip:bob@example.test",
                             std::string_view branch = "c1") {
    std::string text = std::string{method} + " " + std::string{uri} + " SIP/2.0\r\nVia: SIP/2.0/UDP 10.77.0.11;branch=z9hG4bK" +
                       std::string{branch} + "\r\nMax-Forwards: 70\r\n" + std::string{more} +
                       "From: <sip:alice@example.test>;tag=a\r\nTo: <sip:bob@example.test>\r\nCall-ID: c\r\nCSeq: 1 " +
                       std::string{method} + "\r\nContent-Length: 0\r\n\r\n";
    return text;
  }
  Packet packet(const std::string& bytes, std::string_view from) const {
    return {Protocol::sip, Transport::udp, FlowId{1}, at("10.77.0.2"), at(from), bytes};
  }
  std::expected<Preprocessed, Refusal> start(const std::string& bytes, const std::vector<Hop>& hops) {
    outbox_.clear();
    const auto message = *sip::Message::parse(bytes);
    const Packet from = packet(bytes, "10.77.0.11");
    EXPECT_EQ(layer_.receive(message, from, now_, outbox_).disposition, Disposition::new_request);
    const auto way = proxy_.preprocess(message);
    if (way) proxy_.forward(message, from, *way, hops, layer_, now_, outbox_);
    return way;
  }
  void receive(const std::string& bytes, std::string_view from) {
    outbox_.clear();
    const auto message = *sip::Message::parse(bytes);
    const Packet got = packet(bytes, from);
    const auto received = layer_.receive(message, got, now_, outbox_);
    if (received.disposition == Disposition::response) proxy_.on_response(message, received, layer_, now_, outbox_);
    if (received.disposition == Disposition::cancel) proxy_.cancel(message, got, received, layer_, now_, outbox_);
  }
  void pass(Duration duration) {
    const Instant until = now_ + duration;
    for (;;) {
      auto next = layer_.next_expiry();
      if (proxy_.next_expiry() && (!next || *proxy_.next_expiry() < *next)) next = proxy_.next_expiry();
      if (!next || *next > until) break;
      now_ = std::max(now_, *next);
      for (const auto& failure : layer_.expire(now_, outbox_)) proxy_.on_failure(failure, layer_, now_, outbox_);
      proxy_.expire(layer_, now_, outbox_);
    }
    now_ = until;
  }
  std::vector<std::string> to(std::string_view address) const {
    std::vector<std::string> found;
    for (const auto& send : outbox_.sends())
      if (send.destination.remote == at(address)) found.emplace_back(outbox_.message(send));
    return found;
  }
  std::string last_to(std::string_view address) const {
    const auto found = to(address);
    return found.empty() ? std::string{} : found.back();
  }
  static std::string answer(const std::string& received, int status, std::string_view more = "") {
    const auto message = *sip::Message::parse(received);
    std::string text = "SIP/2.0 " + std::to_string(status) + " X\r\n" + std::string{more};
    for (const auto& line : message.lines())
      if (line.header == sip::Header::via || line.header == sip::Header::from || line.header == sip::Header::call_id ||
          line.header == sip::Header::cseq)
        text += line.line;
    return text + "To: " + std::string{message.value(sip::Header::to)} + ";tag=t\r\nContent-Length: 0\r\n\r\n";
  }

  SeededRandom random_{1};
  Instant now_ = from_unix_ms(1'790'000'000'000);
  Outbox outbox_;
  transaction::Layer layer_{transaction::Timers{}, 1000};
  Proxy proxy_{settings(), random_};
};

constexpr std::string_view caller = "10.77.0.11";

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
  pass(40s);
  EXPECT_TRUE(to(caller).empty());
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
  const auto way = proxy_.preprocess(*sip::Message::parse(looped));
  ASSERT_FALSE(way);
  EXPECT_EQ(way.error().status, 482);
  // A spiral (another Request-URI) is no loop (RFC 5393).
  looped.replace(looped.find("sip:bob@example.test"), 20, "sip:eve@example.test");
  EXPECT_TRUE(proxy_.preprocess(*sip::Message::parse(looped)));
}

TEST_F(Proxying, refuses_what_it_may_not_forward_C1) {
  const auto status = [&](const std::string& bytes) {
    const auto way = proxy_.preprocess(*sip::Message::parse(bytes));
    return way ? 0 : way.error().status;
  };
  EXPECT_EQ(status(request("MESSAGE", "Proxy-Require: foo\r\n")), 420);
  EXPECT_EQ(status(request("MESSAGE", "", "soap.beep://x")), 416);
  std::string tired = request("MESSAGE");
  tired.replace(tired.find("70"), 2, "0");
  EXPECT_EQ(status(tired), 483);
  EXPECT_EQ(status(request("MESSAGE")), 0);
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
  EXPECT_EQ(way->request_uri, "sip:bob@10.77.0.12");
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
