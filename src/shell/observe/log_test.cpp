#include "shell/observe/log.hpp"

#include <gtest/gtest.h>

namespace ringhold::observe {

namespace {
std::string value(std::string_view text) {
  std::string line;
  append_value(line, text);
  return line;
}
}  // namespace

TEST(Log, writes_plain_values_bare) {
  EXPECT_EQ(value("sip:alice@example.test"), "sip:alice@example.test");
  EXPECT_EQ(value("udp:10.77.0.2:5060"), "udp:10.77.0.2:5060");
}

TEST(Log, quotes_what_could_be_misread_X1) {
  EXPECT_EQ(value(""), "\"\"");
  EXPECT_EQ(value("a b"), "\"a b\"");
  EXPECT_EQ(value("sip:a;expires=60"), "\"sip:a;expires=60\"");
  EXPECT_EQ(value("say \"hi\"\\"), "\"say \\\"hi\\\"\\\\\"");
}

TEST(Log, never_lets_a_line_end_inside_a_value_X1) {
  EXPECT_EQ(value("x\r\nlevel=error"), "\"x\\r\\nlevel=error\"");
  EXPECT_EQ(value(std::string_view{"\0\x1b", 2}), "\"\\x00\\x1b\"");
}

TEST(Log, writes_time_as_RFC3339) { EXPECT_EQ(rfc3339(1'795'213'741'042), "2026-11-20T22:29:01.042Z"); }

TEST(Log, knows_its_levels_by_name) {
  EXPECT_EQ(parse_severity("warning"), Severity::warning);
  EXPECT_FALSE(parse_severity("loud"));
}

}  // namespace ringhold::observe
