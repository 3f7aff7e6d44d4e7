#include <gtest/gtest.h>

#include <string>

#include "registrar/registrar.hpp"

namespace ringhold::registrar {
namespace {

constexpr std::string_view aor = "sip:alice@example.test";
constexpr std::string_view instance = ";+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\"";

/// A phone with outbound and GRUU, over TCP.
class Flows : public ::testing::Test {
 protected:
  sip::Message send(const std::string& contact, const std::string& headers, FlowId flow = FlowId{1}, std::string_view more_vias = {},
                    std::string_view call_id = "c") {
    outbox_.clear();
    ++cseq_;
    const std::string bytes =
        "REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/TCP 10.77.0.11:5060;branch=z9hG4bK" + std::to_string(cseq_) + "\r\n" +
        Text{more_vias} + "From: <sip:alice@example.test>;tag=f\r\nTo: <sip:alice@example.test>\r\nCall-ID: " + Text{call_id} +
        "\r\nCSeq: " + std::to_string(cseq_) + " REGISTER\r\n" + headers + "Contact: " + contact + "\r\nContent-Length: 0\r\n\r\n";
    const Packet packet{
        Protocol::sip, Transport::tcp, flow, *Endpoint::parse("10.77.0.2:5060", Port{}), *Endpoint::parse("10.77.0.11:40000", Port{}),
        bytes};
    registrar_.on_register(*sip::Message::parse(bytes), packet, aor, Grant::normal, location_, now_, outbox_);
    answer_ = Text{outbox_.message(outbox_.sends().back())};
    return *sip::Message::parse(answer_);
  }
  location::Bindings bindings() { return location_.find(aor, now_); }
  Text parameter(std::string_view name) {
    const auto answer = *sip::Message::parse(answer_);
    const auto contact = sip::Contact::parse(sip::split_element(answer.value(sip::Header::contact)).first);
    return Text{contact->address.parameters.find(name).value_or("")};
  }
  location::Bindings named(std::string_view uri) {
    const auto target = registrar_.gruu().read(*sip::Uri::parse(uri));
    location::Bindings found;
    if (!target) return found;
    for (const auto* one : location_.find(target->aor, now_))
      if (registrar_.gruu().names(*target, *one)) found.push_back(one);
    return found;
  }

