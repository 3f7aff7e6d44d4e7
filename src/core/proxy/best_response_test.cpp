#include "proxy/best_response.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace ringhold::proxy {
namespace {

int choose(const std::vector<int>& statuses) {
  int best = 0;
  for (const int status : statuses)
    if (is_better(status, best)) best = status;
  return best;
}

// RFC 3261 §16.7 step 6, C1.
TEST(BestResponse, six_hundred_wins_over_all_C1) { EXPECT_EQ(choose({486, 302, 603, 401}), 603); }
TEST(BestResponse, lowest_class_wins_C1) { EXPECT_EQ(choose({500, 486, 302}), 302); }
TEST(BestResponse, challenge_wins_over_other_4xx_C1) { EXPECT_EQ(choose({486, 407, 404}), 407); }
// RNG-15: 486 if one was busy and the rest did not answer.
TEST(BestResponse, busy_wins_over_timeout_and_unavailable_RNG15) { EXPECT_EQ(choose({408, 480, 486, 487}), 486); }
// C5: one dead contact never spoils a call.
TEST(BestResponse, dead_contact_does_not_hide_the_living_one_C5) { EXPECT_EQ(choose({503, 408, 480}), 480); }
TEST(BestResponse, first_of_equals_stays_C1) { EXPECT_FALSE(is_better(486, 486)); }
TEST(BestResponse, sends_503_on_as_500_C1) {
  EXPECT_EQ(upstream_status(503), 500);
  EXPECT_EQ(upstream_status(486), 486);
}

}  // namespace
}  // namespace ringhold::proxy
