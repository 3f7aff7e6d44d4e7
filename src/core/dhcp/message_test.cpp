#include "dhcp/message.hpp"

#include <gtest/gtest.h>

#include "dhcp/test_bench.hpp"

namespace ringhold::dhcp {

namespace {

using namespace std::literals;

Result<Message> with(std::string options, std::string sname = {}, std::string file = {}) {
  Reply reply;
  reply.options = std::move(options);
  reply.sname = std::move(sname);
  reply.file = std::move(file);
  return Message::parse(reply.bytes());
}

void expect_refusal(const Result<Message>& message, std::string_view where, std::uint32_t offset, std::string_view what) {
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().where, where);
  EXPECT_EQ(message.error().offset, offset);
  EXPECT_EQ(message.error().what, what);
}

std::string data_of(const Result<Message>& message, std::uint8_t code) {
  if (!message) return "refused: " + std::string{message.error().what};
  const Option* option = message->find(code);
  return option == nullptr ? "none" : option->data;
}

}  // namespace

TEST(Inform, asks_for_nameservers_and_SIP_servers_DIS_02_DIS_03) {
  std::string out = "before";
  append_inform(out, {0x12345678, 7, our_address, our_hardware});
  const std::string bytes = out.substr(6);
  EXPECT_EQ(bytes.size(), 300) << "RFC 951: relays drop what is shorter";
  EXPECT_EQ(bytes.substr(0, 12), "\x01\x01\x06\x00\x12\x34\x56\x78\x00\x07\x00\x00"sv);
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->type(), MessageType::inform);
  EXPECT_EQ(message->operation, Operation::request);
  EXPECT_EQ(message->xid, 0x12345678U);
  EXPECT_EQ(message->seconds, 7);
  EXPECT_EQ(message->ciaddr, our_address) << "RFC 2131 §4.4.3";
  EXPECT_TRUE(message->yiaddr.is_unspecified());
  EXPECT_TRUE(message->is_for(our_hardware));
  EXPECT_EQ(data_of(message, option::parameter_request_list), "\x06\x0f\x78"sv);
  EXPECT_EQ(data_of(message, option::client_identifier), "\x01\x02\x00\x00\x77\x00\x31"sv) << "RFC 2132 §9.14";
  EXPECT_EQ(data_of(message, option::max_message_size), "\x05\xdc"sv);
  EXPECT_EQ(message->find(50), nullptr) << "RFC 2131 table 5: no address is asked for";
  EXPECT_EQ(message->find(51), nullptr) << "RFC 2131 table 5: nor a lease";
}

TEST(DhcpMessage, reads_the_head_of_any_message_RFC2131_2) {
  Reply reply;
  reply.xid = 0xfedcba98;
  const auto head = read_head(reply.bytes());
  ASSERT_TRUE(head);
  EXPECT_EQ(head->operation, Operation::reply);
  EXPECT_EQ(head->xid, 0xfedcba98U);
  EXPECT_FALSE(read_head("\x02\x01\x06\x00\x01\x02\x03"sv));
}

TEST(DhcpMessage, passes_over_padding_and_stops_at_the_end_RFC2132_3) {
  const auto message = with("\0\0"s + option_of(15, "a") + "\0"s + option_of(6, "1234") + "\xff\x0f"s);
  EXPECT_EQ(data_of(message, 15), "a");
  EXPECT_EQ(data_of(message, 6), "1234");
}

TEST(DhcpMessage, does_without_an_end_at_the_very_end) {
  std::string bytes = Reply{.options = option_of(15, "a")}.bytes();
  bytes.pop_back();
  EXPECT_EQ(data_of(Message::parse(bytes), 15), "a");
}

TEST(DhcpMessage, joins_an_option_that_came_in_pieces_RFC3396_7) {
  const std::string first(255, 'a');
  const auto message = with(option_of(120, first) + option_of(6, "1234") + option_of(120, "bcd"));
  EXPECT_EQ(data_of(message, 120), first + "bcd");
  ASSERT_NE(message->find(120), nullptr);
  EXPECT_EQ(message->find(120)->offset, 243) << "of the first piece";
}