  Instant now_ = from_unix_ms(1'790'000'000'000);
  int cseq_ = 0;
  SeededRandom random_{5};
  Outbox outbox_;
  location::LocationService location_{100};
  Registrar registrar_{{.domain = "example.test", .service_route = {}}, random_};
  Text answer_;
};

std::string flow_contact(int reg_id, std::string_view user = "alice") {
  return "<sip:" + Text{user} + "@10.77.0.11:5060;transport=tcp;ob>" + Text{instance} + ";reg-id=" + std::to_string(reg_id);
}

TEST_F(Flows, are_kept_apart_by_reg_id_whatever_their_contact_RFC5626_6) {
  const auto answer = send(flow_contact(1), "Supported: outbound, path\r\n", FlowId{1});
  EXPECT_EQ(answer.value(sip::Header::require), "outbound");
  EXPECT_NE(answer_.find("\r\nFlow-Timer: 120\r\n"), std::string::npos);
  EXPECT_EQ(parameter("reg-id"), "1");
  send(flow_contact(2), "Supported: outbound\r\n", FlowId{2});
  ASSERT_EQ(bindings().size(), 2U);
  send(flow_contact(1), "Supported: outbound\r\n", FlowId{3});
  ASSERT_EQ(bindings().size(), 2U);
  send(flow_contact(2, "alice-b"), "Supported: outbound\r\n", FlowId{2});  // a new contact of flow 2
  ASSERT_EQ(bindings().size(), 2U);
  send(flow_contact(2, "alice-c") + ";expires=0", "Supported: outbound\r\n", FlowId{2});
  ASSERT_EQ(bindings().size(), 1U);
  EXPECT_EQ(bindings().at(0)->reg_id, 1U);
  EXPECT_EQ(bindings().at(0)->flow, FlowId{3});
}

TEST_F(Flows, end_with_their_connection_RFC5626_6) {
  send(flow_contact(1), "Supported: outbound\r\n", FlowId{1});
  send(flow_contact(2), "Supported: outbound\r\n", FlowId{2});
  location_.flow_closed(FlowId{1}, outbox_);
  ASSERT_EQ(bindings().size(), 1U);
  EXPECT_EQ(bindings().at(0)->reg_id, 2U);
  EXPECT_TRUE(outbox_.changes().back().columns.empty());
}

TEST_F(Flows, are_not_made_for_who_does_not_understand_them_RFC5626_6) {
  const auto answer = send(flow_contact(1), "Supported: path\r\n");
  EXPECT_TRUE(answer.value(sip::Header::require).empty());
  location_.flow_closed(FlowId{1}, outbox_);
  EXPECT_EQ(bindings().size(), 1U);
}

TEST_F(Flows, need_an_edge_proxy_that_keeps_them_RFC5626_6) {
  constexpr std::string_view via = "Via: SIP/2.0/TCP 10.77.0.99;branch=z9hG4bKp\r\n";
  const auto answer = send(flow_contact(1), "Supported: outbound, path\r\nPath: <sip:edge.example;lr>\r\n", {}, via);
  EXPECT_EQ(answer.status(), 439);
  EXPECT_TRUE(bindings().empty());
  const std::string paths = "Supported: outbound, path\r\nPath: <sip:inner.example;lr>, <sip:edge.example;lr;ob>\r\n";
  EXPECT_EQ(send(flow_contact(1), paths, {}, via).status(), 200);
  EXPECT_EQ(bindings().size(), 1U);
}

TEST_F(Flows, a_phone_that_gives_them_up_has_one_contact_RFC5626_6) {
  send(flow_contact(1), "Supported: outbound\r\n");
  send("<sip:alice@10.77.0.11:5060;transport=tcp;ob>" + Text{instance}, "");
  ASSERT_EQ(bindings().size(), 1U);
  EXPECT_EQ(bindings().at(0)->reach, location::Reach::contact);
}

TEST_F(Flows, gruus_are_not_given_without_a_domain_of_ours_RFC5627_5) {
  registrar_.reconfigure({.domain = {}, .service_route = {}});
  send("<sip:alice@10.77.0.11:5060>;+sip.instance=\"<urn:uuid:1>\"", "Supported: gruu\r\n");
  EXPECT_TRUE(parameter("pub-gruu").empty());
}

TEST_F(Flows, gruus_are_given_to_who_asks_RFC5627_5) {
  const std::string contact = "<sip:alice@10.77.0.11:5060>" + Text{instance};
  send(contact, "");
  EXPECT_TRUE(parameter("pub-gruu").empty());
  send(contact, "Supported: gruu\r\n");
  EXPECT_EQ(parameter("pub-gruu"), "sip:alice@example.test;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
  EXPECT_TRUE(parameter("temp-gruu").ends_with("@example.test;gr"));
  send("<sip:alice@10.77.0.11:5060>", "Supported: gruu\r\n");
  EXPECT_TRUE(parameter("pub-gruu").empty());  // no instance
}

TEST_F(Flows, a_gruu_names_one_device_RFC5627_6) {
  send("<sip:alice@10.77.0.12:5060>;+sip.instance=\"<urn:uuid:2>\"", "Supported: gruu\r\n", {}, {}, "other");
  send("<sip:alice@10.77.0.11:5060>" + Text{instance}, "Supported: gruu\r\n");
  EXPECT_EQ(bindings().size(), 2U);
  const auto found = named("sip:alice@example.test;gr=urn:uuid:2");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0]->contact(), "sip:alice@10.77.0.12:5060");
  EXPECT_TRUE(named("sip:bob@example.test;gr=urn:uuid:2").empty());
  EXPECT_TRUE(named("sip:alice@example.test;gr=urn:uuid:3").empty());
  EXPECT_TRUE(named("sip:alice@example.test").empty());
}

TEST_F(Flows, temporary_gruus_differ_and_end_with_the_cycle_RFC5627_3_2) {
  const std::string contact = "<sip:alice@10.77.0.11:5060>" + Text{instance};
  send(contact, "Supported: gruu\r\n");
  const Text first = parameter("temp-gruu");
  EXPECT_EQ(first.find("alice"), std::string::npos);
  send(contact, "Supported: gruu\r\n");
  const Text second = parameter("temp-gruu");
  EXPECT_NE(first, second);
  EXPECT_EQ(named(first).size(), 1U);  // all of one cycle hold
  EXPECT_EQ(named(second).size(), 1U);
  Text forged = first;
  forged[12] = forged[12] == 'a' ? 'b' : 'a';
  EXPECT_TRUE(named(forged).empty());
  send(contact, "Supported: gruu\r\n", {}, {}, "boot-2");
  EXPECT_TRUE(named(first).empty());
  EXPECT_EQ(named(parameter("temp-gruu")).size(), 1U);
}

TEST_F(Flows, temporary_gruus_outlive_a_restart_of_ours_R6) {
  send("<sip:alice@10.77.0.11:5060>" + Text{instance}, "Supported: gruu\r\n");
  const Text temporary = parameter("temp-gruu");
  outbox_.clear();
  registrar_.start(outbox_);
  ASSERT_EQ(outbox_.changes().size(), 1U);
  SeededRandom other{77};
  Registrar next{{.domain = "example.test", .service_route = {}}, other};
  next.restore({Table::setting, outbox_.changes()[0].columns.unpacked()});
  const auto target = next.gruu().read(*sip::Uri::parse(temporary));
  EXPECT_EQ(target->aor, aor);
  EXPECT_TRUE(next.gruu().names(*target, *bindings().at(0)));
  outbox_.clear();
  next.start(outbox_);
  EXPECT_TRUE(outbox_.changes().empty());
}

TEST_F(Flows, a_gruu_cannot_be_a_contact_RFC5627_5) { EXPECT_EQ(send("<sip:alice@example.test;gr=urn:uuid:9>", "").status(), 403); }

}  // namespace
}  // namespace ringhold::registrar
