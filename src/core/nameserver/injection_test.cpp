#include "nameserver/injection.hpp"

#include <gtest/gtest.h>

namespace ringhold::nameserver {
namespace {

dns::Name name(std::string_view text) { return *dns::Name::from_text(text); }
const dns::Name domain = name("example.test");
const dns::Name own = name("ringhold.example.test");

std::vector<Target> listeners(std::initializer_list<std::string_view> texts) {
  std::vector<Target> found;
  for (const auto text : texts) found.push_back(*Target::parse(text));
  return found;
}

std::vector<dns::Srv> servers(std::initializer_list<dns::Srv> list) { return list; }
dns::Srv server(std::uint16_t priority, std::uint16_t weight, std::string_view target) { return {priority, weight, 5060, name(target)}; }

std::vector<std::string> order(const Injected& injected) {
  std::vector<std::string> found;
  for (const dns::Srv& one : injected.records)
    found.push_back(std::to_string(one.priority) + " " + std::to_string(one.weight) + " " + std::string{one.target.first_label()});
  return found;
}

using Strings = std::vector<std::string>;

TEST(Injectable, wants_service_protocol_and_domain_all_equal_DIS_06) {
  const auto ours = listeners({"udp:10.77.0.2:5060", "tcp:10.77.0.2:5062"});
  EXPECT_TRUE(injectable(name("_sip._udp.example.test"), domain, ours));
  EXPECT_TRUE(injectable(name("_SIP._UDP.Example.TEST"), domain, ours));
  EXPECT_EQ(injectable(name("_sip._tcp.example.test"), domain, ours)->endpoint.port, Port{5062});
  EXPECT_FALSE(injectable(name("_sip._sctp.example.test"), domain, ours));
  EXPECT_FALSE(injectable(name("_xmpp-client._tcp.example.test"), domain, ours));
  EXPECT_FALSE(injectable(name("_sip._udp.other.test"), domain, ours));
  EXPECT_FALSE(injectable(name("_sip._udp.sub.example.test"), domain, ours));
  EXPECT_FALSE(injectable(name("_udp.example.test"), domain, ours));
  EXPECT_FALSE(injectable(name("_sip.udp.example.test"), domain, ours));
  EXPECT_FALSE(injectable(name("_sip._tls.example.test"), domain, listeners({"tls:10.77.0.2:5061"})));
  EXPECT_FALSE(injectable(name("."), domain, ours));
}

TEST(Injectable, wants_a_listener_of_that_transport_D2) {
  EXPECT_FALSE(injectable(name("_sip._tcp.example.test"), domain, listeners({"udp:10.77.0.2:5060"})));
  EXPECT_FALSE(injectable(name("_sips._tcp.example.test"), domain, listeners({"udp:10.77.0.2:5060", "tcp:10.77.0.2:5060"})));
  EXPECT_EQ(injectable(name("_sips._tcp.example.test"), domain, listeners({"tls:10.77.0.2:5061"}))->endpoint.port, Port{5061});
  EXPECT_FALSE(injectable(name("_sips._udp.example.test"), domain, listeners({"udp:10.77.0.2:5060", "tls:10.77.0.2:5061"})));
}

TEST(Inject, stands_last_with_weight_zero_DIS_08) {
  const auto injected = inject(servers({server(20, 40, "sip2"), server(10, 60, "sip1")}), own, Port{5060}, Order::ours_last);
  EXPECT_EQ(order(injected), (Strings{"10 60 sip1", "20 40 sip2", "21 0 ringhold"}));
  EXPECT_EQ(order(inject(servers({server(0, 0, "sip1")}), own, Port{5060}, Order::ours_last)), (Strings{"0 0 sip1", "1 0 ringhold"}));
}

TEST(Inject, shares_65535_and_says_so_DIS_08) {
  const auto injected = inject(servers({server(65'535, 50, "sip1")}), own, Port{5060}, Order::ours_last);
  EXPECT_EQ(order(injected), (Strings{"65535 50 sip1", "65535 0 ringhold"}));
  EXPECT_TRUE(injected.priority_exhausted);
}

TEST(Inject, stands_first_below_all_others_D7) {
  EXPECT_EQ(order(inject(servers({server(10, 0, "sip1"), server(20, 0, "sip2")}), own, Port{5060}, Order::ours_first)),
            (Strings{"1 0 ringhold", "10 0 sip1", "20 0 sip2"}));
  EXPECT_EQ(order(inject(servers({server(1, 0, "sip1")}), own, Port{5060}, Order::ours_first)), (Strings{"0 0 ringhold", "1 0 sip1"}));
}

TEST(Inject, renumbers_the_others_when_the_least_is_zero_DIS_08) {
  const auto injected =
      inject(servers({server(0, 5, "a"), server(0, 1, "b"), server(1, 0, "c"), server(7, 0, "d"), server(65'535, 0, "e")}), own, Port{5060},
             Order::ours_first);
  EXPECT_EQ(order(injected), (Strings{"0 0 ringhold", "1 5 a", "1 1 b", "2 0 c", "7 0 d", "65535 0 e"}));
}

TEST(Inject, can_stand_alone_D7) {
  EXPECT_EQ(order(inject(servers({server(10, 0, "sip1")}), own, Port{5060}, Order::ours_only)), (Strings{"1 0 ringhold"}));
}

TEST(Inject, adds_nothing_where_the_service_is_said_to_be_absent_or_ours_is_there) {
  const auto absent = inject(servers({{0, 0, 0, dns::Name{}}}), own, Port{5060}, Order::ours_first);
  EXPECT_FALSE(absent.added);
  EXPECT_EQ(absent.records.size(), 1U);
  const auto there = inject(servers({server(5, 0, "RINGHOLD.example.test"), server(1, 0, "sip1")}), own, Port{5060}, Order::ours_first);
  EXPECT_FALSE(there.added);
  EXPECT_EQ(there.records.size(), 2U);
}

// RFC 2782: the lowest priority first; weights share only among equals. Drawn as a client does it.
TEST(Inject, a_client_that_draws_by_RFC2782_always_tries_ours_last_DIS_08) {
  const auto injected =
      inject(servers({server(10, 0, "sip1"), server(10, 60'000, "sip2"), server(20, 1, "sip3")}), own, Port{5060}, Order::ours_last);
  std::uint16_t greatest = 0;
  for (const dns::Srv& one : injected.records)
    if (!(one.target == own)) greatest = std::max(greatest, one.priority);
  EXPECT_GT(injected.records.back().priority, greatest);
  EXPECT_EQ(injected.records.back().target, own);
}

}  // namespace
}  // namespace ringhold::nameserver
