#include "switching/server_list.hpp"

#include <gtest/gtest.h>

#include <array>

#include "switching/pauses.hpp"
#include "switching/watch.hpp"

namespace ringhold::switching {
namespace {

const Target c1 = *Target::parse("udp:10.78.0.11:5060");
const Target c2 = *Target::parse("udp:10.78.0.12:5060");
const Target box = *Target::parse("udp:10.77.0.2:5060");
constexpr Instant now{1'790'000'000s};

class Servers : public ::testing::Test {
 protected:
  Event failure() const { return list_.after_failure(avoidance_, now); }
  void stand_at(const Target& server) { list_.go_to(server); }

  ServerList list_;
  Avoidance avoidance_;
};

TEST_F(Servers, two_servers_are_left_as_the_claim_says_SWI05) {
  list_.assign({c1, c2});
  list_.go_first(avoidance_, now);
  EXPECT_EQ(*list_.current(), c1);
  EXPECT_EQ(failure(), Event::failed_to_next) << "primary, never registered";
  list_.succeed();
  EXPECT_EQ(failure(), Event::failed_to_next) << "primary, registered";
  list_.go_next(avoidance_, now);
  EXPECT_EQ(*list_.current(), c2);
  EXPECT_EQ(failure(), Event::failed_everywhere) << "standby without success: timer 1";
  list_.succeed();
  EXPECT_EQ(failure(), Event::failed_to_first) << "standby with success: primary at once";
}

TEST_F(Servers, one_server_is_tried_again_SWI05) {
  list_.assign({c1});
  list_.go_first(avoidance_, now);
  EXPECT_EQ(failure(), Event::failed_alone);
  list_.succeed();
  EXPECT_EQ(failure(), Event::failed_alone);
  list_.go_first(avoidance_, now);
  EXPECT_EQ(*list_.current(), c1);
}

TEST_F(Servers, three_servers_are_tried_in_order_the_survivable_one_last_X28) {
  list_.assign({c1, c2, box});
  list_.go_first(avoidance_, now);
  EXPECT_EQ(failure(), Event::failed_to_next);
  list_.go_next(avoidance_, now);
  EXPECT_EQ(failure(), Event::failed_to_next);
  list_.go_next(avoidance_, now);
  EXPECT_EQ(*list_.current(), box);
  EXPECT_EQ(failure(), Event::failed_everywhere);
  stand_at(c2);
  list_.succeed();
  EXPECT_EQ(failure(), Event::failed_to_first);
}

TEST_F(Servers, success_belongs_to_the_stay_SWI06) {
  list_.assign({c1, c2});
  stand_at(c2);
  list_.succeed();
  list_.go_first(avoidance_, now);
  EXPECT_FALSE(list_.has_succeeded());
  list_.go_next(avoidance_, now);
  EXPECT_EQ(*list_.current(), c2);
  EXPECT_EQ(failure(), Event::failed_everywhere) << "that it worked an hour ago does not count";
}

TEST_F(Servers, who_asked_to_be_left_alone_is_SWI07) {
  list_.assign({c1, c2, box});
  avoidance_.avoid(c1, now + 120s);
  list_.go_first(avoidance_, now);
  EXPECT_EQ(*list_.current(), c2);
  avoidance_.avoid(box, now + 60s);
  EXPECT_EQ(failure(), Event::failed_everywhere);
  list_.succeed();
  EXPECT_EQ(failure(), Event::failed_everywhere) << "the first one is not to be asked, and nobody else is there";
  EXPECT_FALSE(list_.all_avoided_until(avoidance_, now));
  avoidance_.avoid(c2, now + 90s);
  EXPECT_EQ(list_.all_avoided_until(avoidance_, now), now + 60s);
  list_.go_first(avoidance_, now + 61s);
  EXPECT_EQ(*list_.current(), box) << "its time is over";
}

TEST_F(Servers, a_server_is_its_address_whatever_its_rank_X22) {
  list_.assign({c1, c2, box});
  stand_at(c2);
  list_.succeed();
  list_.assign({box, c1, c2});
  EXPECT_EQ(*list_.current(), c2);
  EXPECT_EQ(list_.rank(), 2U);
  EXPECT_TRUE(list_.has_succeeded());
  EXPECT_TRUE(list_.is_better(c1));
  list_.assign({c1, box});
  EXPECT_EQ(list_.current(), nullptr) << "it is gone";
  EXPECT_FALSE(list_.has_succeeded());
  list_.go_first(avoidance_, now);
  EXPECT_EQ(*list_.current(), c1);
}

TEST_F(Servers, who_comes_before_during_the_stay_is_the_next_X22) {
  list_.assign({c1, c2, box});
  list_.go_first(avoidance_, now);
  EXPECT_FALSE(list_.has_overtaken(box));
  list_.assign({box, c1, c2});
  EXPECT_TRUE(list_.has_overtaken(box));
  EXPECT_FALSE(list_.has_overtaken(c2));
  list_.fail();
  EXPECT_EQ(failure(), Event::failed_to_first) << "not c2";
  list_.go_first(avoidance_, now);
  EXPECT_EQ(*list_.current(), box);
  list_.fail();
  EXPECT_EQ(failure(), Event::failed_to_next);
  // Who stood before it when the stay began has not overtaken it, and who has failed or is avoided is no way out.
  list_.go_to(c2);
  EXPECT_FALSE(list_.has_overtaken(c1));
  EXPECT_EQ(failure(), Event::failed_everywhere);
  list_.assign({c1, c2});
  list_.assign({box, c1, c2});
  list_.new_round();
  list_.go_to(c1);
  list_.assign({c2, box, c1});
  EXPECT_TRUE(list_.has_untried_overtaker(avoidance_, now));
  avoidance_.avoid(c2, now + 60s);
  EXPECT_FALSE(list_.has_untried_overtaker(avoidance_, now)) << "box stood before it already";
}

TEST_F(Servers, who_stands_at_a_server_that_is_gone_goes_to_the_only_one_D7) {
  list_.assign({c1, c2});
  list_.go_first(avoidance_, now);
  list_.assign({box});
  EXPECT_TRUE(list_.has_overtaken(box));
  list_.fail();
  EXPECT_EQ(failure(), Event::failed_to_next);
  list_.go_next(avoidance_, now);
  EXPECT_EQ(*list_.current(), box);
  EXPECT_EQ(failure(), Event::failed_alone);
}

TEST_F(Servers, in_a_new_order_nobody_is_tried_twice_in_a_round_X22) {
  list_.assign({c1, c2, box});
  list_.go_first(avoidance_, now);
  list_.fail();
  list_.assign({box, c1, c2});
  ASSERT_TRUE(list_.has_untried(avoidance_, now));
  list_.go_first(avoidance_, now);
  EXPECT_EQ(*list_.current(), box);
  list_.fail();
  list_.assign({c1, box});
  EXPECT_FALSE(list_.has_untried(avoidance_, now)) << "both have failed";
  list_.new_round();
  EXPECT_TRUE(list_.has_untried(avoidance_, now));
}

TEST_F(Servers, an_empty_list_leads_nowhere) {
  list_.go_first(avoidance_, now);
  list_.go_next(avoidance_, now);
  EXPECT_EQ(list_.current(), nullptr);
  EXPECT_EQ(failure(), Event::failed_alone);
}

TEST(Pauses, double_up_to_half_an_hour_and_are_never_in_step_SWI18) {
  SeededRandom random{1};
  const Settings settings;
  for (unsigned waits = 0; waits < 20; ++waits) {
    const Duration base = std::min<Duration>(30min, 30s * (1LL << std::min(waits, 10U)));
    for (int i = 0; i < 20; ++i) {
      const Duration wait = wait_for_all(waits, settings, random);
      EXPECT_GE(wait, base * 4 / 5);
      EXPECT_LE(wait, base * 6 / 5);
    }
  }
  EXPECT_NE(wait_for_all(0, settings, random), wait_for_all(0, settings, random));
}

TEST(Pauses, the_only_server_is_asked_each_minute_at_first_SWI05) {
  SeededRandom random{1};
  const Settings settings;
  for (unsigned waits = 0; waits < 5; ++waits) {
    const Duration wait = wait_for_one(waits, settings, random);
    EXPECT_GE(wait, 48s);
    EXPECT_LE(wait, 72s);
  }
  EXPECT_GE(wait_for_one(20, settings, random), 24min);
  EXPECT_LE(wait_for_one(20, settings, random), 36min);
}

TEST(Pauses, a_refresh_leaves_time_for_a_dead_server_SWI12) {
  SeededRandom random{1};
  for (int i = 0; i < 100; ++i) {
    const Duration after = refresh_after(60s, random);
    EXPECT_GE(after, 30s);
    EXPECT_LE(after, 54s);
    EXPECT_LE(refresh_after(300s, random), 300s - 64s);
    EXPECT_GE(refresh_after(300s, random), 200s);
  }
}

class Watching : public ::testing::Test {
 protected:
  Settings settings_;
  SeededRandom random_{1};
  Watch watch_;
  Instant now_ = now;
};

TEST_F(Watching, other_traffic_saves_a_heartbeat_X27) {
  watch_.set_purpose(Watch::Purpose::heartbeat, now_, settings_, random_);
  for (int i = 0; i < 10; ++i) {
    now_ += 15s;
    EXPECT_GT(*watch_.due(), now_);
    watch_.heard(now_, settings_, random_);
  }
  EXPECT_LE(*watch_.due() - now_, settings_.heartbeat * 6 / 5);
}

TEST_F(Watching, a_server_that_comes_and_goes_does_not_stay_SWI17) {
  watch_.set_purpose(Watch::Purpose::candidate, now_, settings_, random_);
  const Instant begin = now_;
  Duration longest{};
  while (now_ < begin + 10min) {
    if (watch_.answer_by()) {
      now_ = *watch_.answer_by();
      watch_.missed(now_, settings_, random_);
      continue;
    }
    now_ = *watch_.due();
    watch_.asked(now_, settings_);
    const bool is_up = ((now_ - begin) / 10s) % 2 == 0;
    if (is_up) watch_.heard(now_, settings_, random_);
    if (watch_.answering_since()) longest = std::max(longest, now_ - *watch_.answering_since());
  }
  EXPECT_LT(longest, settings_.return_after);
}

TEST_F(Watching, what_was_heard_long_ago_does_not_count) {
  watch_.set_purpose(Watch::Purpose::candidate, now_, settings_, random_);
  watch_.heard(now_, settings_, random_);
  watch_.set_purpose(Watch::Purpose::nothing, now_, settings_, random_);
  EXPECT_FALSE(watch_.due());
  now_ += 1h;
  watch_.set_purpose(Watch::Purpose::candidate, now_, settings_, random_);
  EXPECT_FALSE(watch_.answering_since());
  EXPECT_EQ(watch_.due(), now_) << "asked at once";
}

TEST_F(Watching, keeps_its_pace_however_often_its_reason_changes_X27) {
  watch_.set_purpose(Watch::Purpose::candidate, now_, settings_, random_);
  EXPECT_EQ(watch_.due(), now_) << "the first time at once";
  const Instant asked = now_;
  watch_.asked(now_, settings_);
  watch_.heard(now_, settings_, random_);
  for (int i = 0; i < 10; ++i) {
    now_ += 10ms;
    watch_.set_purpose(Watch::Purpose::heartbeat, now_, settings_, random_);
    watch_.set_purpose(Watch::Purpose::candidate, now_, settings_, random_);
    EXPECT_GE(*watch_.due(), asked + settings_.return_after / 6);
  }
}

}  // namespace
}  // namespace ringhold::switching
