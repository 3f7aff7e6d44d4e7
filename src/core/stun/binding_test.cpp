#include "stun/binding.hpp"

#include <gtest/gtest.h>

namespace ringhold::stun {

namespace {

using namespace std::literals;

const Endpoint source = *Endpoint::parse("192.0.2.1:32853", Port{});

/// A binding request with RFC 5769's transaction.
std::string request(std::string_view attributes = {}) {
  std::string bytes = "\x00\x01"s;
  bytes.push_back('\0');
  bytes.push_back(static_cast<char>(attributes.size()));
  return bytes.append("\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"sv).append(attributes);
}

}  // namespace

TEST(Binding, tells_an_IPv4_source_as_RFC5769_writes_it) {
  std::string answer;
  ASSERT_TRUE(append_answer(answer, request(), source));
  EXPECT_EQ(answer.substr(0, 4), "\x01\x01\x00\x0c"sv);
  EXPECT_EQ(answer.substr(4, 16), request().substr(4, 16));
  EXPECT_EQ(answer.substr(20), "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"sv) << "RFC 5769 §2.2";
}

TEST(Binding, tells_an_IPv6_source_as_RFC5769_writes_it) {
  std::string answer;
  ASSERT_TRUE(append_answer(answer, request(), *Endpoint::parse("[2001:db8:1234:5678:11:2233:4455:6677]:32853", Port{})));
  EXPECT_EQ(answer.substr(20), "\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9"sv)
      << "RFC 5769 §2.3";
}

TEST(Binding, passes_over_what_it_need_not_understand_RFC8489_14) {
  std::string answer;
  EXPECT_TRUE(append_answer(answer,
                            request("\x80\x22\x00\x03"
                                    "abc\x00\x00\x06\x00\x01u\x00\x00\x00"sv),
                            source));
  EXPECT_EQ(answer.substr(0, 2), "\x01\x01"sv);
}

TEST(Binding, refuses_what_it_should_understand_with_420_RFC8489_6_3_1) {
  std::string answer;
  ASSERT_TRUE(append_answer(answer, request("\x00\x03\x00\x04\x00\x00\x00\x06"sv), source));
  EXPECT_EQ(answer.substr(0, 2), "\x01\x11"sv);
  EXPECT_EQ(static_cast<std::size_t>(answer[3]), answer.size() - 20);
  EXPECT_EQ(answer.substr(20, 8), "\x00\x09\x00\x15\x00\x00\x04\x14"sv);
  EXPECT_TRUE(answer.ends_with("\x00\x0a\x00\x02\x00\x03\x00\x00"sv));
}

TEST(Binding, is_silent_to_all_else_X1) {
  std::string answer;
  std::string indication = request();
  indication[1] = '\x11';
  for (const std::string& bytes : {std::string{}, request().substr(0, 19), indication, request("abc"),
                                   request("\x80\x22\x00\x08"
                                           "abcd"sv),
                                   request() + "x", "OPTIONS sip:a SIP/2.0\r\n\r\n"s})
    EXPECT_FALSE(append_answer(answer, bytes, source));
  EXPECT_TRUE(answer.empty());
  EXPECT_FALSE(is_stun("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"));
  EXPECT_TRUE(is_stun(indication)) << "and it is not taken for SIP";
}

TEST(Binding, answers_hardly_more_than_was_asked) {
  std::string attributes;
  for (char i = 1; i < 60; ++i) attributes.append("\x7f"sv).append(1, i).append("\x00\x00"sv);
  std::string answer;
  ASSERT_TRUE(append_answer(answer, request(attributes), source));
  EXPECT_LT(answer.size(), request(attributes).size());
}

}  // namespace ringhold::stun
