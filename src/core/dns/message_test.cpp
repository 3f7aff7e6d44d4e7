#include "dns/message.hpp"

#include <gtest/gtest.h>

namespace ringhold::dns {
namespace {

std::string hex(std::string_view text) {
  std::string bytes;
  unsigned value = 0;
  int digits = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\n') continue;
    value = value << 4U | static_cast<unsigned>(is_digit(c) ? c - '0' : c - 'a' + 10);
    if (++digits % 2 == 0) bytes.push_back(static_cast<char>(value & 0xffU));
  }
  return bytes;
}

// _sip._udp.example.test SRV, two records with compressed targets, one address, OPT.
const std::string srv_answer =
    hex("1234 8580 0001 0002 0000 0002"
        "04 5f736970 04 5f756470 07 6578616d706c65 04 74657374 00 0021 0001"
        "c00c 0021 0001 0000012c 000d 000a 003c 13c4 04 73697031 c016"
        "c00c 0021 0001 0000012c 000d 0014 0028 13c4 04 73697032 c016"
        "c03a 0001 0001 0000012c 0004 0a4e000b"
        "00 0029 04d0 00008000 0000");

TEST(Message, reads_an_srv_answer_with_compressed_names) {
  const auto message = Message::parse(srv_answer);
  ASSERT_TRUE(message) << message.error().what;
  EXPECT_EQ(message->id, 0x1234);
  EXPECT_TRUE(message->is_response());
  EXPECT_EQ(message->questions.front().name.text(), "_sip._udp.example.test");
  ASSERT_EQ(message->records.size(), 3U);
  const auto srv = Srv::parse(message->records[1].data);
  ASSERT_TRUE(srv);
  EXPECT_EQ(srv->priority, 20);
  EXPECT_EQ(srv->weight, 40);
  EXPECT_EQ(srv->port, 5060);
  EXPECT_EQ(srv->target.text(), "sip2.example.test");
  EXPECT_EQ(message->records[2].name.text(), "sip1.example.test");
  EXPECT_EQ(parse_address(type::a, message->records[2].data), Address::parse("10.78.0.11"));
  ASSERT_TRUE(message->edns);
  EXPECT_EQ(message->edns->payload, 1232);
  EXPECT_TRUE(message->edns->dnssec_ok);
  EXPECT_TRUE(message->opt_is_last);
}

TEST(Message, rejects_whole_whatever_is_cut_off_D11) {
  for (std::size_t size = 0; size < srv_answer.size(); ++size)
    EXPECT_FALSE(Message::parse(std::string_view{srv_answer}.substr(0, size))) << size;
  EXPECT_FALSE(Message::parse(srv_answer + "x"));
}

TEST(Message, rejects_records_past_the_end_D11) {
  std::string bytes = srv_answer;
  bytes[7] = 3;  // ANCOUNT
  EXPECT_FALSE(Message::parse(bytes));
}

TEST(Message, rejects_two_opt_records_RFC6891) {
  std::string bytes = srv_answer + hex("00 0029 04d0 00000000 0000");
  bytes[11] = 3;
  EXPECT_FALSE(Message::parse(bytes));
}

TEST(Message, rejects_addresses_of_wrong_size) {
  EXPECT_FALSE(Message::parse(hex("0001 8000 0000 0001 0000 0000  01 61 00 0001 0001 00000001 0003 0a0a0a")));
  EXPECT_FALSE(Message::parse(hex("0001 8000 0000 0001 0000 0000  01 61 00 001c 0001 00000001 0004 0a0a0a0a")));
}

TEST(Message, takes_a_ttl_with_the_highest_bit_as_zero_RFC2181) {
  const auto message = Message::parse(hex("0001 8000 0000 0001 0000 0000  01 61 00 0001 0001 80000001 0004 0a0a0a0a"));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->records.front().ttl, 0U);
}

