#include <gtest/gtest.h>

#include <string>

#include "branch_device/branch_device.hpp"
#include "sip/message.hpp"

namespace ringhold::branch_device {
namespace {

constexpr std::string_view instance = ";+sip.instance=\"<urn:uuid:1>\"";

/// A branch that has lost its central site, and phones over UDP, TCP and TLS.
class Reach : public ::testing::Test {
 protected:
  Reach() {
    device_.start(now_, outbox_);
    for (int second = 0; second < 30; ++second) device_.expire(now_ += 1s, outbox_);
  }
  static Settings settings() {
    Settings settings;
    settings.branch.domain = "example.test";
    settings.branch.name = "ringhold.example.test";
    settings.branch.addresses = {*Address::parse("10.77.0.2")};
    settings.branch.networks = {*Network::parse("10.77.0.0/24")};
    settings.sip.listen = {*Target::parse("udp:10.77.0.2:5060"), *Target::parse("tcp:10.77.0.2:5060"),
                           *Target::parse("tls:10.77.0.2:5061")};
    settings.central.servers = {*Target::parse("udp:10.78.0.11:5060")};
    return settings;
  }
  struct Phone {
    std::string source;
    Transport transport = Transport::udp;
    FlowId flow = {};
  };
  void send(const Phone& phone, const std::string& start, const std::string& more) {
    outbox_.clear();
    ++number_;
    const std::string method = start.substr(0, start.find(' '));
    const std::string bytes = start + " SIP/2.0\r\nVia: SIP/2.0/" + std::string{via_name(phone.transport)} + " " + phone.source +
                              ";branch=z9hG4bK" + std::to_string(number_) + "\r\nMax-Forwards: 70\r\nCall-ID: c" + phone.source +
                              "\r\nCSeq: " + std::to_string(number_) + " " + method + "\r\n" + more + "Content-Length: 0\r\n\r\n";
    const Port port{static_cast<std::uint16_t>(is_secure(phone.transport) ? 5061 : 5060)};
    device_.receive(
        {Protocol::sip, phone.transport, phone.flow, {*Address::parse("10.77.0.2"), port}, *Endpoint::parse(phone.source, Port{}), bytes},
        now_, outbox_);
  }
  void register_phone(const Phone& phone, const std::string& contact, const std::string& user = "alice") {
    send(phone, "REGISTER sip:example.test",
         "From: <sip:" + user + "@example.test>;tag=f\r\nTo: <sip:" + user +
             "@example.test>\r\nExpires: 90\r\nSupported: outbound, gruu\r\nContact: " + contact + "\r\n");
    ASSERT_EQ(sip::Message::parse(outbox_.message(outbox_.sends().back()))->status(), 200);
  }
  /// Where a MESSAGE to `uri` goes, and the Request-URIs with which it does.
  std::vector<std::string> message(const std::string& uri) {
    send({"10.77.0.99:5060", Transport::udp, FlowId{}}, "MESSAGE " + uri,
         "From: <sip:bob@example.test>;tag=g\r\nTo: <sip:alice@example.test>\r\n");
    std::vector<std::string> went;
    for (const auto& one : outbox_.sends()) {
      const auto parsed = sip::Message::parse(outbox_.message(one));
      const std::string way = one.destination.remote.text() + "/" + std::to_string(one.destination.flow.number);
      went.push_back(parsed->is_request() ? std::string{parsed->request_uri()} + " " + way : std::to_string(parsed->status()));
    }
    return went;
  }
  void close(FlowId flow, Transport transport = Transport::tcp) {
    device_.connection_changed({Protocol::sip, transport, flow, {}, FlowState::closed}, now_, outbox_);
  }

