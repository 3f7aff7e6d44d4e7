#include <gtest/gtest.h>

#include "sim/dns_wire.hpp"
#include "sim/fault.hpp"
#include "sim/link.hpp"
#include "sim/sip_wire.hpp"

namespace ringhold::sim {
namespace {

TEST(SipWire, reads_what_it_writes) {
  const auto message = parse_sip(
      "INVITE sip:b@example.test SIP/2.0\r\nv: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa, SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKb\r\n"
      "Record-Route: <sip:10.0.0.1;lr>,<sip:10.0.0.2;lr>\r\nf: \"A, B\" <sip:a@example.test>;tag=1\r\nt: <sip:b@example.test>\r\n"
      "i: x\r\nCSeq: 7 INVITE\r\nl: 2\r\n\r\nhi");
  ASSERT_TRUE(message);
  EXPECT_EQ(message->all("Via").size(), 2U);
  EXPECT_EQ(message->all("Record-Route").size(), 2U);
  EXPECT_EQ(message->get("From"), "\"A, B\" <sip:a@example.test>;tag=1");
  EXPECT_EQ(message->cseq_number(), 7U);
  EXPECT_EQ(message->body, "hi");
  EXPECT_EQ(parse_sip(message->text())->text(), message->text());
}

TEST(SipWire, refuses_what_is_no_message) {
  EXPECT_FALSE(parse_sip("hello\r\n\r\n"));
  EXPECT_FALSE(parse_sip("INVITE sip:a SIP/2.0\r\nVia\r\n\r\n"));
  EXPECT_FALSE(parse_sip("INVITE sip:a SIP/2.0\r\n"));
}

TEST(SipWire, sends_responses_where_the_via_says_RFC_3581) {
  SipMessage response;
  response.add("Via", "SIP/2.0/UDP phone.example.test:5060;branch=z9hG4bKa;received=10.0.0.9;rport=4000");
  EXPECT_EQ(response_target(response), Endpoint::parse("10.0.0.9:4000", Port{5060}));
  response.set("Via", "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKa;received=10.0.0.9;rport=4000");
  EXPECT_EQ(response_target(response), Endpoint::parse("10.0.0.9:4000", Port{5060}));
  response.set("Via", "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKa");
  EXPECT_EQ(response_target(response), Endpoint::parse("10.0.0.1:5070", Port{5060}));
}

TEST(DnsWire, reads_what_it_writes) {
  const auto query = parse_dns(dns_query(77, "_sip._udp.Example.test", dns_srv));
  ASSERT_TRUE(query);
  EXPECT_EQ(query->question, "_sip._udp.Example.test");
  DnsRecord record{.name = "_sip._udp.example.test",
                   .type = dns_srv,
                   .ttl = 30,
                   .address = {},
                   .priority = 10,
                   .weight = 60,
                   .port = 5060,
                   .target = "sip1.example.test"};
  const auto answer = parse_dns(dns_answer(*query, 0, {record}, {}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->id, 77);
  ASSERT_EQ(answer->answers.size(), 1U);
  EXPECT_EQ(answer->answers[0].target, "sip1.example.test");
  EXPECT_FALSE(parse_dns(std::string_view{"\x00\x01\x80", 3}));
}

TEST(Link, loses_and_doubles_as_often_as_it_is_told) {
  SeededRandom random{1};
  const Line line{.quality = {.loss = 0.2, .duplication = 0.1, .delay_min = 1ms, .delay_max = 5ms}, .cut = Cut::none};
  int lost = 0;
  int doubled = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto arrivals = carry(line, random);
    lost += arrivals.empty() ? 1 : 0;
    doubled += arrivals.size() == 2 ? 1 : 0;
  }
  EXPECT_NEAR(lost, 2'000, 200);
  EXPECT_NEAR(doubled, 800, 120);
  EXPECT_TRUE(carry(Line{.quality = {}, .cut = Cut::silent}, random).empty());
}

TEST(Fault, is_drawn_within_its_span_and_the_same_for_the_same_seed) {
  for (std::uint64_t seed = 1; seed < 200; ++seed) {
    SeededRandom random{seed};
    SeededRandom again{seed};
    const auto faults = draw_faults(random, 30s, 420s);
    const auto same = draw_faults(again, 30s, 420s);
    ASSERT_EQ(faults.size(), same.size());
    for (std::size_t i = 0; i < faults.size(); ++i) {
      EXPECT_EQ(describe(faults[i]), describe(same[i]));
      EXPECT_GE(faults[i].from, 30s);
      EXPECT_LE(faults[i].until, 420s);
      EXPECT_LT(faults[i].from, faults[i].until);
    }
  }
}

}  // namespace
}  // namespace ringhold::sim
