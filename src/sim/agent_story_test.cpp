#include "sim/agent_story.hpp"

#include <gtest/gtest.h>

namespace ringhold::sim {
namespace {

TEST(StoryOfAgents, is_the_same_for_the_same_seed_line_for_line_Q1) {
  const AgentOutcome first = run_agent_seed(7, Record::ladder);
  const AgentOutcome second = run_agent_seed(7, Record::ladder);
  EXPECT_GT(first.ladder.size(), 500U);
  EXPECT_EQ(first.ladder, second.ladder);
  EXPECT_EQ(first.violations, second.violations);
}

TEST(StoryOfAgents, differs_for_another_seed_Q1) {
  EXPECT_NE(run_agent_seed(1, Record::nothing).plan, run_agent_seed(2, Record::nothing).plan);
}

TEST(StoryOfAgents, keeps_every_promise_for_a_few_seeds_Q1) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const AgentOutcome outcome = run_agent_seed(seed, Record::nothing);
    EXPECT_TRUE(outcome.violations.empty()) << "seed " << seed << ": " << outcome.violations.front();
    EXPECT_GT(outcome.registers, outcome.accounts);
  }
}

}  // namespace
}  // namespace ringhold::sim
