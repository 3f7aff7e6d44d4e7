#include "sim/story.hpp"

#include <gtest/gtest.h>

namespace ringhold::sim {
namespace {

TEST(Story, is_the_same_for_the_same_seed_line_for_line_Q1) {
  const Outcome first = run_seed(42, Record::ladder);
  const Outcome second = run_seed(42, Record::ladder);
  EXPECT_GT(first.ladder.size(), 1'000U);
  EXPECT_EQ(first.ladder, second.ladder);
  EXPECT_EQ(first.violations, second.violations);
}

TEST(Story, differs_for_another_seed_Q1) { EXPECT_NE(run_seed(1, Record::nothing).plan, run_seed(2, Record::nothing).plan); }

TEST(Story, keeps_every_promise_for_a_few_seeds_Q1) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Outcome outcome = run_seed(seed, Record::nothing);
    EXPECT_TRUE(outcome.violations.empty()) << "seed " << seed << ": " << outcome.violations.front();
  }
}

}  // namespace
}  // namespace ringhold::sim
