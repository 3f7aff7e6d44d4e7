#include "app/time_zones.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace ringhold::app {

namespace {

std::string local(const ringing::TimeZone& zone, Instant at) { return ringing::text_of(ringing::Calendar{zone, {}}.local(at)); }

}  // namespace

TEST(TimeZones, clocks_change_when_the_machine_s_data_say_so_G2) {
  const auto berlin = read_time_zone("Europe/Berlin");
  ASSERT_TRUE(berlin) << "tzdata is missing";
  EXPECT_EQ(berlin->name, "Europe/Berlin");
  EXPECT_TRUE(std::ranges::is_sorted(berlin->changes, {}, &ringing::TimeZone::Change::at));
  const Instant summer = from_unix_ms(1'774'746'000'000);  // 2026-03-29, 01:00 UTC
  EXPECT_EQ(local(*berlin, summer - 1ns), "2026-03-29 01:59");
  EXPECT_EQ(local(*berlin, summer), "2026-03-29 03:00");
  const Instant winter = from_unix_ms(1'792'890'000'000);  // 2026-10-25, 01:00 UTC
  EXPECT_EQ(local(*berlin, winter - 1ns), "2026-10-25 02:59");
  EXPECT_EQ(local(*berlin, winter), "2026-10-25 02:00");
  EXPECT_EQ(local(*berlin, from_unix_ms(0)), "1970-01-01 01:00");
  EXPECT_EQ(local(*berlin, from_unix_ms(2'098'008'000'000)), "2036-06-25 14:00") << "years ahead, too";
}

TEST(TimeZones, of_some_places_the_clocks_never_change_G2) {
  const auto kathmandu = read_time_zone("Asia/Kathmandu");
  ASSERT_TRUE(kathmandu);
  EXPECT_EQ(local(*kathmandu, from_unix_ms(1'790'000'000'000)), "2026-09-21 19:58");
  const auto utc = read_time_zone("UTC");
  ASSERT_TRUE(utc);
  EXPECT_TRUE(utc->changes.empty());
}

TEST(TimeZones, what_is_no_time_zone_is_none_G2) {
  for (const char* wrong : {"", "Mars", "Europe", "../../etc/passwd", "/etc/localtime"}) EXPECT_FALSE(read_time_zone(wrong)) << wrong;
}

}  // namespace ringhold::app
