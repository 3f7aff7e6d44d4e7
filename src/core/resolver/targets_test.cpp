#include "resolver/targets.hpp"

#include <gtest/gtest.h>

#include "resolver/naptr.hpp"

namespace ringhold::resolver {
namespace {

dns::Name name(std::string_view text) { return *dns::Name::from_text(text); }
Text word(unsigned value) { return {static_cast<char>(value >> 8U), static_cast<char>(value & 255U)}; }
Text counted(std::string_view text) { return Text(1, static_cast<char>(text.size())).append(text); }

/// What DNS said, and what was asked.
struct Zone {
  std::vector<dns::Record> records;
  std::vector<dns::Question> absent;
  std::vector<Transport> transports{Transport::udp, Transport::tcp, Transport::tls};
  bool ipv6 = false;

  Zone& add(std::string_view owner, std::uint16_t type, const Text& data) {
    dns::Record record;
    record.name = name(owner);
    record.type = type;
    record.data = data;
    records.push_back(record);
    return *this;
  }
  Zone& a(std::string_view owner, std::string_view address) {
    const auto parsed = *Address::parse(address);
    const auto bytes = parsed.bytes();
    return add(owner, parsed.is_v4() ? dns::type::a : dns::type::aaaa, {bytes.begin(), bytes.end()});
  }
  Zone& srv(std::string_view owner, unsigned priority, unsigned weight, unsigned port, std::string_view target) {
    return add(owner, dns::type::srv, word(priority) + word(weight) + word(port) + Text{name(target).wire()});
  }
  Zone& naptr(std::string_view owner, unsigned order, unsigned preference, std::string_view flags, std::string_view service,
              std::string_view to) {
    return add(owner, dns::type::naptr,
               word(order) + word(preference) + counted(flags) + counted(service) + counted("") + Text{name(to).wire()});
  }
  Zone& cname(std::string_view owner, std::string_view target) { return add(owner, dns::type::cname, Text{name(target).wire()}); }
  Zone& none(std::string_view owner, std::uint16_t type) {
    absent.push_back({name(owner), type, dns::class_in});
    return *this;
  }

