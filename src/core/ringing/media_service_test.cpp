#include "ringing/media_service.hpp"

#include <gtest/gtest.h>

namespace ringhold::ringing {

namespace {

constexpr std::string_view aor = "sip:8002@example.test";
RingProfile profile(std::vector<Step> steps) { return {"8002", {std::move(steps)}, {}}; }
RingPlan plan(std::vector<Step> steps) { return {std::move(steps)}; }
Row row_of(const Change& change) { return {change.table, change.columns.unpacked()}; }

}  // namespace

TEST(MediaService, a_profile_is_the_same_after_the_store_INT08) {
  RingProfile given = profile({{{TypeCode{0}, TypeCode{2}}, 15s}, {{TypeCode{1}}, 20s}});
  given.plan.fallback = "voicemail";
  EXPECT_EQ(from_row(row_of(plan_row(given))), given);
}

TEST(MediaService, a_row_that_is_no_profile_is_left_alone_X5) {
  for (const char* steps : {"0", "0:", ":5", "0:x", ",:5", "0,:5", "1000:5", "0:15  1:5", "a:15", "", "0:0", "0:181",
                            "0:1 0:1 0:1 0:1 0:1 0:1 0:1 0:1 0:1 0:1 0:1 0:1 0:1 0:1 0:1 0:1 0:1"})
    EXPECT_FALSE(from_row({Table::ring_profile, {Text{"8002"}, Text{steps}, Text{}}})) << steps;
  EXPECT_FALSE(from_row({Table::ring_profile, {Text{"8002"}}}));
  EXPECT_FALSE(from_row({Table::ring_profile, {Text{""}, Text{"0:15"}, Text{}}}));
  EXPECT_FALSE(from_row({Table::user, {Text{"8002"}, Text{"0:15"}, Text{}}}));
}

TEST(MediaService, a_step_is_over_after_its_time_and_all_after_theirs_RNG10_X13) {
  MediaService media{{usual_types(), 15s, 40s}};
  const Instant begin = from_unix_ms(1'790'000'000'000);
  media.begin(7, aor, plan({{{TypeCode{0}}, 15s}, {{TypeCode{1}}, 15s}, {{TypeCode{2}}, 15s}}), 0, begin);
  EXPECT_TRUE(media.expire(begin + 14'999ms).empty());
  EXPECT_EQ(media.expire(begin + 15s), std::vector<SearchKey>{7});
  ASSERT_TRUE(media.next_step(7, begin + 15s));
  EXPECT_EQ(media.ringing_step(7)->types, std::vector{TypeCode{1}});
  // An early end leaves its entry in the wheel, which must not end the next step.
  ASSERT_TRUE(media.next_step(7, begin + 20s));
  EXPECT_TRUE(media.expire(begin + 30s).empty());
  EXPECT_EQ(media.expire(begin + 35s), std::vector<SearchKey>{7});
  EXPECT_FALSE(media.next_step(7, begin + 35s));
  media.finish(7);
  EXPECT_EQ(media.size(), 0U);
  EXPECT_EQ(media.ringing_step(7), nullptr);
  media.begin(8, aor, plan({{{TypeCode{0}}, 60s}, {{TypeCode{1}}, 60s}}), 0, begin);
  EXPECT_EQ(media.expire(begin + 40s), std::vector<SearchKey>{8});
  EXPECT_FALSE(media.next_step(8, begin + 40s)) << "ringing.total";
}

TEST(MediaService, a_profile_of_a_call_stays_what_it_was_RNG03) {
  MediaService media{{}};
  Outbox outbox;
  const Instant begin = from_unix_ms(1'790'000'000'000);
  ASSERT_EQ(media.put(profile({{{TypeCode{0}}, 0s}, {{TypeCode{1}}, 5s}}), outbox), "");
  EXPECT_EQ(media.profile("8002")->plan.steps.front().ring, 15s) << "ringing.step";
  media.begin(1, aor, media.profile("8002")->plan, 0, begin);
  ASSERT_EQ(media.put(profile({}), outbox), "");
  EXPECT_EQ(media.profile("8002"), nullptr);
  EXPECT_TRUE(media.next_step(1, begin + 1s));
  EXPECT_EQ(media.ringing_for(aor), std::vector<SearchKey>{1});
}

}  // namespace ringhold::ringing
