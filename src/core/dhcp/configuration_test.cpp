#include "dhcp/configuration.hpp"

#include <gtest/gtest.h>

#include "dhcp/test_bench.hpp"

namespace ringhold::dhcp {

namespace {

using namespace std::literals;

struct Outcome {
  Configuration configuration;
  std::vector<Error> refused;
};

Outcome read(const std::string& options, Configuration before = {}) {
  const auto message = Message::parse(Reply{.options = options}.bytes());
  EXPECT_TRUE(message);
  Outcome outcome{std::move(before), {}};
  outcome.refused = outcome.configuration.update(*message);
  return outcome;
}

Address address(std::string_view text) { return *Address::parse(text); }

/// An option of any length, in pieces of 255 bytes.
std::string split(std::uint8_t code, std::string_view data) {
  std::string out;
  while (data.size() > 255) {
    out += option_of(code, data.substr(0, 255));
    data.remove_prefix(255);
  }
  return out + option_of(code, data);
}

/// Why option 120 is refused; what was known before is still there.
std::string_view refusal_of_sip(std::string_view data) {
  const auto outcome = read(split(120, data) + option_of(6, "\x0a\x4d\x00\x02"sv), {{}, {}, {}, {"before.test"}, {}});
  EXPECT_EQ(outcome.configuration.sip_domains, std::vector<Text>{"before.test"});
  EXPECT_EQ(outcome.configuration.nameservers, std::vector{address("10.77.0.2")}) << "other options still count";
  if (outcome.refused.size() != 1) return "nothing is refused";
  EXPECT_EQ(outcome.refused[0].where, "option 120");
  EXPECT_EQ(outcome.refused[0].offset, 243U);
  return outcome.refused[0].what;
}

}  // namespace

TEST(DhcpConfiguration, reads_a_list_of_names_in_order_DIS_02_RFC3361_3_1) {
  const auto outcome = read(option_of(120, "\0"s + labels("example.test") + labels("Second.Example.net")));
  EXPECT_EQ(outcome.configuration.sip_domains, (std::vector<Text>{"example.test", "Second.Example.net"}));
  EXPECT_TRUE(outcome.configuration.sip_addresses.empty());
  EXPECT_TRUE(outcome.refused.empty());
}

TEST(DhcpConfiguration, reads_the_example_of_RFC3361_3_1) {
  const auto outcome = read(option_of(120, "\0\7example\3com\0\7example\3net\0"sv));
  EXPECT_EQ(outcome.configuration.sip_domains, (std::vector<Text>{"example.com", "example.net"}));
}

TEST(DhcpConfiguration, reads_addresses_in_order_DIS_02_RFC3361_3_2) {
  const auto outcome = read(option_of(120, "\1\x0a\x4d\x00\x02\xc0\x00\x02\x01"sv));
  EXPECT_EQ(outcome.configuration.sip_addresses, (std::vector{address("10.77.0.2"), address("192.0.2.1")}));
  EXPECT_TRUE(outcome.configuration.sip_domains.empty());
}

TEST(DhcpConfiguration, reads_a_list_that_is_split_inside_of_a_name_RFC3396) {
  std::string data(1, '\0');
  std::vector<Text> names;
  for (int i = 0; i < 20; ++i) {
    names.push_back("registrar-" + std::to_string(i) + ".example.test");
    data += labels(names.back());
  }
  ASSERT_GT(data.size(), 255U);
  const auto outcome = read(split(120, data));
  EXPECT_EQ(outcome.configuration.sip_domains, names);
}

TEST(DhcpConfiguration, reads_nameservers_domain_and_server_DIS_03) {
  const auto outcome =
      read(option_of(6, "\x0a\x4d\x00\x02\x0a\x4d\x00\x03"sv) + option_of(15, "example.test") + option_of(54, "\x0a\x4d\x00\x01"sv));
  EXPECT_EQ(outcome.configuration.nameservers, (std::vector{address("10.77.0.2"), address("10.77.0.3")}));
  EXPECT_EQ(outcome.configuration.domain, "example.test");
  EXPECT_EQ(outcome.configuration.server, address("10.77.0.1"));
  EXPECT_TRUE(outcome.refused.empty());
}

TEST(DhcpConfiguration, takes_a_domain_that_ends_with_a_zero_byte_or_a_dot_RFC2132_2) {
  EXPECT_EQ(read(option_of(15, "example.test\0"sv)).configuration.domain, "example.test");
  EXPECT_EQ(read(option_of(15, "example.test.")).configuration.domain, "example.test");
}

TEST(DhcpConfiguration, clears_what_is_no_longer_handed_out) {
  const Configuration before{address("10.77.0.1"), {address("10.77.0.2")}, "example.test", {"example.test"}, {}};
  const auto outcome = read({}, before);
  EXPECT_EQ(outcome.configuration, Configuration{});
  const auto addresses = read(option_of(120, "\1\x0a\x4d\x00\x02"sv), before);
  EXPECT_TRUE(addresses.configuration.sip_domains.empty()) << "addresses have taken the place of names";
}

TEST(DhcpConfiguration, refuses_a_malformed_list_of_names_and_says_why_DIS_02_X1) {
  EXPECT_EQ(refusal_of_sip(""), "is empty");
  EXPECT_EQ(refusal_of_sip("\0"sv), "has no name");
  EXPECT_EQ(refusal_of_sip("\0\0"sv), "name is empty");
  EXPECT_EQ(refusal_of_sip("\0"s + labels("example.test") + "\0"s), "name is empty");
  EXPECT_EQ(refusal_of_sip("\2"s + labels("example.test")), "encoding is neither 0 nor 1");
  EXPECT_EQ(refusal_of_sip("example.test"), "encoding is neither 0 nor 1") << "a text instead of labels";
  EXPECT_EQ(refusal_of_sip("\0\7example\4tes"sv), "label goes past the end");
  EXPECT_EQ(refusal_of_sip("\0\7example\4test"sv), "name does not end with a zero byte");
  EXPECT_EQ(refusal_of_sip("\0\7example\4test\0\4rest\xc0\x08"sv), "name is compressed");
  EXPECT_EQ(refusal_of_sip("\0\x40"s + std::string(64, 'a') + "\0"s), "label is longer than 63 bytes");
  EXPECT_EQ(refusal_of_sip("\0"s + labels("exam ple.test")), "name has a character that no host name has");
  EXPECT_EQ(refusal_of_sip("\0"s + labels("ex\nample.test")), "name has a character that no host name has");
  EXPECT_EQ(refusal_of_sip("\0"s + labels("10.77.0.2")), "name is an address: encoding 1 is for addresses");
}

TEST(DhcpConfiguration, refuses_names_over_255_bytes_RFC1035_2_3_4) {
  const std::string label(63, 'a');
  const std::string three = label + "." + label + "." + label + ".";
  EXPECT_EQ(refusal_of_sip("\0"s + labels(three + std::string(62, 'b'))), "name is longer than 255 bytes");
  const std::string longest = three + std::string(61, 'b');
  EXPECT_EQ(read(split(120, "\0"s + labels(longest))).configuration.sip_domains, std::vector<Text>{longest});
}

TEST(DhcpConfiguration, refuses_malformed_addresses_and_says_why_DIS_02_X1) {
  EXPECT_EQ(refusal_of_sip("\1"sv), "is empty");
  EXPECT_EQ(refusal_of_sip("\1\x0a\x4d\x00"sv), "length is no multiple of four");
  EXPECT_EQ(refusal_of_sip("\1\x0a\x4d\x00\x02\x0a\x4d\x00"sv), "length is no multiple of four");
  for (const auto nobody : {"\1\0\0\0\0"sv, "\1\xe0\0\0\1"sv, "\1\xff\xff\xff\xff"sv})
    EXPECT_EQ(refusal_of_sip(nobody), "holds an address that is no host's");
}

TEST(DhcpConfiguration, refuses_malformed_nameservers_and_keeps_those_before_DIS_03_X1) {
  const Configuration before{{}, {address("10.77.0.2")}, {}, {}, {}};
  for (const auto data : {""sv, "\x0a\x4d\x00"sv, "\x0a\x4d\x00\x02\x0a"sv, "\0\0\0\0"sv}) {
    const auto outcome = read(option_of(6, data) + option_of(120, "\0"s + labels("example.test")), before);
    EXPECT_EQ(outcome.configuration.nameservers, before.nameservers);
    EXPECT_EQ(outcome.configuration.sip_domains, std::vector<Text>{"example.test"});
    ASSERT_EQ(outcome.refused.size(), 1U);
    EXPECT_EQ(outcome.refused[0].where, "option 6");
  }
}

TEST(DhcpConfiguration, refuses_a_domain_that_is_no_host_name) {
  for (const auto data : {""sv, "\0"sv, "a..b"sv, ".a"sv, "a.."sv, "a b"sv, "a\nb"sv}) {
    const auto outcome = read(option_of(15, data));
    EXPECT_EQ(outcome.refused.size(), 1U) << data;
    EXPECT_EQ(outcome.configuration.domain, "");
  }
  EXPECT_EQ(read(option_of(15, std::string(64, 'a'))).refused.size(), 1U);
}

TEST(DhcpConfiguration, leaves_out_what_is_too_much) {
  std::string names(1, '\0');
  std::string addresses;
  for (int i = 0; i < 100; ++i) {
    names += labels("example.test");
    addresses += "\x0a\x4d\x00\x02"sv;
  }
  const auto outcome = read(split(120, names) + split(6, addresses));
  EXPECT_EQ(outcome.configuration.sip_domains.size(), most_names);
  EXPECT_EQ(outcome.configuration.nameservers.size(), most_addresses);
}

}  // namespace ringhold::dhcp
