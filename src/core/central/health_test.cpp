#include "central/health.hpp"

#include <gtest/gtest.h>

namespace ringhold::central {
namespace {

class Subject {
 public:
  Health take(Sign sign) {
    now_ += 5s;
    health_.take(sign, {3, 3}, now_);
    return health_.state();
  }
  ServerHealth health_;
  Instant now_ = from_unix_ms(1'700'000'000'000);
};

TEST(ServerHealth, is_up_at_the_first_answer_ever_S1) {
  Subject server;
  EXPECT_EQ(server.health_.state(), Health::unknown);
  EXPECT_EQ(server.take(Sign::answered), Health::up);
}

TEST(ServerHealth, is_suspect_after_one_loss_and_down_after_three_S1) {
  Subject server;
  server.take(Sign::answered);
  EXPECT_EQ(server.take(Sign::lost), Health::suspect);
  EXPECT_EQ(server.take(Sign::lost), Health::suspect);
  EXPECT_EQ(server.take(Sign::lost), Health::down);
}

TEST(ServerHealth, is_up_again_after_three_answers_in_a_row_S1) {
  Subject server;
  for (int i = 0; i < 3; ++i) server.take(Sign::lost);
  EXPECT_EQ(server.take(Sign::answered), Health::down);
  EXPECT_EQ(server.take(Sign::answered), Health::down);
  EXPECT_EQ(server.take(Sign::lost), Health::down);
  EXPECT_EQ(server.take(Sign::answered), Health::down);
  EXPECT_EQ(server.take(Sign::answered), Health::down);
  EXPECT_EQ(server.take(Sign::answered), Health::up);
}

TEST(ServerHealth, counts_losses_in_a_row_only_S1) {
  Subject server;
  server.take(Sign::answered);
  server.take(Sign::lost);
  server.take(Sign::lost);
  EXPECT_EQ(server.take(Sign::answered), Health::up);
  server.take(Sign::lost);
  EXPECT_EQ(server.take(Sign::lost), Health::suspect);
}

TEST(ServerHealth, takes_503_as_loss_but_not_as_refusal_S1) {
  Subject server;
  server.take(Sign::answered);
  server.take(Sign::refused);
  EXPECT_EQ(server.health_.refusals(), 1U);
  server.take(Sign::unavailable);
  EXPECT_EQ(server.health_.refusals(), 0U);
  EXPECT_EQ(server.take(Sign::unavailable), Health::down);
}

TEST(ServerHealth, keeps_the_moment_of_the_last_change_S1) {
  Subject server;
  server.take(Sign::answered);
  const Instant up_since = server.health_.since();
  server.take(Sign::answered);
  EXPECT_EQ(server.health_.since(), up_since);
}

}  // namespace
}  // namespace ringhold::central