  SeededRandom random_{42};
  Instant now_ = from_unix_ms(1'790'000'000'000);
  Outbox outbox_;
  BranchDevice device_{settings(), random_};
  int number_ = 0;
};

using Ways = std::vector<std::string>;

TEST_F(Reach, a_gruu_leads_to_one_phone_in_a_dialog_too_RFC5627_6) {
  register_phone({"10.77.0.11:5060"}, "<sip:alice@10.77.0.11:5060>" + std::string{instance});
  register_phone({"10.77.0.12:5060"}, "<sip:alice@10.77.0.12:5060>;+sip.instance=\"<urn:uuid:2>\"");
  EXPECT_EQ(message("sip:alice@example.test").size(), 2U);
  EXPECT_EQ(message("sip:alice@example.test;gr=urn:uuid:2"), Ways{"sip:alice@10.77.0.12:5060 10.77.0.12:5060/0"});
  EXPECT_EQ(message("sip:alice@example.test;gr=urn:uuid:9"), Ways{"480"});
  EXPECT_EQ(message("sip:tgruu.abc@example.test;gr"), Ways{"404"});
  send({"10.77.0.99:5060"}, "BYE sip:alice@example.test;gr=urn:uuid:1",
       "From: <sip:bob@example.test>;tag=g\r\nTo: <sip:alice@example.test>;tag=h\r\nRoute: <sip:10.77.0.2;lr>\r\n");
  ASSERT_EQ(outbox_.sends().size(), 1U);
  EXPECT_TRUE(outbox_.message(outbox_.sends()[0]).starts_with("BYE sip:alice@10.77.0.11:5060 "));
}

TEST_F(Reach, a_flow_is_the_only_way_to_its_phone_RFC5626_5) {
  const std::string contact = "<sip:alice@10.77.0.11:5060;transport=tcp>" + std::string{instance};
  register_phone({"10.77.0.11:40001", Transport::tcp, FlowId{7}}, contact + ";reg-id=1");
  now_ += 1s;
  register_phone({"10.77.0.11:40002", Transport::tcp, FlowId{8}}, contact + ";reg-id=2");
  // One phone, two flows: the later one, not both.
  EXPECT_EQ(message("sip:alice@example.test"), Ways{"sip:alice@10.77.0.11:5060;transport=tcp 10.77.0.11:40002/8"});
  close(FlowId{8});
  EXPECT_EQ(message("sip:alice@example.test"), Ways{"sip:alice@10.77.0.11:5060;transport=tcp 10.77.0.11:40001/7"});
  close(FlowId{7});
  EXPECT_EQ(message("sip:alice@example.test"), Ways{"480"});
}

TEST_F(Reach, over_udp_a_flow_is_where_it_came_from_RFC5626_5) {
  register_phone({"10.77.0.11:40001"}, "<sip:alice@10.77.0.11:5060>" + std::string{instance} + ";reg-id=1");
  EXPECT_EQ(message("sip:alice@example.test"), Ways{"sip:alice@10.77.0.11:5060 10.77.0.11:40001/0"});
}

/// An agent, over TLS and without a certificate, that stands before alice and bob.
class ReachThroughAgent : public Reach {
 protected:
  ReachThroughAgent() {
    register_phone(agent_, "<sip:alice@10.77.0.11:5067;transport=tls>");
    register_phone(agent_, "<sip:bob@10.77.0.11:5067;transport=tls>", "bob");
    register_phone(carol_, "<sip:carol@10.77.0.13:5060>", "carol");
  }
  /// Alice calls; the routes of whom she reached back to her, and the flow by which the call went on.
  FlowId call(const std::string& user) {
    send(agent_, "INVITE sip:" + user + "@example.test",
         "Via: SIP/2.0/UDP 192.168.1.11:5060;branch=z9hG4bKa\r\nFrom: <sip:alice@example.test>;tag=a\r\nTo: <sip:" + user +
             "@example.test>\r\nContact: <sip:alice@192.168.1.11:5060>\r\n" + "Record-Route: " + agent_route_ + "\r\n");
    routes_.clear();
    const auto& sent = outbox_.sends().back();
    const auto invite = sip::Message::parse(outbox_.message(sent));
    EXPECT_TRUE(invite->is_request());
    invite->for_each_value(sip::Header::record_route, [&](std::string_view value, const sip::HeaderLine&) {
      routes_ += "Route: " + std::string{value} + "\r\n";
      return true;
    });
    EXPECT_TRUE(routes_.ends_with("Route: " + agent_route_ + "\r\n")) << routes_;
    return sent.destination.flow;
  }
  /// By which flow a BYE of whom she called goes to alice.
  FlowId hang_up(const Phone& phone, const std::string& user) {
    send(phone, "BYE sip:alice@192.168.1.11:5060",
         "From: <sip:" + user + "@example.test>;tag=b\r\nTo: <sip:alice@example.test>;tag=a\r\n" + routes_);
    const auto& sent = outbox_.sends().back();
    const std::string_view bye = outbox_.message(sent);
    EXPECT_TRUE(bye.starts_with("BYE sip:alice@192.168.1.11:5060 ")) << bye;
    EXPECT_TRUE(bye.contains("Route: " + agent_route_)) << "the agent's, and none of ours: " << bye;
    EXPECT_FALSE(bye.contains("Route: <sip:10.77.0.2")) << bye;
    return sent.destination.flow;
  }

