#include "app/ring_when.hpp"

#include <gtest/gtest.h>

namespace ringhold::app {

TEST(RingWhen, is_read_and_written_G2) {
  const auto round = [](std::string_view text) {
    const auto when = parse_when(text);
    return when ? text_of_when(*when) : when.error();
  };
  EXPECT_EQ(round("mon-fri 08:00-17:00"), "mon-fri 08:00-17:00");
  EXPECT_EQ(round("mon,tue,wed,fri  08:00-17:00 "), "mon-wed,fri 08:00-17:00");
  EXPECT_EQ(round("sat,sun,holiday"), "sat,sun,holiday 00:00-24:00");
  EXPECT_EQ(round("fri-mon 22:00-06:00"), "mon,fri-sun 22:00-06:00");
  EXPECT_EQ(round("mon-sun,holiday"), "mon-sun,holiday 00:00-24:00");
  EXPECT_EQ(round("holiday"), "holiday 00:00-24:00");
  EXPECT_EQ(round("mon-mon"), "mon 00:00-24:00");
}

TEST(RingWhen, what_is_wrong_is_said_G2) {
  for (const char* wrong :
       {"", "monday", "mon-", "-fri", "mon,,tue", "mon-holiday", "mon 08:00", "mon 8-17", "mon 08:00-25:00", "08:00-17:00"})
    EXPECT_FALSE(parse_when(wrong)) << wrong;
  EXPECT_EQ(parse_when("mon 8-17").error(), "\"8-17\" is not as 08:00-17:00");
  EXPECT_EQ(parse_when("mon-holiday").error(), "\"mon-holiday\": a range is one of weekdays");
}

}  // namespace ringhold::app
