#include "ringing/schedule.hpp"

#include <gtest/gtest.h>

#include "ringing/media_service.hpp"

namespace ringhold::ringing {

namespace {

using std::chrono::sys_days;
using namespace std::chrono;  // days, weekdays and their literals are what this file is about

Instant utc(int year, unsigned month, unsigned day, minutes time) {
  return Instant{sys_days{std::chrono::year{year} / month / day}.time_since_epoch() + time};
}
local_days date(int year, unsigned month, unsigned day) { return local_days{std::chrono::year{year} / month / day}; }

/// Berlin in 2026 and 2027, and its days off.
Calendar berlin() {
  return {{"Europe/Berlin",
           1h,
           {{utc(2026, 3, 29, 1h), 2h}, {utc(2026, 10, 25, 1h), 1h}, {utc(2027, 3, 28, 1h), 2h}, {utc(2027, 10, 31, 1h), 1h}}},
          {date(2026, 12, 25), date(2027, 1, 1)}};
}
Schedule on(std::initializer_list<std::string> days, std::string_view from, std::string_view to) {
  return {*parse_days(std::vector<std::string>{days}), *parse_time_of_day(from), *parse_time_of_day(to), {}};
}
bool holds(const Schedule& schedule, Instant now, const Calendar& calendar = berlin()) {
  return holding(std::span{&schedule, 1}, calendar, now) != nullptr;
}
const Schedule office = on({"mon", "tue", "wed", "thu", "fri"}, "08:00", "17:00");
const Schedule night = on({"fri"}, "22:00", "06:00");

}  // namespace

TEST(Schedule, holds_from_its_first_minute_to_its_last_G2) {
  EXPECT_FALSE(holds(office, utc(2026, 6, 15, 5h + 59min)));
  EXPECT_TRUE(holds(office, utc(2026, 6, 15, 6h)));
  EXPECT_TRUE(holds(office, utc(2026, 6, 15, 15h) - 1ns));
  EXPECT_FALSE(holds(office, utc(2026, 6, 15, 15h)));
  EXPECT_FALSE(holds(office, utc(2026, 6, 13, 9h))) << "Saturday";
  EXPECT_TRUE(holds(office, utc(2026, 12, 14, 7h))) << "in winter an hour later";
  EXPECT_FALSE(holds(office, utc(2026, 12, 14, 7h) - 1ns));
}

TEST(Schedule, goes_by_the_clock_on_the_wall_when_clocks_are_changed_G2) {
  const Schedule small_hours = on({"sun"}, "02:00", "03:00");
  for (const Duration at : {Duration{0}, Duration{59min}, Duration{60min}, Duration{61min}, Duration{3h}})
    EXPECT_FALSE(holds(small_hours, utc(2026, 3, 29, 0h) + at)) << "02:00 to 03:00 do not come";
  EXPECT_FALSE(holds(small_hours, utc(2026, 10, 25, -1min)));
  EXPECT_TRUE(holds(small_hours, utc(2026, 10, 25, 0h)));
  EXPECT_TRUE(holds(small_hours, utc(2026, 10, 25, 1h))) << "and again";
  EXPECT_FALSE(holds(small_hours, utc(2026, 10, 25, 2h)));
  EXPECT_TRUE(holds(on({"sun"}, "00:00", "24:00"), utc(2026, 10, 25, 22h + 59min))) << "a day of 25 hours";
  EXPECT_FALSE(holds(on({"sun"}, "00:00", "24:00"), utc(2026, 10, 25, 23h)));
}

TEST(Schedule, past_midnight_the_day_of_its_beginning_counts_G2) {
  EXPECT_TRUE(holds(night, utc(2026, 6, 12, 20h))) << "Friday, 22:00";
  EXPECT_TRUE(holds(night, utc(2026, 6, 13, 3h))) << "Saturday, 05:00";
  EXPECT_FALSE(holds(night, utc(2026, 6, 13, 4h)));
  EXPECT_FALSE(holds(night, utc(2026, 6, 12, 3h))) << "Friday, 05:00, is Thursday's night";
  EXPECT_FALSE(holds(night, utc(2026, 6, 13, 20h)));
  const Schedule sunday = on({"sun"}, "23:00", "01:00");
  EXPECT_TRUE(holds(sunday, utc(2026, 6, 14, 22h + 30min))) << "Monday, 00:30";
  EXPECT_FALSE(holds(sunday, utc(2026, 6, 15, 22h + 30min)));
  EXPECT_TRUE(holds(on({"fri"}, "20:00", "24:00"), utc(2026, 6, 12, 21h + 59min)));
  EXPECT_FALSE(holds(on({"fri"}, "20:00", "24:00"), utc(2026, 6, 12, 22h)));
}

TEST(Schedule, a_holiday_is_no_weekday_G2) {
  EXPECT_FALSE(holds(office, utc(2026, 12, 25, 9h))) << "a Friday";
  EXPECT_TRUE(holds(on({"holiday"}, "00:00", "24:00"), utc(2026, 12, 25, 9h)));
  EXPECT_TRUE(holds(on({"fri", "holiday"}, "00:00", "24:00"), utc(2026, 12, 25, 9h)));
  EXPECT_FALSE(holds(on({"holiday"}, "00:00", "24:00"), utc(2026, 12, 25, 23h))) << "in Berlin it is over";
  EXPECT_TRUE(holds(on({"holiday"}, "00:00", "24:00"), utc(2026, 12, 24, 23h)));
  EXPECT_FALSE(holds(night, utc(2026, 12, 26, 3h))) << "the night began on a holiday";
  EXPECT_TRUE(holds(on({"holiday"}, "22:00", "06:00"), utc(2026, 12, 26, 3h)));
}

TEST(Schedule, the_year_ends_where_the_branch_is_G2) {
  const Schedule thursday = on({"thu"}, "18:00", "03:00");
  EXPECT_TRUE(holds(thursday, utc(2026, 12, 31, 22h)));
  EXPECT_TRUE(holds(thursday, utc(2027, 1, 1, 1h))) << "New Year's morning belongs to Thursday's evening";
  EXPECT_FALSE(holds(thursday, utc(2027, 1, 1, 2h)));
  EXPECT_EQ(text_of(berlin().local(utc(2026, 12, 31, 23h))), "2027-01-01 00:00");
  EXPECT_EQ(text_of(berlin().local(utc(1969, 12, 31, 22h + 59min))), "1969-12-31 23:59");
}

TEST(Schedule, far_away_days_go_by_the_first_and_the_last_rule_G2) {
  EXPECT_EQ(berlin().zone.offset_at(utc(1990, 7, 1, 0h)), 1h);
  EXPECT_EQ(berlin().zone.offset_at(utc(2090, 7, 1, 0h)), 1h);
  EXPECT_EQ(TimeZone{}.offset_at(utc(2026, 7, 1, 0h)), 0s);
  const Calendar kathmandu{{"Asia/Kathmandu", 5h + 45min, {}}, {}};
  EXPECT_EQ(text_of(kathmandu.local(utc(2026, 6, 14, 18h + 15min))), "2026-06-15 00:00");
}

TEST(Schedule, the_first_that_holds_counts_G2) {
  const std::vector schedules{on({"wed"}, "12:00", "13:00"), office, on({"wed"}, "00:00", "24:00")};
  EXPECT_EQ(holding(schedules, berlin(), utc(2026, 6, 17, 10h)), &schedules[0]);
  EXPECT_EQ(holding(schedules, berlin(), utc(2026, 6, 17, 11h)), &schedules[1]);
  EXPECT_EQ(holding(schedules, berlin(), utc(2026, 6, 17, 20h)), &schedules[2]);
  EXPECT_EQ(holding(schedules, berlin(), utc(2026, 6, 18, 20h)), nullptr);
}

TEST(Schedule, dates_and_hours_are_read_strictly_G2) {
  for (const char* wrong :
       {"", "2026-13-01", "2026-02-29", "2026-1-1", "2026/01/01", "26-01-01", "2026-01-01 ", "2026-00-01", "20x6-01-01"})
    EXPECT_FALSE(parse_date(wrong)) << wrong;
  EXPECT_EQ(parse_date("2028-02-29"), date(2028, 2, 29));
  for (const char* wrong : {"", "8:00", "08:60", "24:01", "25:00", "08.00", "08:00 ", "-1:00"})
    EXPECT_FALSE(parse_time_of_day(wrong)) << wrong;
  EXPECT_EQ(parse_time_of_day("24:00"), 24h);
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{}, {"monday"}, {"mon", ""}}) EXPECT_FALSE(parse_days(wrong));
}

