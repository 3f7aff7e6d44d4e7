#include "central/probe.hpp"

#include <gtest/gtest.h>

namespace ringhold::central {
namespace {

const Identity identity{
    .domain = "example.test",
    .host = "ringhold.example.test",
    .listen = {*Target::parse("udp:10.77.0.2:5060"), *Target::parse("tcp:10.77.0.2:5060"), *Target::parse("udp:[2001:db8::2]:5060")}};

TEST(Probe, is_a_minimal_options_request_S1) {
  SeededRandom random{1};
  std::string bytes;
  const std::string branch = append_probe(identity, *Target::parse("udp:10.78.0.11:5060"), random, bytes);
  EXPECT_TRUE(bytes.starts_with("OPTIONS sip:10.78.0.11:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.77.0.2:5060;branch=" + branch + ";rport\r\n"))
      << bytes;
  EXPECT_TRUE(branch.starts_with("z9hG4bK"));
  EXPECT_NE(bytes.find("\r\nMax-Forwards: 70\r\n"), std::string::npos);
  EXPECT_NE(bytes.find("\r\nTo: <sip:10.78.0.11:5060>\r\n"), std::string::npos);
  EXPECT_TRUE(bytes.ends_with("\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")) << bytes;
}

TEST(Probe, goes_over_the_servers_transport_S2) {
  SeededRandom random{1};
  std::string bytes;
  append_probe(identity, *Target::parse("tcp:10.78.0.11:5060"), random, bytes);
  EXPECT_TRUE(bytes.starts_with("OPTIONS sip:10.78.0.11:5060;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP 10.77.0.2:5060;")) << bytes;
  EXPECT_EQ(probe_destination(identity, *Target::parse("tcp:10.78.0.11:5060")).transport, Transport::tcp);
}

TEST(Probe, leaves_by_the_listener_of_the_same_family_S1) {
  const Destination destination = probe_destination(identity, *Target::parse("udp:[2001:db8:1::11]:5060"));
  EXPECT_EQ(destination.local, *Endpoint::parse("[2001:db8::2]:5060", Port{5060}));
  SeededRandom random{1};
  std::string bytes;
  append_probe(identity, *Target::parse("udp:[2001:db8:1::11]:5060"), random, bytes);
  EXPECT_NE(bytes.find("Via: SIP/2.0/UDP [2001:db8::2]:5060;"), std::string::npos) << bytes;
}

TEST(Probe, names_itself_when_the_listener_has_no_address_S1) {
  Identity anywhere = identity;
  anywhere.listen = {*Target::parse("udp:0.0.0.0:5070")};
  SeededRandom random{1};
  std::string bytes;
  append_probe(anywhere, *Target::parse("udp:10.78.0.11:5060"), random, bytes);
  EXPECT_NE(bytes.find("Via: SIP/2.0/UDP ringhold.example.test:5070;"), std::string::npos) << bytes;
}

TEST(Probe, never_repeats_a_branch_S1) {
  SeededRandom random{1};
  std::string bytes;
  const Target target = *Target::parse("udp:10.78.0.11:5060");
  EXPECT_NE(append_probe(identity, target, random, bytes), append_probe(identity, target, random, bytes));
}

}  // namespace
}  // namespace ringhold::central
