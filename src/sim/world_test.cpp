// The simulated world by itself, without a branch device: what the phones and the central site do must be right before they
// may judge anything.
#include "sim/world.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "sim/central_site.hpp"
#include "sim/phone.hpp"

namespace ringhold::sim {
namespace {

class Bench : public ::testing::Test {
 protected:
  Bench() {
    // Without a branch device the central DNS server answers at its address.
    world_.attach(bench::box(), dns_);
    for (unsigned number = 1; number <= 3; ++number) phones_.push_back(std::make_unique<Phone>(world_, settings(number), book_));
  }
  static PhoneSettings settings(unsigned number) {
    PhoneSettings settings;
    settings.number = number;
    settings.transport = number == 3 ? Transport::tcp : Transport::udp;
    return settings;
  }
  void pass(Duration duration) { world_.clock.run_until(world_.clock.now() + duration); }
  void power_on() {
    for (auto& phone : phones_) phone->power_on();
    pass(5s);
  }

  World world_{7, from_unix_ms(1'800'000'000'000)};
  CentralDns dns_{world_, 2, 60};
  CentralLocation location_;
  CentralServer c1_{world_, location_, 1, 120};
  CentralServer c2_{world_, location_, 2, 120};
  CallBook book_;
  std::vector<std::unique_ptr<Phone>> phones_;
};

TEST_F(Bench, phones_register_at_the_first_server_DIS_19) {
  power_on();
  for (const auto& phone : phones_) EXPECT_EQ(phone->registered_at(), c1_.endpoint());
  pass(10min);
  for (const auto& phone : phones_) EXPECT_EQ(phone->registered_at(), c1_.endpoint());
}

TEST_F(Bench, phones_go_to_the_second_server_after_timer_f_DIS_19) {
  world_.detach(c1_.endpoint().address);
  power_on();
  EXPECT_FALSE(phones_[0]->registered_at());
  pass(30s);
  EXPECT_EQ(phones_[0]->registered_at(), c2_.endpoint());
}

TEST_F(Bench, phones_go_on_at_once_when_the_link_refuses_DIS_19) {
  world_.wan.set_cut(Cut::refused);
  power_on();
  world_.wan.set_cut(Cut::none);
  pass(12s);
  EXPECT_EQ(phones_[0]->registered_at(), c1_.endpoint());
}

TEST_F(Bench, phones_call_each_other_through_the_central_site) {
  power_on();
  ASSERT_TRUE(phones_[0]->call(2, std::nullopt));
  pass(30s);
  EXPECT_EQ(book_[0].end, CallAttempt::End::answered);
  EXPECT_EQ(book_[0].bye_status, 200);
  EXPECT_EQ(phones_[0]->calls_up() + phones_[1]->calls_up(), 0U);
}

TEST_F(Bench, phones_call_across_transports) {
  power_on();
  ASSERT_TRUE(phones_[0]->call(3, std::nullopt));
  pass(30s);
  ASSERT_TRUE(phones_[2]->call(1, std::nullopt));
  pass(30s);
  for (const auto& attempt : book_) {
    EXPECT_EQ(attempt.end, CallAttempt::End::answered);
    EXPECT_EQ(attempt.bye_status, 200);
  }
}

TEST_F(Bench, a_tcp_phone_goes_on_when_its_connection_is_refused_DIS_19) {
  world_.detach(c1_.endpoint().address);
  power_on();
  pass(30s);
  EXPECT_EQ(phones_[2]->registered_at(), c2_.endpoint());
  EXPECT_EQ(world_.streams.open(), 1U);
}

TEST_F(Bench, phones_cancel_calls) {
  power_on();
  ASSERT_TRUE(phones_[0]->call(3, 1s));
  pass(40s);
  EXPECT_EQ(book_[0].end, CallAttempt::End::cancelled);
  EXPECT_EQ(phones_[2]->calls_up(), 0U);
}

TEST_F(Bench, a_call_to_nobody_fails) {
  power_on();
  ASSERT_TRUE(phones_[0]->call(9, std::nullopt));
  pass(40s);
  EXPECT_EQ(book_[0].end, CallAttempt::End::failed);
  EXPECT_EQ(book_[0].status, 404);
}

TEST_F(Bench, calls_survive_loss_duplication_and_reordering) {
  power_on();
  world_.wan.set_quality({0.1, 0.1, 5ms, 300ms});
  for (int i = 0; i < 20; ++i) {
    phones_[0]->call(2, std::nullopt);
    pass(60s);
  }
  for (const auto& attempt : book_) EXPECT_EQ(attempt.end, CallAttempt::End::answered);
}

TEST_F(Bench, a_phone_without_power_answers_nothing) {
  power_on();
  phones_[1]->power_off();
  ASSERT_TRUE(phones_[0]->call(2, std::nullopt));
  pass(40s);
  EXPECT_EQ(book_[0].end, CallAttempt::End::failed);
  EXPECT_EQ(book_[0].status, 408);
}

}  // namespace
}  // namespace ringhold::sim