TEST(Schedule, schedules_are_the_same_after_the_store_INT08) {
  std::vector<Schedule> given{office, night, on({"holiday"}, "00:00", "24:00")};
  given[0].plan = {{{{TypeCode{0}, TypeCode{1}}, 15s}, {{TypeCode{2}}, 20s}}, "voicemail"};
  given[2].plan.fallback = "-";
  EXPECT_EQ(parse_schedules(text_of(given)), given);
  EXPECT_EQ(parse_schedules(""), std::vector<Schedule>{});
  for (const char* wrong : {"mon", "mon 08:00", "mon 08:00-", " 08:00-17:00", "mon 08:00-17:00 x", "mon 08:00-17:00 0:0", "mon 08:00-08:00",
                            "mon 24:00-08:00", "mon 08:00-00:00", "mon 08:00-17:00\n\nmon 08:00-17:00"})
    EXPECT_FALSE(parse_schedules(wrong)) << wrong;
  std::string many;
  for (std::size_t i = 0; i <= most_schedules; ++i) many += "mon 08:00-17:00\n";
  EXPECT_FALSE(parse_schedules(many));
}

TEST(Schedule, a_profile_is_made_of_two_rows_INT08) {
  Settings settings;
  settings.calendar = berlin();
  MediaService media{settings};
  Outbox outbox;
  RingProfile given{"8002", {{{{TypeCode{0}}, 0s}}}, {office}};
  given.schedules[0].plan.steps = {{{TypeCode{1}}, 0s}};
  ASSERT_EQ(media.put(given, outbox), "");
  EXPECT_EQ(media.profile("8002")->schedules[0].plan.steps[0].ring, 15s) << "ringing.step";
  MediaService again{settings};
  for (const Change& change : outbox.changes()) again.restore({change.table, change.columns.unpacked()});
  ASSERT_NE(again.profile("8002"), nullptr);
  EXPECT_EQ(*again.profile("8002"), *media.profile("8002"));
  EXPECT_EQ(again.plan("8002", utc(2026, 6, 15, 9h))->steps[0].types, std::vector{TypeCode{1}});
  EXPECT_EQ(again.plan("8002", utc(2026, 6, 15, 19h))->steps[0].types, std::vector{TypeCode{0}});
  again.forget(Table::ring_schedule, "8002");
  EXPECT_EQ(again.plan("8002", utc(2026, 6, 15, 9h))->steps[0].types, std::vector{TypeCode{0}});
  again.forget(Table::ring_profile, "8002");
  EXPECT_EQ(again.profile("8002"), nullptr);
  outbox.clear();
  media.remove("8002", outbox);
  ASSERT_EQ(outbox.changes().size(), 2U);
  for (const Change& change : outbox.changes()) EXPECT_TRUE(change.columns.empty());
}

TEST(Schedule, what_is_wrong_is_said_G2) {
  const TerminalTypes types{usual_types()};
  EXPECT_EQ(wrong_with(std::vector{office, on({"mon"}, "08:00", "08:00")}, types),
            "schedule 2: it ends when it begins; the whole day is 00:00 to 24:00");
  EXPECT_EQ(wrong_with(std::vector{on({"mon"}, "24:00", "08:00")}, types), "schedule 1: it begins at 23:59 at the latest");
  EXPECT_EQ(wrong_with(std::vector{on({"mon"}, "20:00", "00:00")}, types), "schedule 1: midnight, when it ends, is 24:00");
  EXPECT_EQ(wrong_with(std::vector<Schedule>(most_schedules + 1, office), types), "more than 16 schedules");
  EXPECT_EQ(wrong_with(std::vector{office, night}, types), "");
}

}  // namespace ringhold::ringing
