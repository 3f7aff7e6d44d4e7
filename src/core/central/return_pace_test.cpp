#include "central/return_pace.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ringhold::central {
namespace {

using Verdict = ReturnPace::Verdict;
constexpr auto everyone = ReturnPace::Whom::everyone;
constexpr auto settled = ReturnPace::Whom::settled;

const Instant start = from_unix_ms(1'700'000'000'000);

TEST(ReturnPace, sends_nobody_before_it_opens_S5) {
  ReturnPace pace{20};
  EXPECT_EQ(pace.ask("a", everyone, start), Verdict::stay);
  pace.open(start + 30s);
  EXPECT_EQ(pace.ask("a", everyone, start + 29s), Verdict::stay);
  EXPECT_EQ(pace.ask("a", everyone, start + 30s), Verdict::go);
}

TEST(ReturnPace, keeps_to_its_rate_S5) {
  ReturnPace pace{20};
  pace.open(start);
  int sent = 0;
  for (int millisecond = 0; millisecond < 10'000; millisecond += 10)
    if (pace.ask("phone " + std::to_string(millisecond), everyone, start + millisecond * 1ms) == Verdict::go) ++sent;
  EXPECT_GE(sent, 20 * 10);
  EXPECT_LE(sent, 20 * 11);
}

TEST(ReturnPace, leaves_in_peace_who_comes_back_X_25) {
  ReturnPace pace{20};
  pace.open(start);
  EXPECT_EQ(pace.ask("a", everyone, start), Verdict::go);
  EXPECT_EQ(pace.ask("a", everyone, start + 59s), Verdict::came_back);
  EXPECT_EQ(pace.ask("a", everyone, start + 119s), Verdict::stay);
  EXPECT_EQ(pace.ask("a", everyone, start + 59s + 10min), Verdict::go);
  EXPECT_EQ(pace.ask("a", everyone, start + 12min), Verdict::came_back);
  EXPECT_EQ(pace.ask("a", everyone, start + 30min), Verdict::stay) << "twice as long the second time";
  EXPECT_EQ(pace.ask("a", everyone, start + 32min), Verdict::go);
}

TEST(ReturnPace, knows_who_comes_back_after_two_timers_f_X_25) {
  ReturnPace pace{20};
  pace.open(start);
  EXPECT_EQ(pace.ask("a", everyone, start), Verdict::go);
  EXPECT_EQ(pace.ask("a", everyone, start + 64s), Verdict::came_back);
}

TEST(ReturnPace, answers_a_repeated_request_as_before_RFC_3261_17_2_2) {
  ReturnPace pace{1};
  pace.open(start);
  EXPECT_EQ(pace.ask("a", everyone, start), Verdict::go);
  EXPECT_EQ(pace.ask("a", everyone, start + 500ms), Verdict::go);
  EXPECT_EQ(pace.ask("a", everyone, start + 3500ms), Verdict::go);
  EXPECT_EQ(pace.ask("b", everyone, start + 3500ms), Verdict::go) << "repetitions cost no token";
}

TEST(ReturnPace, sends_again_who_comes_back_much_later_S5) {
  ReturnPace pace{20};
  pace.open(start);
  EXPECT_EQ(pace.ask("a", everyone, start), Verdict::go);
  EXPECT_EQ(pace.ask("a", everyone, start + 3min), Verdict::go);
}

TEST(ReturnPace, serves_who_arrives_and_sends_who_has_settled_DIS_26) {
  ReturnPace pace{20};
  pace.open(start);
  for (Duration refresh = 0s; refresh < 10min; refresh += 54s)
    EXPECT_EQ(pace.ask("a", settled, start + refresh), Verdict::stay) << "X-25: it has just failed there";
  EXPECT_EQ(pace.ask("a", settled, start + 10min), Verdict::go);
  EXPECT_EQ(pace.ask("a", settled, start + 11min), Verdict::came_back);
  EXPECT_EQ(pace.ask("a", settled, start + 30min), Verdict::stay);
  EXPECT_EQ(pace.ask("a", settled, start + 31min), Verdict::go);
  EXPECT_EQ(pace.ask("a", settled, start + 40min), Verdict::stay) << "it had gone home, and arrives anew";
}

TEST(ReturnPace, remembers_a_bounded_number_of_devices_X1) {
  ReturnPace pace{1'000'000};
  pace.open(start);
  for (std::size_t i = 0; i < ReturnPace::capacity; ++i) ASSERT_EQ(pace.ask(std::to_string(i), everyone, start + 1ms * i), Verdict::go);
  EXPECT_EQ(pace.ask("one more", everyone, start + 20s), Verdict::stay);
  EXPECT_EQ(pace.remembered(), ReturnPace::capacity);
  EXPECT_EQ(pace.ask("one more", everyone, start + 11min), Verdict::go);
  EXPECT_EQ(pace.remembered(), 1U);
}

TEST(ReturnPace, forgets_all_when_closed_S5) {
  ReturnPace pace{20};
  pace.open(start);
  pace.ask("a", everyone, start);
  pace.close();
  EXPECT_EQ(pace.remembered(), 0U);
  EXPECT_EQ(pace.ask("b", everyone, start), Verdict::stay);
}

}  // namespace
}  // namespace ringhold::central
