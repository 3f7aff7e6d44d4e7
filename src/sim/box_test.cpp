// The second body of the mind: its disk.
#include "sim/box.hpp"

#include <gtest/gtest.h>

#include "sim/bench_settings.hpp"

namespace ringhold::sim {
namespace {

using branch_device::GetPushes;
using branch_device::Push;
using branch_device::PushReport;

class Disk : public ::testing::TestWithParam<WorkerNumber>, public Witness {
 protected:
  Disk() { box_.start(); }
  void box_received(const Datagram&) override {}
  void box_sent(const Datagram&) override {}
  void box_spins() override {}
  void box_settled(std::string_view) override { ++settled_; }

  void push(const std::string& user) { box_.command(Push{.to = user, .body = "x", .answer = Push::Answer::accepted}); }
  void pass(Duration duration) { world_.clock.run_until(world_.clock.now() + duration); }
  std::size_t known() { return std::get<std::vector<PushReport>>(box_.command(GetPushes{})).size(); }

  World world_{1, from_unix_ms(1'800'000'000'000)};
  Box box_{world_, bench::settings(), *this, GetParam()};
  unsigned settled_ = 0;
};

TEST_P(Disk, mind_hears_when_its_changes_are_kept_X5) {
  push("user1");
  push("user2");
  push("user3");
  pass(49ms);
  EXPECT_EQ(settled_, 0U);
  pass(900ms);
  EXPECT_EQ(settled_, 3U);
}

TEST_P(Disk, mind_hears_nothing_while_it_fails_and_then_all_X5) {
  box_.set_disk(false);
  push("user1");
  push("user2");
  pass(3s);
  EXPECT_EQ(settled_, 0U);
  box_.set_disk(true);
  pass(10ms);
  EXPECT_EQ(settled_, 2U);
}

TEST_P(Disk, a_kill_takes_what_was_not_kept_and_no_more_X5) {
  push("user1");
  pass(1s);
  box_.set_disk(false);
  push("user2");
  pass(2s);
  box_.kill();
  box_.set_disk(true);
  box_.start();
  EXPECT_EQ(known(), 1U);
  pass(3s);
  EXPECT_EQ(settled_, 1U);
}

INSTANTIATE_TEST_SUITE_P(Minds, Disk, ::testing::Values(1, 3));

}  // namespace
}  // namespace ringhold::sim