  Resolution resolve(std::string_view uri) const {
    const auto want = wanted(*sip::Uri::parse(uri));
    if (!want) return {};
    SeededRandom random{3263};
    return resolver::resolve(*want, {records, absent}, {transports, true, ipv6}, random);
  }
  std::vector<std::string> targets(std::string_view uri) const {
    std::vector<std::string> texts;
    for (const Target& target : resolve(uri).targets) texts.push_back(target.text());
    return texts;
  }
  std::vector<std::string> missing(std::string_view uri) const {
    std::vector<std::string> texts;
    for (const dns::Question& question : resolve(uri).missing) texts.push_back(question.name.text() + " " + std::to_string(question.type));
    return texts;
  }
};

using Texts = std::vector<std::string>;

TEST(Resolve, a_numeric_host_needs_no_dns_RFC3263_4_1_4_2) {
  Zone zone;
  zone.ipv6 = true;
  EXPECT_EQ(zone.targets("sip:bob@10.78.0.1"), Texts{"udp:10.78.0.1:5060"});
  EXPECT_EQ(zone.targets("sip:bob@10.78.0.1:5070"), Texts{"udp:10.78.0.1:5070"});
  EXPECT_EQ(zone.targets("sip:bob@10.78.0.1;transport=tcp"), Texts{"tcp:10.78.0.1:5060"});
  EXPECT_EQ(zone.targets("sip:bob@10.78.0.1;transport=TLS"), Texts{"tls:10.78.0.1:5061"});
  EXPECT_EQ(zone.targets("sips:bob@10.78.0.1"), Texts{"tls:10.78.0.1:5061"});
  EXPECT_EQ(zone.targets("sips:bob@10.78.0.1;transport=tcp"), Texts{"tls:10.78.0.1:5061"});
  EXPECT_EQ(zone.targets("sip:bob@[2001:db8::1]"), Texts{"udp:[2001:db8::1]:5060"});
  EXPECT_TRUE(zone.missing("sip:bob@10.78.0.1").empty());
}

TEST(Resolve, refuses_what_it_does_not_speak) {
  Zone zone;
  EXPECT_TRUE(zone.targets("sip:bob@10.78.0.1;transport=sctp").empty());
  EXPECT_TRUE(zone.targets("sips:bob@10.78.0.1;transport=udp").empty());
  EXPECT_TRUE(zone.targets("tel:+4912345").empty());
  EXPECT_TRUE(zone.targets("sip:bob@[2001:db8::1]").empty());
  zone.transports = {Transport::udp};
  EXPECT_TRUE(zone.targets("sip:bob@10.78.0.1;transport=tcp").empty());
  EXPECT_TRUE(zone.missing("sip:bob@example.test:5070;transport=tcp").empty());
}

TEST(Resolve, maddr_stands_before_the_host_RFC3263_4) {
  Zone zone;
  EXPECT_EQ(zone.targets("sip:bob@example.test:5070;maddr=10.78.0.9"), Texts{"udp:10.78.0.9:5070"});
  EXPECT_EQ(zone.missing("sip:bob@10.1.1.1:5070;maddr=far.example.test"), Texts{"far.example.test 1"});
}

TEST(Resolve, an_explicit_port_asks_for_addresses_only_RFC3263_4_2) {
  Zone zone;
  EXPECT_EQ(zone.missing("sip:bob@sip1.example.test:5070"), Texts{"sip1.example.test 1"});
  zone.a("sip1.example.test", "10.78.0.1")
      .a("sip1.example.test", "10.78.0.2")
      .srv("_sip._udp.sip1.example.test", 1, 1, 5099, "x.example.test");
  EXPECT_EQ(zone.targets("sip:bob@SIP1.example.test:5070"), (Texts{"udp:10.78.0.1:5070", "udp:10.78.0.2:5070"}));
  EXPECT_EQ(zone.targets("sips:bob@sip1.example.test:5071").front(), "tls:10.78.0.1:5071");
  EXPECT_TRUE(zone.missing("sip:bob@sip1.example.test:5070").empty());
}

TEST(Resolve, naptr_chooses_the_transport_by_order_and_preference_RFC3263_4_1_DIS24) {
  Zone zone;  // the example of RFC 3263 §4.1
  zone.naptr("example.test", 50, 50, "s", "SIPS+D2T", "_sips._tcp.example.test")
      .naptr("example.test", 90, 50, "s", "SIP+D2T", "_sip._tcp.example.test")
      .naptr("example.test", 100, 50, "S", "sip+d2u", "_sip._udp.example.test")
      .naptr("example.test", 10, 1, "s", "SIP+D2S", "_sip._sctp.example.test")
      .naptr("example.test", 10, 2, "u", "SIP+D2T", "_sip._tcp.example.test");
  EXPECT_EQ(zone.missing("sip:bob@example.test"), Texts{"_sips._tcp.example.test 33"});
  zone.transports = {Transport::udp, Transport::tcp};
  EXPECT_EQ(zone.missing("sip:bob@example.test"), Texts{"_sip._tcp.example.test 33"});
  zone.srv("_sip._tcp.example.test", 0, 1, 5060, "server1.example.test").srv("_sip._tcp.example.test", 1, 0, 5062, "server2.example.test");
  EXPECT_EQ(zone.missing("sip:bob@example.test"), (Texts{"server1.example.test 1", "server2.example.test 1"}));
  zone.a("server2.example.test", "10.78.0.2");
  EXPECT_EQ(zone.targets("sip:bob@example.test"), Texts{"tcp:10.78.0.2:5062"}) << "known so far";
  EXPECT_EQ(zone.missing("sip:bob@example.test"), Texts{"server1.example.test 1"});
  zone.a("server1.example.test", "10.78.0.1");
  EXPECT_EQ(zone.targets("sip:bob@example.test"), (Texts{"tcp:10.78.0.1:5060", "tcp:10.78.0.2:5062"}));
}

TEST(Resolve, among_equal_orders_the_lower_preference_is_first_RFC3403) {
  Zone zone;
  zone.naptr("example.test", 10, 2, "s", "SIP+D2U", "_sip._udp.example.test")
      .naptr("example.test", 10, 1, "s", "SIP+D2T", "tcp.example.test");
  EXPECT_EQ(zone.missing("sip:bob@example.test"), Texts{"tcp.example.test 33"});
}

TEST(Resolve, sips_takes_only_sips_services_RFC3263_4_1) {
  Zone zone;
  zone.naptr("example.test", 1, 1, "s", "SIP+D2U", "_sip._udp.example.test")
      .naptr("example.test", 9, 9, "s", "SIPS+D2T", "secure.example.test");
  EXPECT_EQ(zone.missing("sips:bob@example.test"), Texts{"secure.example.test 33"});
  Zone without;
  without.none("example.test", dns::type::naptr);
  EXPECT_EQ(without.missing("sips:bob@example.test"), Texts{"_sips._tcp.example.test 33"});
}

TEST(Resolve, first_asks_for_naptr_and_nothing_else_RFC3263_4_1) {
  Zone zone;
  EXPECT_EQ(zone.missing("sip:bob@example.test"), Texts{"example.test 35"});
}

TEST(Resolve, while_naptr_is_unanswered_uses_what_is_known) {
  Zone zone;
  zone.srv("_sip._udp.example.test", 1, 0, 5060, "sip1.example.test").a("sip1.example.test", "10.78.0.1");
  EXPECT_EQ(zone.missing("sip:bob@example.test"), Texts{"example.test 35"});
  EXPECT_EQ(zone.targets("sip:bob@example.test"), Texts{"udp:10.78.0.1:5060"});
}

TEST(Resolve, without_naptr_asks_srv_for_each_transport_RFC3263_4_1) {
  Zone zone;
  zone.none("example.test", dns::type::naptr);
  EXPECT_EQ(zone.missing("sip:bob@example.test"), (Texts{"_sip._udp.example.test 33", "_sip._tcp.example.test 33"}));
  zone.none("_sip._udp.example.test", dns::type::srv)
      .srv("_sip._tcp.example.test", 1, 0, 5060, "sip1.example.test")
      .a("sip1.example.test", "10.78.0.1");
  EXPECT_EQ(zone.targets("sip:bob@example.test"), Texts{"tcp:10.78.0.1:5060"});
  EXPECT_TRUE(zone.missing("sip:bob@example.test").empty());
}

TEST(Resolve, without_any_srv_takes_the_address_and_the_usual_transport_and_port_RFC3263_4_2) {
  Zone zone;
  zone.none("example.test", dns::type::naptr).none("_sip._udp.example.test", dns::type::srv).none("_sip._tcp.example.test", dns::type::srv);
  zone.none("_sips._tcp.example.test", dns::type::srv);
  EXPECT_EQ(zone.missing("sip:bob@example.test"), Texts{"example.test 1"});
  zone.a("example.test", "10.78.0.1");
  EXPECT_EQ(zone.targets("sip:bob@example.test"), Texts{"udp:10.78.0.1:5060"});
  EXPECT_EQ(zone.targets("sips:bob@example.test"), Texts{"tls:10.78.0.1:5061"});
}

TEST(Resolve, a_transport_parameter_skips_naptr_RFC3263_4_1) {
  Zone zone;
  EXPECT_EQ(zone.missing("sip:bob@example.test;transport=tcp"), Texts{"_sip._tcp.example.test 33"});
  EXPECT_EQ(zone.missing("sip:bob@example.test;transport=tls"), Texts{"_sips._tcp.example.test 33"});
  zone.none("_sip._tcp.example.test", dns::type::srv).a("example.test", "10.78.0.1");
  EXPECT_EQ(zone.targets("sip:bob@example.test;transport=tcp"), Texts{"tcp:10.78.0.1:5060"});
}

TEST(Resolve, orders_servers_by_priority_RFC2782_DIS08) {
  Zone zone;
  zone.srv("_sip._udp.example.test", 21, 0, 5060, "ringhold.example.test").a("ringhold.example.test", "10.77.0.2");
  zone.srv("_sip._udp.example.test", 20, 0, 5060, "sip2.example.test").a("sip2.example.test", "10.78.0.2");
  zone.srv("_sip._udp.example.test", 10, 0, 5060, "sip1.example.test").a("sip1.example.test", "10.78.0.1");
  EXPECT_EQ(zone.targets("sip:example.test;transport=udp"), (Texts{"udp:10.78.0.1:5060", "udp:10.78.0.2:5060", "udp:10.77.0.2:5060"}));
}

TEST(Resolve, a_dot_says_that_the_service_is_not_there_RFC2782) {
  Zone zone;
  zone.srv("_sip._udp.example.test", 0, 0, 0, ".").a("example.test", "10.78.0.1");
  EXPECT_TRUE(zone.targets("sip:bob@example.test;transport=udp").empty());
  EXPECT_TRUE(zone.missing("sip:bob@example.test;transport=udp").empty());
}

TEST(Resolve, follows_aliases_and_ends_in_a_circle) {
  Zone zone;
  zone.cname("sip.example.test", "host.example.test").a("host.example.test", "10.78.0.1");
  EXPECT_EQ(zone.targets("sip:bob@sip.example.test:5060"), Texts{"udp:10.78.0.1:5060"});
  Zone circle;
  circle.cname("a.test", "b.test").cname("b.test", "a.test");
  EXPECT_TRUE(circle.targets("sip:bob@a.test:5060").empty());
}

TEST(Resolve, asks_both_families_when_both_are_spoken) {
  Zone zone;
  zone.ipv6 = true;
  EXPECT_EQ(zone.missing("sip:bob@sip1.example.test:5070"), (Texts{"sip1.example.test 28", "sip1.example.test 1"}));
  zone.none("sip1.example.test", dns::type::aaaa).a("sip1.example.test", "10.78.0.1");
  EXPECT_EQ(zone.targets("sip:bob@sip1.example.test:5070"), Texts{"udp:10.78.0.1:5070"});
  EXPECT_TRUE(zone.missing("sip:bob@sip1.example.test:5070").empty());
}

TEST(Resolve, is_bounded_and_takes_broken_records) {
  Zone zone;
  for (int i = 1; i <= 100; ++i) zone.a("sip1.example.test", "10.78.1." + std::to_string(i));
  EXPECT_EQ(zone.targets("sip:bob@sip1.example.test:5070").size(), max_targets);
  Zone broken;
  broken.add("example.test", dns::type::naptr, "abc").add("_sip._udp.example.test", dns::type::srv, "x").a("example.test", "10.78.0.1");
  EXPECT_TRUE(broken.targets("sip:bob@example.test").empty());
  const Text name_too_long(300, 'a');
  EXPECT_TRUE(zone.targets("sip:bob@" + name_too_long).empty());
}

TEST(Naptr, reads_what_is_whole) {
  const Text good = word(10) + word(20) + counted("s") + counted("SIP+D2U") + counted("") + Text{name("_sip._udp.example.test").wire()};
  const auto naptr = Naptr::parse(good);
  ASSERT_TRUE(naptr);
  EXPECT_EQ(naptr->order, 10);
  EXPECT_EQ(naptr->preference, 20);
  EXPECT_EQ(naptr->transport(), Transport::udp);
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(Naptr::parse(std::string_view{good}.substr(0, size))) << size;
  EXPECT_FALSE(Naptr::parse(good + "x"));
}

TEST(TargetsOf, uses_known_servers_for_the_domain_and_addresses_for_hosts) {
  const std::vector<KnownServer> servers{{"c1", *Target::parse("udp:10.78.0.1:5060")},
                                         {"c1", *Target::parse("tcp:10.78.0.1:5060")},
                                         {"c2", *Target::parse("udp:10.78.0.2:5060")}};
  const Knowledge knowledge{"example.test", servers,
                            [](const void*, std::string_view host) {
                              return host == "host.example.test" ? std::vector{*Address::parse("10.78.0.7")} : std::vector<Address>{};
                            },
                            nullptr};
  const auto texts = [&](std::string_view uri) {
    Texts all;
    for (const Target& target : targets_of(*sip::Uri::parse(uri), knowledge)) all.push_back(target.text());
    return all;
  };
  EXPECT_EQ(texts("sip:bob@Example.test"), (Texts{"udp:10.78.0.1:5060", "tcp:10.78.0.1:5060", "udp:10.78.0.2:5060"}));
  EXPECT_EQ(texts("sip:bob@example.test;transport=tcp"), Texts{"tcp:10.78.0.1:5060"});
  EXPECT_TRUE(texts("sips:bob@example.test").empty());
  EXPECT_EQ(texts("sip:bob@host.example.test"), Texts{"udp:10.78.0.7:5060"});
  EXPECT_EQ(texts("sip:bob@10.9.9.9:5099;transport=tcp"), Texts{"tcp:10.9.9.9:5099"});
  EXPECT_TRUE(texts("sip:bob@elsewhere.test").empty());
}

}  // namespace
}  // namespace ringhold::resolver