  const Phone agent_{"10.77.0.11:40001", Transport::tls, FlowId{7}};
  const Phone carol_{"10.77.0.13:5060"};
  const std::string agent_route_ = "<sip:10.77.0.11:5067;transport=tls;lr>";
  std::string routes_;
};

TEST_F(ReachThroughAgent, by_its_connection_in_a_dialog_T14_RFC5626_5_3) {
  call("carol");
  EXPECT_EQ(hang_up(carol_, "carol"), FlowId{7});
}

TEST_F(ReachThroughAgent, by_the_connection_that_both_phones_have_T14_RFC5658) {
  EXPECT_EQ(call("bob"), FlowId{7});
  EXPECT_EQ(hang_up(agent_, "bob"), FlowId{7});
}

TEST_F(ReachThroughAgent, by_its_next_connection_when_the_first_is_gone_T14) {
  call("carol");
  close(FlowId{7}, Transport::tls);
  register_phone({"10.77.0.11:40002", Transport::tls, FlowId{8}}, "<sip:alice@10.77.0.11:5067;transport=tls>");
  EXPECT_EQ(hang_up(carol_, "carol"), FlowId{8});
}

TEST_F(ReachThroughAgent, not_by_what_another_host_has_registered_at_its_place_X1) {
  call("carol");
  register_phone({"10.77.0.66:40002", Transport::tls, FlowId{66}}, "<sip:alice@10.77.0.11:5067;transport=tls>");
  EXPECT_EQ(hang_up(carol_, "carol"), FlowId{7});
}

TEST_F(ReachThroughAgent, not_by_another_transport_than_the_calls_T14) {
  call("carol");
  register_phone({"10.77.0.11:5067"}, "<sip:alice@10.77.0.11:5067>");
  EXPECT_EQ(hang_up(carol_, "carol"), FlowId{7});
}

TEST_F(Reach, a_proxy_over_tls_may_have_ended_its_connection_RFC3263_4_3) {
  const Phone proxy{"10.77.0.21:40001", Transport::tls, FlowId{7}};
  register_phone({"10.77.0.13:5060"}, "<sip:alice@10.77.0.13:5060>");
  send(proxy, "INVITE sip:alice@example.test",
       "Via: SIP/2.0/UDP 192.168.1.11:5060;branch=z9hG4bKa\r\nFrom: <sip:dave@example.org>;tag=a\r\nTo: <sip:alice@example.test>\r\n"
       "Contact: <sip:dave@192.168.1.11:5060>\r\nRecord-Route: <sip:10.77.0.21:5061;transport=tls;lr>\r\n");
  std::string routes;
  const auto invite = sip::Message::parse(outbox_.message(outbox_.sends().back()));
  invite->for_each_value(sip::Header::record_route, [&](std::string_view value, const sip::HeaderLine&) {
    routes += "Route: " + std::string{value} + "\r\n";
    return true;
  });
  send({"10.77.0.13:5060"}, "BYE sip:dave@192.168.1.11:5060",
       "From: <sip:alice@example.test>;tag=b\r\nTo: <sip:dave@example.org>;tag=a\r\n" + routes);
  EXPECT_EQ(outbox_.sends().back().destination.flow, FlowId{7});
  outbox_.clear();
  device_.connection_changed({Protocol::sip, Transport::tls, FlowId{7}, *Endpoint::parse("10.77.0.21:40001", Port{}), FlowState::refused},
                             now_, outbox_);
  ASSERT_FALSE(outbox_.sends().empty());
  EXPECT_EQ(outbox_.sends().back().destination.flow, FlowId{});
  EXPECT_EQ(outbox_.sends().back().destination.remote.text(), "10.77.0.21:5061");
}

TEST_F(Reach, connects_anew_where_a_contact_may_listen_and_skips_the_others_C5) {
  register_phone({"10.77.0.11:40001", Transport::tcp, FlowId{7}}, "<sip:alice@10.77.0.11:40001;transport=tcp>");
  register_phone({"10.77.0.12:40001", Transport::tcp, FlowId{8}}, "<sip:alice@10.77.0.12:5060;transport=tcp>");
  register_phone({"10.77.0.13:40001", Transport::tcp, FlowId{9}}, "<sip:alice@192.0.2.1:5060;transport=tcp>");
  EXPECT_EQ(message("sip:alice@example.test").size(), 3U);
  for (const std::uint64_t flow : {7U, 8U, 9U}) close(FlowId{flow});
  // The third one is behind a NAT: only its connection led to it.
  EXPECT_EQ(message("sip:alice@example.test"), (Ways{"sip:alice@10.77.0.12:5060;transport=tcp 10.77.0.12:5060/0",
                                                     "sip:alice@10.77.0.11:40001;transport=tcp 10.77.0.11:40001/0"}));
}

TEST_F(Reach, a_change_of_a_watched_registration_is_told_at_once_RFC3680) {
  const Phone watcher{"10.77.0.30:5060"};
  send(watcher, "SUBSCRIBE sip:alice@example.test",
       "From: <sip:alice@example.test>;tag=w\r\nTo: <sip:alice@example.test>\r\nEvent: reg\r\nContact: <sip:alice@10.77.0.30>\r\n");
  ASSERT_EQ(outbox_.sends().size(), 2U);
  const auto first = *sip::Message::parse(outbox_.message(outbox_.sends()[1]));
  std::string answer = "SIP/2.0 200 OK\r\n";
  for (const auto& line : first.lines())
    if (line.header == sip::Header::via || line.header == sip::Header::from || line.header == sip::Header::to ||
        line.header == sip::Header::call_id || line.header == sip::Header::cseq)
      answer += line.line;
  answer += "Content-Length: 0\r\n\r\n";
  device_.receive(
      {Protocol::sip, Transport::udp, {}, *Endpoint::parse("10.77.0.2:5060", Port{}), *Endpoint::parse("10.77.0.30:5060", Port{}), answer},
      now_, outbox_);
  send({"10.77.0.11:5060"}, "REGISTER sip:example.test",
       "From: <sip:alice@example.test>;tag=f\r\nTo: <sip:alice@example.test>\r\nExpires: 90\r\nContact: <sip:alice@10.77.0.11>\r\n");
  ASSERT_EQ(outbox_.sends().size(), 2U);
  const auto change = outbox_.message(outbox_.sends()[1]);
  EXPECT_TRUE(change.starts_with("NOTIFY sip:alice@10.77.0.30 "));
  EXPECT_NE(change.find("state=\"partial\""), std::string_view::npos);
  EXPECT_NE(change.find("event=\"registered\""), std::string_view::npos);
}

TEST_F(Reach, what_is_no_subscription_of_ours_is_refused_or_passed_RFC6665) {
  register_phone({"10.77.0.11:5060"}, "<sip:alice@10.77.0.11:5060>");
  const std::string bob = "From: <sip:bob@example.test>;tag=g\r\nContact: <sip:bob@10.77.0.12>\r\nTo: <sip:alice@example.test>";
  const auto status = [&] { return sip::Message::parse(outbox_.message(outbox_.sends()[0]))->status(); };
  send({"10.77.0.12:5060"}, "SUBSCRIBE sip:alice@example.test", bob + "\r\nEvent: reg\r\n");
  EXPECT_EQ(status(), 403);
  send({"10.77.0.12:5060"}, "SUBSCRIBE sip:example.test", bob + "\r\nEvent: presence\r\n");
  EXPECT_EQ(status(), 489);
  EXPECT_NE(outbox_.message(outbox_.sends()[0]).find("\r\nAllow-Events: reg\r\n"), std::string_view::npos);
  send({"10.77.0.12:5060"}, "SUBSCRIBE sip:10.77.0.2", bob + ";tag=gone\r\nEvent: reg\r\n");
  EXPECT_EQ(status(), 481);
  send({"10.77.0.12:5060"}, "SUBSCRIBE sip:alice@example.test", bob + "\r\nEvent: dialog\r\n");
  EXPECT_TRUE(outbox_.message(outbox_.sends()[0]).starts_with("SUBSCRIBE sip:alice@10.77.0.11:5060 "));
}

}  // namespace
}  // namespace ringhold::branch_device
