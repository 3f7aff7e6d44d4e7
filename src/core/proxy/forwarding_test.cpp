#include "base/hash.hpp"
#include "proxy/proxy_stage.hpp"

namespace ringhold::proxy {
namespace {

/// RFC 3261 §16.3 to §16.6: what leaves.
class ForwardedRequest : public Proxying {
 protected:
  std::string forwarded(const std::string& bytes, const std::vector<Hop>& hops) {
    start(bytes, hops);
    return last_to("10.77.0.12");
  }
  static Hop hop_as_received() {
    Hop to = hop("10.77.0.12");
    to.request_uri.clear();
    return to;
  }
  static bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
};

TEST_F(ForwardedRequest, looks_for_a_loop_before_unknown_extensions_RFC3261_16_3) {
  std::string looped = forwarded(request("MESSAGE", "Proxy-Require: foo\r\n"), {});
  looped = forwarded(request("MESSAGE"), {hop_as_received()});
  EXPECT_EQ(status_of(looped), 482);
  looped.replace(looped.find("Max-Forwards: 69"), 16, "Max-Forwards: 0");
  EXPECT_EQ(status_of(looped), 483);
}

/// What goes before a step of "xor with a hash of the text, multiply, fold", which was how tags were made.
std::uint64_t step_back(std::uint64_t after, std::string_view text) {
  std::uint64_t product = after ^ (after >> 29U) ^ (after >> 58U);
  std::uint64_t inverse = 1;
  for (int i = 0; i < 6; ++i) inverse *= 2 - 0x9e3779b97f4a7c15U * inverse;
  return product * inverse ^ quick_hash(text);
}

// Whoever sees a To tag may send another request; with the secret he could make flow tokens, and have us send anywhere.
TEST(ToTag, gives_the_secret_of_flow_tokens_to_nobody_RFC5626_5_2_X1) {
  SeededRandom random{1};
  const Team team{0, 2, 0x1234'5678'9abc'def0U};
  Identity identity;
  identity.listeners = {*Target::parse("udp:10.77.0.2:5060")};
  const Forwarding forwarding{identity, team, random};
  const std::string bytes =
      "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:a@h>;tag=f\r\nTo: <sip:b@h>\r\nCall-ID: c\r\n"
      "CSeq: 1 OPTIONS\r\n\r\n";
  const auto request = *sip::Message::parse(bytes);
  std::string out;
  forwarding.write_refusal(request, *Endpoint::parse("10.77.0.11:5060", Port{}), {404, {}, {}}, out);
  const std::string tag{sip::Message::parse(out)->to_tag()};
  ASSERT_EQ(tag.size(), 13U) << out;
  std::uint64_t number = 0;
  for (auto digit = tag.rbegin(); digit != tag.rend(); ++digit)
    number = number << 5U | (*digit <= '9' ? static_cast<std::uint64_t>(*digit - '0') : static_cast<std::uint64_t>(*digit - 'a' + 10));
  EXPECT_NE(step_back(step_back(step_back(number, "<sip:b@h>"), "f"), "c"), team.secret);
}

TEST_F(ForwardedRequest, names_every_extension_it_does_not_know_RFC3261_16_3) {
  const std::string bytes = request("MESSAGE", "Proxy-Require: foo\r\nProxy-Require: bar\r\n");
  const auto message = *sip::Message::parse(bytes);
  const auto refusal = proxy_.may_not_forward(message, *proxy_.preprocess(message));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->status, 420);
  EXPECT_EQ(refusal->headers, "Unsupported: foo, bar\r\n");
  EXPECT_EQ(status_of(request("ACK", "Proxy-Require: foo\r\n")), 0);
}

TEST_F(ForwardedRequest, a_try_at_the_next_address_is_recognised_as_a_loop_too_RFC5393) {
  Hop two = hop("10.77.0.12");
  two.alternates = {hop("10.77.0.13").destination};
  start(request("MESSAGE"), {two});
  unreachable("10.77.0.12", Transport::udp);
  std::string looped = last_to("10.77.0.13");
  ASSERT_FALSE(looped.empty());
  looped.replace(looped.find("sip:bob@10.77.0.12"), 18, "sip:bob@example.test");
  EXPECT_EQ(status_of(looped), 482);
}

TEST_F(ForwardedRequest, a_maddr_that_names_us_did_its_work_RFC3261_16_4) {
  const std::string message =
      forwarded(request("MESSAGE", "", "sip:bob@example.test:5099;maddr=10.77.0.2;transport=udp;x=y"), {hop_as_received()});
  EXPECT_TRUE(message.starts_with("MESSAGE sip:bob@example.test;x=y SIP/2.0\r\n")) << message;
}

TEST_F(ForwardedRequest, a_maddr_of_another_is_not_ours_to_look_up_RFC3261_16_5) {
  const Identity identity = settings().identity;
  EXPECT_FALSE(identity.is_ours(*sip::Uri::parse("sip:bob@example.test;maddr=10.77.0.50")));
  EXPECT_TRUE(identity.is_ours(*sip::Uri::parse("sip:bob@example.test;maddr=10.77.0.2")));
  const std::string message = forwarded(request("MESSAGE", "", "sip:bob@example.test;maddr=10.77.0.50"), {hop_as_received()});
  EXPECT_TRUE(message.starts_with("MESSAGE sip:bob@example.test;maddr=10.77.0.50 SIP/2.0\r\n")) << message;
}

TEST_F(ForwardedRequest, takes_from_a_contact_what_a_request_line_may_not_hold_RFC3261_16_6) {
  Hop to = hop("10.77.0.12");
  to.request_uri = "sip:bob@10.77.0.12;method=BYE;x=1?Route=%3Csip:evil%3E";
  EXPECT_TRUE(forwarded(request("MESSAGE"), {to}).starts_with("MESSAGE sip:bob@10.77.0.12;x=1 SIP/2.0\r\n"));
  to.request_uri = "sip:bo?b@10.77.0.12";  // a question mark of the user
  EXPECT_TRUE(forwarded(request("MESSAGE", "", "sip:bob@example.test", "c2"), {to}).starts_with("MESSAGE sip:bo?b@10.77.0.12 SIP"));
}

TEST_F(ForwardedRequest, a_strict_router_gets_its_uri_in_the_request_line_RFC3261_16_6) {
  const std::string message = forwarded(
      request("MESSAGE", "Route: <sip:10.77.0.2;lr>, <sip:strict@10.77.0.12>;x=y\r\nRoute: <sip:10.78.0.9;lr>\r\n"), {hop_as_received()});
  EXPECT_TRUE(message.starts_with("MESSAGE sip:strict@10.77.0.12 SIP/2.0\r\n")) << message;
  EXPECT_TRUE(has(message, "\r\nRoute: <sip:10.78.0.9;lr>, <sip:bob@example.test>\r\n")) << message;
  EXPECT_EQ(sip::Message::parse(message)->count(sip::Header::route), 1U);
}

TEST_F(ForwardedRequest, a_strict_router_in_the_path_of_a_binding_RFC3327) {
  Hop to = hop("10.77.0.12");
  to.route = "<sip:edge@10.77.0.12>, <sip:10.77.0.13;lr>";
  const std::string message = forwarded(request("MESSAGE"), {to});
  EXPECT_TRUE(message.starts_with("MESSAGE sip:edge@10.77.0.12 SIP/2.0\r\n")) << message;
  EXPECT_TRUE(has(message, "\r\nRoute: <sip:10.77.0.13;lr>, <sip:bob@10.77.0.12>\r\n")) << message;
  to.route = "<sip:10.77.0.12;lr>";
  const std::string loose = forwarded(request("MESSAGE", "", "sip:bob@example.test", "c2"), {to});
  EXPECT_TRUE(loose.starts_with("MESSAGE sip:bob@10.77.0.12 SIP/2.0\r\n")) << loose;
  EXPECT_TRUE(has(loose, "\r\nRoute: <sip:10.77.0.12;lr>\r\n")) << loose;
}

TEST_F(ForwardedRequest, undoes_a_strict_router_before_us_whose_routes_share_a_line_RFC3261_16_4) {
  const std::string bytes =
      request("BYE", "Route: <sip:10.77.0.2:5060;transport=tcp;lr>, <sip:bob@10.77.0.12>\r\n", "sip:10.77.0.2:5060;lr");
  const std::string message = forwarded(bytes, {hop_as_received()});
  EXPECT_TRUE(message.starts_with("BYE sip:bob@10.77.0.12 SIP/2.0\r\n")) << message;
  EXPECT_FALSE(has(message, "Route:")) << message;
}

TEST_F(ForwardedRequest, splits_max_breadth_among_its_forks_RFC5393) {
  start(request("MESSAGE", "Max-Breadth: 5\r\n"), {hop("10.77.0.12"), hop("10.77.0.13")});
  EXPECT_TRUE(has(last_to("10.77.0.12"), "Max-Breadth: 3\r\n")) << last_to("10.77.0.12");
  EXPECT_TRUE(has(last_to("10.77.0.13"), "Max-Breadth: 2\r\n"));
  start(request("MESSAGE", "", "sip:bob@example.test", "c2"), {hop("10.77.0.12")});
  EXPECT_TRUE(has(last_to("10.77.0.12"), "Max-Breadth: 60\r\n"));
}

TEST_F(ForwardedRequest, is_refused_with_440_when_its_breadth_does_not_suffice_RFC5393) {
  start(request("INVITE", "Max-Breadth: 1\r\n"), {hop("10.77.0.12"), hop("10.77.0.13")});
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 440 Max-Breadth Exceeded\r\n")) << last_to(caller);
  EXPECT_TRUE(to("10.77.0.12").empty());
  start(request("MESSAGE", "Max-Breadth: 0\r\n", "sip:bob@example.test", "c2"), {hop("10.77.0.12")});
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 440 "));
}

TEST_F(ForwardedRequest, goes_by_tcp_when_it_is_too_large_for_a_datagram_RFC3261_18_1_1) {
  Hop to = hop("10.77.0.12");
  const std::string large = request("INVITE", "X: " + std::string(1200, 'x') + "\r\n");
  const std::string invite = forwarded(large, {to});
  ASSERT_EQ(outbox_.sends().back().destination.transport, Transport::tcp);
  EXPECT_TRUE(has(invite, "Via: SIP/2.0/TCP 10.77.0.2:5060;branch="));
  EXPECT_TRUE(has(invite, "Record-Route: <sip:10.77.0.2:5060;transport=tcp;lr>\r\nRecord-Route: <sip:10.77.0.2:5060;lr>\r\n")) << invite;
  // Nobody listens there: UDP after all.
  unreachable("10.77.0.12", Transport::tcp);
  const std::string again = last_to("10.77.0.12");
  ASSERT_EQ(outbox_.sends().back().destination.transport, Transport::udp);
  EXPECT_TRUE(has(again, "Via: SIP/2.0/UDP 10.77.0.2:5060;branch="));
  EXPECT_FALSE(has(again, "transport=tcp")) << again;
  start(request("INVITE", "", "sip:bob@example.test", "c2"), {to});
  EXPECT_EQ(outbox_.sends().back().destination.transport, Transport::udp);  // a small one stays
}

TEST_F(ForwardedRequest, stays_a_datagram_where_the_target_has_nothing_else_RFC3261_18_1_1) {
  const auto transport = [&](std::string_view uri, const std::string& branch) {
    Hop to = hop("10.77.0.12");
    to.request_uri = uri;
    start(request("INVITE", "X: " + std::string(1200, 'x') + "\r\n", "sip:bob@example.test", branch), {to});
    return outbox_.sends().back().destination.transport;
  };
  EXPECT_EQ(transport("sip:bob@10.77.0.12", "c1"), Transport::tcp);
  EXPECT_EQ(transport("sip:bob@10.77.0.12;transport=udp", "c2"), Transport::udp);
  EXPECT_EQ(transport("sip:bob@192.168.1.2", "c3"), Transport::udp);  // behind a NAT
}

TEST_F(ForwardedRequest, prefers_the_streams_among_several_addresses_when_large_RFC3261_18_1_1) {
  Hop to = hop("10.78.0.11");
  to.request_uri.clear();  // to the domain, whose servers SRV names
  to.alternates = {hop("10.78.0.12").destination, hop("10.78.0.12", Transport::tcp).destination};
  start(request("INVITE", "X: " + std::string(1200, 'x') + "\r\n"), {to});
  const auto where = outbox_.sends().back().destination;
  EXPECT_EQ(where.transport, Transport::tcp);
  EXPECT_EQ(where.remote, at("10.78.0.12"));
}

TEST_F(ForwardedRequest, has_a_content_length_and_nothing_behind_the_body_RFC3261_18_3) {
  std::string bytes = request("MESSAGE");
  bytes.replace(bytes.find("Content-Length: 0"), 17, "Content-Length: 2");
  EXPECT_TRUE(forwarded(bytes + "hi\r\ntrailing", {hop("10.77.0.12", Transport::tcp)}).ends_with("\r\n\r\nhi"));
  std::string without = request("MESSAGE", "", "sip:bob@example.test", "c2");
  without.erase(without.find("Content-Length: 0\r\n"), 19);
  EXPECT_TRUE(forwarded(without + "hello", {hop("10.77.0.12", Transport::tcp)}).ends_with("Content-Length: 5\r\n\r\nhello"));
}

TEST_F(ForwardedRequest, keeps_sips_in_record_route_on_tls_only_RFC3261_16_6) {
  Settings with_tls = settings();
  with_tls.identity.listeners.push_back(*Target::parse("tls:10.77.0.2:5061"));
  with_tls.identity.listeners.push_back(*Target::parse("wss:10.77.0.2:443"));
  proxy_ = Proxy{with_tls, random_};
  Hop to = hop("10.77.0.12", Transport::tls);
  to.destination.local = *Endpoint::parse("10.77.0.2:5061", Port{});
  to.request_uri = "sips:bob@10.77.0.12";
  EXPECT_TRUE(has(forwarded(request("INVITE"), {to}), "Record-Route: <sips:10.77.0.2:5061;lr>\r\n"));
  Hop browser = to;
  browser.destination.transport = Transport::wss;
  browser.destination.local = *Endpoint::parse("10.77.0.2:443", Port{});
  EXPECT_TRUE(has(forwarded(request("INVITE", "", "sip:bob@example.test", "c3"), {browser}),
                  "Record-Route: <sips:10.77.0.2:443;transport=ws;lr>\r\n"));  // RFC 7118 §5.2.2
  to.request_uri = "sip:bob@10.77.0.12;transport=tls";
  EXPECT_TRUE(has(forwarded(request("INVITE", "", "sip:bob@example.test", "c2"), {to}),
                  "Record-Route: <sip:10.77.0.2:5061;transport=tls;lr>\r\nRecord-Route: <sip:10.77.0.2:5060;lr>\r\n"));
}

TEST_F(ForwardedRequest, goes_over_tls_only_when_it_asks_for_sips_RFC5630) {
  start(request("INVITE", "", "sips:bob@example.test"), {hop("10.77.0.12"), hop("10.77.0.13", Transport::tls)});
  EXPECT_TRUE(to("10.77.0.12").empty());
  EXPECT_TRUE(last_to("10.77.0.13").starts_with("INVITE "));
  start(request("INVITE", "", "sips:bob@example.test", "c2"), {hop("10.77.0.12")});
  EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 480 ")) << last_to(caller);
  EXPECT_TRUE(has(last_to(caller), "Warning: 380 ringhold \"SIPS Not Allowed\"\r\n"));
}

TEST_F(ForwardedRequest, record_routes_twice_between_address_families_RFC5658) {
  Settings both = settings();
  both.identity.listeners = {*Target::parse("udp:10.77.0.2:5060"), *Target::parse("udp:[2001:db8::2]:5060")};
  proxy_ = Proxy{both, random_};
  Hop to = hop("10.77.0.12");
  to.request_uri = "sip:bob@[2001:db8::12]";
  to.destination.local = *Endpoint::parse("[2001:db8::2]:5060", Port{});
  to.destination.remote = *Endpoint::parse("[2001:db8::12]:5060", Port{});
  start(request("INVITE"), {to});
  const std::string invite{outbox_.message(outbox_.sends().back())};
  EXPECT_TRUE(has(invite, "Record-Route: <sip:[2001:db8::2]:5060;lr>\r\nRecord-Route: <sip:10.77.0.2:5060;lr>\r\n")) << invite;
  EXPECT_TRUE(has(invite, "Via: SIP/2.0/UDP [2001:db8::2]:5060;branch="));
}

TEST_F(ForwardedRequest, passes_methods_it_has_never_heard_of_C7) {
  for (const std::string method : {"REFER", "SUBSCRIBE", "NOTIFY", "INFO", "UPDATE", "PRACK", "MESSAGE", "PUBLISH", "TELEPORT"}) {
    const std::string message = forwarded(request(method, "", "sip:bob@example.test", method), {hop("10.77.0.12")});
    EXPECT_TRUE(message.starts_with(method + " sip:bob@10.77.0.12 SIP/2.0\r\n")) << message;
    receive(answer(message, 202), "10.77.0.12");
    EXPECT_TRUE(last_to(caller).starts_with("SIP/2.0 202 ")) << method;
  }
}

}  // namespace
}  // namespace ringhold::proxy