TEST(Message, uncompresses_the_name_in_naptr_RFC3597) {
  const auto message =
      Message::parse(hex("0001 8400 0001 0001 0000 0000  04 74657374 00 0023 0001"
                         "c00c 0023 0001 0000003c 0014 000a 0032 01 73 07 5349502b443255 00 02 5f78 c00c"));
  ASSERT_TRUE(message) << message.error().what;
  EXPECT_TRUE(message->records.front().data.ends_with(std::string("\2_x\4test\0", 9)));
}

TEST(Message, rejects_naptr_data_that_ends_early) {
  EXPECT_FALSE(Message::parse(hex("0001 8400 0000 0001 0000 0000  01 61 00 0023 0001 0000003c 0006 000a 0032 ff 73")));
}

TEST(PlainQuery, reads_what_message_reads) {
  const std::string query = hex("abcd 0110 0001 0000 0000 0001 04 5f536970 00 0021 0001  00 0029 1000 00008000 0004 000a 0000");
  const auto plain = PlainQuery::parse(query);
  ASSERT_TRUE(plain);
  const auto message = Message::parse(query);
  ASSERT_TRUE(message);
  EXPECT_EQ(plain->id, 0xabcd);
  EXPECT_EQ(plain->flags, message->flags);
  EXPECT_EQ(plain->name, message->questions.front().name.wire());
  EXPECT_EQ(plain->type, type::srv);
  EXPECT_EQ(plain->edns->payload, 4096);
  EXPECT_EQ(plain->edns->version, 0);
  EXPECT_TRUE(plain->edns->dnssec_ok);
}

TEST(PlainQuery, leaves_everything_unusual_to_message) {
  EXPECT_FALSE(PlainQuery::parse(srv_answer));
  EXPECT_FALSE(PlainQuery::parse(""));
  EXPECT_FALSE(PlainQuery::parse(hex("abcd 0100 0002 0000 0000 0000 00 0021 0001 00 0021 0001")));  // two questions
  EXPECT_FALSE(PlainQuery::parse(hex("abcd 0100 0001 0000 0000 0000 c00c 0021 0001")));             // a pointer
  EXPECT_FALSE(PlainQuery::parse(hex("abcd 0100 0001 0000 0000 0000 00 0021 0001 00")));            // a byte too many
  EXPECT_FALSE(PlainQuery::parse(hex("abcd 0100 0001 0000 0000 0000 01 61")));                      // cut off
  EXPECT_FALSE(PlainQuery::parse(hex("abcd 0100 0001 0000 0000 0001 00 0021 0001 00 0029 1000 00008000 0009 000a")));
}

TEST(LastAlias, follows_cname_records_and_ends_in_a_loop) {
  const auto chain =
      Message::parse(hex("0001 8000 0000 0002 0000 0000"
                         "01 61 00 0005 0001 00000001 0003 01 62 00"
                         "01 62 00 0005 0001 00000001 0003 01 63 00"));
  ASSERT_TRUE(chain);
  EXPECT_EQ(last_alias(*chain, *Name::from_text("A")).text(), "c");
  EXPECT_EQ(last_alias(*chain, *Name::from_text("x")).text(), "x");
  const auto loop =
      Message::parse(hex("0001 8000 0000 0002 0000 0000"
                         "01 61 00 0005 0001 00000001 0003 01 62 00"
                         "01 62 00 0005 0001 00000001 0003 01 61 00"));
  last_alias(*loop, *Name::from_text("a"));  // returns
}

TEST(Srv, rejects_data_with_a_tail_or_without_target) {
  EXPECT_FALSE(Srv::parse(hex("000a 003c 13c4")));
  EXPECT_FALSE(Srv::parse(hex("000a 003c 13c4 01 61 00 00")));
  const auto srv = Srv::parse(hex("000a 003c 13c4 01 61 00"));
  ASSERT_TRUE(srv);
  EXPECT_EQ(srv->data(), hex("000a 003c 13c4 01 61 00"));
}

}  // namespace
}  // namespace ringhold::dns
