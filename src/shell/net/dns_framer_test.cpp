#include "shell/net/dns_framer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ringhold::net {

namespace {
std::string framed(const std::string& message) {
  return std::string{static_cast<char>(message.size() >> 8U), static_cast<char>(message.size() & 0xffU)} + message;
}
const std::string first(12, 'a');
const std::string second(300, 'b');
}  // namespace

TEST(DnsFramer, cuts_pipelined_messages_D10) {
  DnsFramer framer;
  framer.feed(framed(first) + framed(second));
  EXPECT_EQ(framer.take(), first);
  EXPECT_EQ(framer.take(), second);
  EXPECT_FALSE(framer.take());
  EXPECT_EQ(framer.buffered(), 0U);
}

TEST(DnsFramer, waits_for_the_rest_of_a_message_byte_by_byte_D10) {
  DnsFramer framer;
  const std::string stream = framed(second);
  for (std::size_t i = 0; i + 1 < stream.size(); ++i) {
    framer.feed(stream.substr(i, 1));
    ASSERT_FALSE(framer.take());
  }
  framer.feed(stream.substr(stream.size() - 1));
  EXPECT_EQ(framer.take(), second);
}

TEST(DnsFramer, gives_a_stream_up_whose_length_is_shorter_than_a_header_D10) {
  DnsFramer framer;
  framer.feed(framed("short"));
  EXPECT_FALSE(framer.take());
  EXPECT_TRUE(framer.broken());
}

}  // namespace ringhold::net
