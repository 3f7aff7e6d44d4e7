#include "central/mode.hpp"

#include <gtest/gtest.h>

namespace ringhold::central {
namespace {

constexpr Site well{.doubt = false, .lost = false, .alive = true, .empty = false};
constexpr Site doubtful{.doubt = true, .lost = false, .alive = true, .empty = false};
constexpr Site lost{.doubt = true, .lost = true, .alive = false, .empty = false};
constexpr Site well_and_empty{.doubt = false, .lost = false, .alive = true, .empty = true};

class Subject {
 public:
  Subject() { keeper_.begin(Mode::normal, now_); }
  Mode look(const Site& site) {
    while (keeper_.look(site, now_)) ++changes_;
    return keeper_.mode();
  }
  void pass(Duration duration) { now_ += duration; }

  Instant now_ = from_unix_ms(1'700'000'000'000);
  ModeKeeper keeper_{30s};
  int changes_ = 0;
};

TEST(ModeKeeper, goes_from_doubt_to_loss_without_waiting_DIS_25) {
  Subject site;
  EXPECT_EQ(site.look(well), Mode::normal);
  EXPECT_EQ(site.look(doubtful), Mode::suspect);
  EXPECT_EQ(site.look(lost), Mode::survivable);
}

TEST(ModeKeeper, goes_straight_to_survivable_when_the_loss_is_certain_DIS_25) {
  Subject site;
  EXPECT_EQ(site.look(lost), Mode::survivable);
}

TEST(ModeKeeper, is_calm_only_after_a_dwell_without_signs_S4) {
  Subject site;
  site.look(doubtful);
  EXPECT_EQ(site.look(well), Mode::suspect);
  site.pass(29s);
  EXPECT_EQ(site.look(well), Mode::suspect);
  site.look(doubtful);
  site.look(well);
  site.pass(29s);
  EXPECT_EQ(site.look(well), Mode::suspect);
  site.pass(1s);
  EXPECT_EQ(site.look(well), Mode::normal);
}

TEST(ModeKeeper, gives_dns_its_order_back_after_a_dwell_of_health_S5) {
  Subject site;
  site.look(lost);
  site.pass(60s);
  EXPECT_EQ(site.look(well), Mode::recovering);
  EXPECT_FALSE(site.keeper_.order_normal_at());
  EXPECT_EQ(site.keeper_.next_look(), site.now_ + 30s);
  site.pass(30s);
  EXPECT_EQ(site.look(well), Mode::recovering);
  EXPECT_EQ(site.keeper_.order_normal_at(), site.now_);
  EXPECT_EQ(site.look(well_and_empty), Mode::normal);
}

TEST(ModeKeeper, begins_the_dwell_anew_when_health_was_interrupted_S5) {
  Subject site;
  site.look(lost);
  site.pass(60s);
  site.look(well);
  site.pass(20s);
  site.look(lost);
  site.look(well);
  site.pass(20s);
  site.look(well);
  EXPECT_FALSE(site.keeper_.order_normal_at());
}

TEST(ModeKeeper, goes_home_only_after_the_dwell_even_with_no_phone_here_S5) {
  Subject site;
  site.look(lost);
  site.pass(60s);
  EXPECT_EQ(site.look(well_and_empty), Mode::recovering);
  site.pass(30s);
  EXPECT_EQ(site.look(well_and_empty), Mode::normal);
}

TEST(ModeKeeper, is_survivable_again_at_once_when_lost_after_the_order_was_restored_S4) {
  Subject site;
  site.look(lost);
  site.pass(60s);
  site.look(well);
  site.pass(31s);
  site.look(well);
  EXPECT_EQ(site.look(lost), Mode::survivable);
  EXPECT_FALSE(site.keeper_.order_normal_at());
}

TEST(ModeKeeper, changes_at_most_once_in_a_dwell_while_flapping_INT_06) {
  Subject site;
  site.look(lost);
  site.changes_ = 0;
  Instant last_change{};
  for (int second = 0; second < 1200; ++second) {
    const int before = site.changes_;
    site.look(second % 40 < 20 ? well : lost);
    if (site.changes_ != before) {
      EXPECT_GE(site.now_ - last_change, 30s);
      last_change = site.now_;
    }
    EXPECT_FALSE(site.keeper_.order_normal_at());
    site.pass(1s);
  }
  EXPECT_GT(site.changes_, 0);
}

TEST(ModeKeeper, may_recover_at_once_after_a_restart_into_a_kept_loss_S4) {
  Subject site;
  site.keeper_.begin(Mode::survivable, site.now_);
  EXPECT_EQ(site.look(well), Mode::recovering);
}

TEST(Mode, has_names_that_read_back_S6) {
  for (const Pin pin : {Pin::automatic, Pin::normal, Pin::survivable}) EXPECT_EQ(parse_pin(name(pin)), pin);
  for (const Mode mode : {Mode::normal, Mode::suspect, Mode::survivable, Mode::recovering}) EXPECT_EQ(parse_mode(name(mode)), mode);
  EXPECT_FALSE(parse_pin("down"));
}

}  // namespace
}  // namespace ringhold::central
