#include "central/return_pace.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ringhold::central {
namespace {

using Verdict = ReturnPace::Verdict;

const Instant start = from_unix_ms(1'700'000'000'000);

TEST(ReturnPace, sends_nobody_before_it_opens_S5) {
  ReturnPace pace{20};
  EXPECT_EQ(pace.ask("a", start), Verdict::stay);
  pace.open(start + 30s);
  EXPECT_EQ(pace.ask("a", start + 29s), Verdict::stay);
  EXPECT_EQ(pace.ask("a", start + 30s), Verdict::go);
}

TEST(ReturnPace, keeps_to_its_rate_S5) {
  ReturnPace pace{20};
  pace.open(start);
  int sent = 0;
  for (int millisecond = 0; millisecond < 10'000; millisecond += 10)
    if (pace.ask("phone " + std::to_string(millisecond), start + millisecond * 1ms) == Verdict::go) ++sent;
  EXPECT_GE(sent, 20 * 10);
  EXPECT_LE(sent, 20 * 11);
}

TEST(ReturnPace, leaves_in_peace_who_comes_back_within_a_minute_X_25) {
  ReturnPace pace{20};
  pace.open(start);
  EXPECT_EQ(pace.ask("a", start), Verdict::go);
  EXPECT_EQ(pace.ask("a", start + 59s), Verdict::came_back);
  EXPECT_EQ(pace.ask("a", start + 119s), Verdict::stay);
  EXPECT_EQ(pace.ask("a", start + 59s + 10min), Verdict::go);
}

TEST(ReturnPace, sends_again_who_comes_back_after_a_minute_X_25) {
  ReturnPace pace{20};
  pace.open(start);
  EXPECT_EQ(pace.ask("a", start), Verdict::go);
  EXPECT_EQ(pace.ask("a", start + 60s), Verdict::go);
}

TEST(ReturnPace, remembers_a_bounded_number_of_devices_X1) {
  ReturnPace pace{1'000'000};
  pace.open(start);
  for (std::size_t i = 0; i < ReturnPace::capacity; ++i) ASSERT_EQ(pace.ask(std::to_string(i), start + 1ms * i), Verdict::go);
  EXPECT_EQ(pace.ask("one more", start + 20s), Verdict::stay);
  EXPECT_EQ(pace.remembered(), ReturnPace::capacity);
  EXPECT_EQ(pace.ask("one more", start + 90s), Verdict::go);
  EXPECT_EQ(pace.remembered(), 1U);
}

TEST(ReturnPace, forgets_all_when_closed_S5) {
  ReturnPace pace{20};
  pace.open(start);
  pace.ask("a", start);
  pace.close();
  EXPECT_EQ(pace.remembered(), 0U);
  EXPECT_EQ(pace.ask("b", start), Verdict::stay);
}

}  // namespace
}  // namespace ringhold::central