TEST(DhcpMessage, reads_file_before_sname_when_both_are_overloaded_RFC3396_5) {
  const auto message =
      with(option_of(120, "a") + option_of(option::overload, "\x03"), option_of(120, "cc") + "\xff", option_of(120, "b") + "\xff");
  EXPECT_EQ(data_of(message, 120), "abcc");
  EXPECT_EQ(message->find(option::overload), nullptr);
}

TEST(DhcpMessage, reads_only_the_fields_that_overload_names_RFC2132_9_3) {
  const std::string sname = option_of(120, "cc");
  const std::string file = option_of(120, "b");
  EXPECT_EQ(data_of(with(option_of(option::overload, "\x01"), sname, file), 120), "b");
  EXPECT_EQ(data_of(with(option_of(option::overload, "\x02"), sname, file), 120), "cc");
  EXPECT_EQ(data_of(with("", sname, file), 120), "none");
}

TEST(DhcpMessage, overload_inside_of_an_overloaded_field_says_nothing_RFC2131_4_1) {
  const auto message = with(option_of(option::overload, "\x01"), option_of(120, "cc"), option_of(option::overload, "\x03"));
  EXPECT_EQ(data_of(message, 120), "none");
  EXPECT_EQ(data_of(message, option::overload), "none");
}

TEST(DhcpMessage, refuses_an_overload_that_is_unknown) {
  for (const std::string& value : {"\x00"s, "\x04"s, ""s, "\x01\x01"s})
    expect_refusal(with(option_of(option::overload, value)), "overload", 243, "is not 1, 2 or 3");
}

TEST(DhcpMessage, refuses_options_that_go_past_the_end_X1) {
  expect_refusal(Message::parse(Reply{}.bytes().substr(0, 243) + "\x78\x05"s + "abcd"), "options", 243, "option goes past the end");
  expect_refusal(Message::parse(Reply{}.bytes().substr(0, 243) + "\x78"s), "options", 243, "option has no length");
  const std::string file = std::string(126, '\0') + "\x78\x01"s;
  expect_refusal(with(option_of(option::overload, "\x01"), {}, file), "file", 108 + 126, "option goes past the end");
  const std::string sname = std::string(63, '\0') + "\x78"s;
  expect_refusal(with(option_of(option::overload, "\x02"), sname), "sname", 44 + 63, "option has no length");
}

TEST(DhcpMessage, refuses_all_that_is_cut_off_in_the_fixed_fields_X1) {
  const std::string whole = Reply{.options = option_of(120, "abc")}.bytes();
  for (std::size_t size = 0; size < 240; ++size)
    expect_refusal(Message::parse(std::string_view{whole}.substr(0, size)), "message", static_cast<std::uint32_t>(size),
                   "shorter than its fixed fields");
  for (std::size_t size = 240; size <= whole.size(); ++size) (void)Message::parse(std::string_view{whole}.substr(0, size));
}

TEST(DhcpMessage, refuses_BOOTP_without_the_cookie_and_hardware_that_is_too_long) {
  std::string bytes = Reply{}.bytes();
  bytes[2] = 17;
  expect_refusal(Message::parse(bytes), "hlen", 2, "is more than 16");
  bytes[236] = 0;
  expect_refusal(Message::parse(bytes), "cookie", 236, "is not that of DHCP");
}

TEST(DhcpMessage, knows_no_type_when_it_is_missing_or_malformed) {
  std::string bytes = Reply{}.bytes();
  EXPECT_EQ(Message::parse(bytes)->type(), MessageType::ack);
  EXPECT_FALSE(Message::parse(bytes.substr(0, 240))->type());
  EXPECT_FALSE(with(option_of(option::message_type, "\x05"))->type()) << "twice is two bytes";
}

TEST(DhcpMessage, is_for_whom_hardware_type_and_address_say) {
  std::string bytes = Reply{}.bytes();
  EXPECT_TRUE(Message::parse(bytes)->is_for(our_hardware));
  EXPECT_FALSE(Message::parse(bytes)->is_for({2, 0, 0, 0x77, 0, 0x32}));
  bytes[1] = 6;
  EXPECT_FALSE(Message::parse(bytes)->is_for(our_hardware));
  bytes[1] = 1;
  bytes[2] = 5;
  EXPECT_FALSE(Message::parse(bytes)->is_for(our_hardware));
}

}  // namespace ringhold::dhcp
