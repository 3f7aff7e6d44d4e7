// What real servers answered (tests/data/dhcp), so that we do not only understand ourselves.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "dhcp/inquiry.hpp"
#include "dhcp/test_bench.hpp"

namespace ringhold::dhcp {

namespace {

std::string captured(const std::string& name) {
  std::ifstream file{RINGHOLD_SOURCE_DIR "/tests/data/dhcp/" + name + ".hex"};
  EXPECT_TRUE(file) << name;
  std::string bytes;
  unsigned high = 0;
  bool odd = false;
  for (auto c = std::istreambuf_iterator<char>{file}; c != std::istreambuf_iterator<char>{}; ++c) {
    if (*c == '\n') continue;
    const auto digit = static_cast<unsigned>(is_digit(*c) ? *c - '0' : *c - 'a' + 10);
    if (odd) bytes.push_back(static_cast<char>(high << 4U | digit));
    high = digit;
    odd = !odd;
  }
  return bytes;
}

struct Outcome {
  Configuration configuration;
  std::vector<Error> refused;
};

Outcome read(const std::string& name) {
  const auto message = Message::parse(captured(name));
  Outcome outcome;
  if (!message) {
    ADD_FAILURE() << name << ": " << message.error().where << " " << message.error().what;
    return outcome;
  }
  EXPECT_EQ(message->operation, Operation::reply);
  EXPECT_EQ(message->type(), MessageType::ack);
  EXPECT_TRUE(message->is_for(our_hardware));
  EXPECT_EQ(message->ciaddr, our_address);
  EXPECT_TRUE(message->yiaddr.is_unspecified()) << "RFC 2131 §4.3.5";
  outcome.refused = outcome.configuration.update(*message);
  EXPECT_EQ(outcome.configuration.server, *Address::parse("10.77.0.1"));
  return outcome;
}

std::vector<Text> names(int count) {
  std::vector<Text> list;
  for (int i = 0; i < count; ++i) list.push_back("registrar-" + std::to_string(i) + ".branch.example.test");
  return list;
}

const std::vector<std::string> servers{"dnsmasq", "kea", "isc"};
const std::vector box{*Address::parse("10.77.0.2")};

}  // namespace

TEST(CapturedAnswers, of_three_servers_with_our_snippet_say_the_domain_and_the_box_DIS_02_DIS_03) {
  for (const std::string& server : servers) {
    const auto outcome = read(server);
    EXPECT_EQ(outcome.configuration.sip_domains, std::vector<Text>{"example.test"}) << server;
    EXPECT_EQ(outcome.configuration.nameservers, box) << server;
    EXPECT_TRUE(outcome.refused.empty()) << server;
  }
}

TEST(CapturedAnswers, may_hold_addresses_DIS_02) {
  for (const std::string& server : servers) {
    const auto outcome = read(server + "-addresses");
    EXPECT_EQ(outcome.configuration.sip_addresses, (std::vector{*Address::parse("10.77.0.2"), *Address::parse("10.78.0.11")})) << server;
    EXPECT_TRUE(outcome.configuration.sip_domains.empty());
  }
}

TEST(CapturedAnswers, are_refused_where_they_hold_a_text_instead_of_labels_DIS_02) {
  for (const std::string& server : servers) {
    const auto outcome = read(server + "-text");
    EXPECT_TRUE(outcome.configuration.sip_domains.empty()) << server;
    EXPECT_EQ(outcome.configuration.nameservers, box) << server;
    ASSERT_EQ(outcome.refused.size(), 1U) << server;
    EXPECT_EQ(outcome.refused[0].where, "option 120");
    EXPECT_EQ(outcome.refused[0].what, "encoding is neither 0 nor 1");
  }
}

TEST(CapturedAnswers, may_come_in_pieces_of_any_length_RFC3396) {
  EXPECT_EQ(read("kea-split").configuration.sip_domains, names(12)) << "its first piece has 253 bytes";
  EXPECT_EQ(read("isc-split").configuration.sip_domains, names(12));
}

TEST(CapturedAnswers, may_use_the_field_of_the_file_name_RFC2131_4_1) {
  const auto message = Message::parse(captured("dnsmasq-overload"));
  ASSERT_TRUE(message);
  ASSERT_NE(message->find(option::sip_servers), nullptr);
  EXPECT_EQ(message->find(option::sip_servers)->offset, 108) << "where the file name would stand";
  const auto outcome = read("dnsmasq-overload");
  EXPECT_EQ(outcome.configuration.sip_domains, names(3));
  EXPECT_EQ(outcome.configuration.nameservers.size(), 10U);
}

TEST(CapturedAnswers, satisfy_an_inquiry_DIS_02) {
  for (const std::string& server : servers) {
    SeededRandom random{7};
    Outbox outbox;
    const Instant now = from_unix_ms(1'700'000'000'000);
    Inquiry inquiry{{our_hardware, our_address, 10min}, random};
    inquiry.start(now, outbox);
    std::string answer = captured(server);
    answer.replace(4, 4, outbox.message(outbox.sends().front()), 4, 4);
    inquiry.receive({Protocol::dhcp, Transport::udp, {}, {}, *Endpoint::parse("10.77.0.1:67", Port{}), answer}, now, outbox);
    ASSERT_TRUE(inquiry.configuration()) << server;
    EXPECT_EQ(inquiry.configuration()->sip_domains, std::vector<Text>{"example.test"});
  }
}

}  // namespace ringhold::dhcp
