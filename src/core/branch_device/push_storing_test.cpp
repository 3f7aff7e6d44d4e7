#include "branch_device/pushing_bench.hpp"

namespace ringhold::branch_device {

TEST_F(Pushing, what_nobody_can_take_waits_for_the_next_registration_PSH18) {
  EXPECT_EQ(push_text("later").result, "stored");
  EXPECT_EQ(kept(Table::push_message), 1U);
  EXPECT_EQ(report().reason, "nobody");
  pass_time(30min);
  clear();
  register_at(t0);
  ASSERT_EQ(count(t0), 1U);
  EXPECT_EQ(body(last(t0)), "later");
  EXPECT_EQ(report().result, "stored");
  answers(t0, 200);
  EXPECT_EQ(report().result, "delivered");
  EXPECT_EQ(kept(Table::push_message), 0U);
  EXPECT_EQ(kept(Table::push_record), 1U);
  clear();
  pass_time(50s);
  register_at(t0);
  EXPECT_EQ(count(t0), 0U) << "once";
}

TEST_F(Pushing, a_users_messages_come_in_order_one_at_a_time_X19) {
  for (const char* text : {"one", "two", "three"}) push_text(text);
  clear();
  register_at(t0);
  EXPECT_EQ(push_text("four").result, "stored") << "behind those that wait";
  for (const char* text : {"one", "two", "three", "four"}) {
    ASSERT_EQ(count(t0), 1U) << text;
    EXPECT_EQ(body(last(t0)), text);
    const std::string message = last(t0);
    clear();
    disk_works_ = false;
    says(t0, message, 200);
    EXPECT_EQ(count(t0), 0U) << "not before it is on disk that this one is delivered";
    disk_works_ = true;
    step([&] { return device_.committed(ChangeId{1'000}, now_, outbox_), 0; });
  }
  EXPECT_EQ(count(t0), 0U);
  EXPECT_EQ(kept(Table::push_message), 0U);
  push_text("five");
  EXPECT_EQ(count(t0), 1U) << "nobody waits any more";
}

TEST_F(Pushing, what_a_terminal_has_it_does_not_get_again_after_a_kill_PSH18) {
  push_text("later");
  register_at(t0);
  const std::string first = last(t0);
  restart();
  clear();
  pass_time(5s);
  ASSERT_EQ(count(t0), 1U);
  EXPECT_EQ(last(t0), first) << "a retransmission: the same branch";
  answers(t0, 200);
  EXPECT_EQ(report().result, "delivered");
  restart();
  EXPECT_EQ(report().result, "delivered") << "and so it stays";
  EXPECT_EQ(steps(), "10.77.0.41:200");
  clear();
  pass_time(1h);
  EXPECT_EQ(count(t0), 0U);
}

TEST_F(Pushing, a_terminal_that_cannot_now_is_asked_again_less_and_less_often_P8) {
  register_at(t0);
  push_text();
  answers(t0, 480);
  EXPECT_EQ(report().result, "stored");
  std::vector<Duration> asked;
  const Instant begin = now_;
  for (int i = 0; i < 130; ++i) {
    pass_time(55s);
    clear();
    register_at(t0);
    pass_time(5s);
    if (count(t0) == 0) continue;
    asked.push_back((now_ - begin) / 60s * 60s);
    answers(t0, 480);
  }
  EXPECT_EQ(asked, (std::vector<Duration>{60s, 180s, 420s, 900s, 1'860s, 3'780s, 7'380s}));
}

TEST_F(Pushing, who_registers_while_others_are_asked_is_served_at_once_PSH18) {
  register_at(t0);
  push_text("one");
  pass_time(11s);
  EXPECT_EQ(report().result, "stored");
  const std::string one = id_;
  EXPECT_EQ(push_text("two").result, "stored") << "behind the first, which was promised";
  pass_time(4s);
  clear();
  register_at(t1);
  ASSERT_EQ(count(t1), 1U) << "nobody waits for the end of the silent one's transaction";
  EXPECT_EQ(body(last(t1)), "one");
  answers(t1, 200);
  EXPECT_EQ(report(one).result, "delivered");
  EXPECT_EQ(count(t1), 1U) << "one at a time: the silent one may still be sent the first";
  pass_time(20s);
  EXPECT_EQ(body(last(t1)), "two");
  answers(t1, 200);
  EXPECT_EQ(kept(Table::push_message), 0U);
}

TEST_F(Pushing, what_is_said_to_have_failed_goes_nowhere_later_P7) {
  register_at(t0);
  pass_time(1s);
  register_at(t1);
  clear();
  push({.to = "8002", .body = "x", .keep_for = 0s});
  const std::string first = last(t1);
  pass_time(10s);
  answers(t0, 415);
  EXPECT_EQ(report().result, "failed");
  says(t1, first, 302, "Contact: <" + contact(t2) + ">\r\n");
  EXPECT_EQ(count(t2), 0U);
  EXPECT_EQ(report().result, "failed");
}

TEST_F(Pushing, what_was_promised_once_outlives_a_disk_that_stalls_X5) {
  EXPECT_EQ(push_text().result, "stored");
  disk_works_ = false;
  register_at(t0);
  answers(t0, 480);
  pass_time(10s);
  EXPECT_EQ(report().result, "stored");
  EXPECT_EQ(steps(), "10.77.0.41:480") << "and it is told what came of it so far";
  disk_works_ = true;
  pass_time(1min);
  answers(t0, 200);
  EXPECT_EQ(report().result, "delivered");
}

TEST_F(Pushing, what_is_over_before_a_start_is_told_as_expired_P7) {
  push({.to = "8002", .body = "x", .keep_for = 60s});
  now_ += 2min;
  restart();
  pass_time(1s);
  EXPECT_EQ(report().reason, "expired");
  EXPECT_EQ(kept(Table::push_message), 0U);
}

TEST_F(Pushing, what_one_of_several_has_taken_is_not_sent_again_after_a_kill_P8) {
  settings_.push.delivery.strategy = delivery::Strategy::all_at_once;
  configure(settings_);
  register_all();
  clear();
  push({.to = "8002", .body = "x", .answer = Push::Answer::accepted});
  answers(t0, 480);
  answers(t1, 200);
  EXPECT_EQ(report().result, "accepted") << "the third is waited for";
  restart();
  clear();
  pass_time(1min);
  EXPECT_EQ(count(t0) + count(t1) + count(t2), 0U);
  EXPECT_EQ(report().result, "delivered");
}

TEST_F(Pushing, what_waits_too_long_has_failed_P8) {
  push({.to = "8002", .body = "x", .keep_for = 60s});
  EXPECT_EQ(report().result, "stored");
  pass_time(61s);
  EXPECT_EQ(report().result, "failed");
  EXPECT_EQ(report().reason, "expired");
  EXPECT_EQ(kept(Table::push_message), 0U);
  EXPECT_EQ(push({.to = "8002", .body = "x", .keep_for = 0s}).result, "failed") << "not at all";
  EXPECT_EQ(report().reason, "nobody");
  clear();
  register_at(t0);
  EXPECT_EQ(count(t0), 0U);
}

TEST_F(Pushing, a_full_store_refuses_P8) {
  settings_.push.delivery.store_messages = 2;
  configure(settings_);
  EXPECT_EQ(push_text().result, "stored");
  EXPECT_EQ(push({.to = "8003", .body = "x"}).result, "stored");
  for (const char* user : {"8002", "8004"}) {
    EXPECT_EQ(push({.to = user, .body = "x"}).result, "failed") << user;
    EXPECT_EQ(report().reason, "store-full") << user;
  }
  settings_.push.delivery = {};
  settings_.push.delivery.store_bytes = 100;
  configure(settings_);
  EXPECT_EQ(push({.to = "8005", .body = std::string(99, 'x')}).reason, "store-full");
  EXPECT_EQ(refusal({.to = "8006", .body = std::string(101, 'x')}).status, 503) << "there is not even room to try";
}

TEST_F(Pushing, nothing_is_promised_while_the_disk_fails_X5) {
  disk_works_ = false;
  EXPECT_EQ(push_text().result, "pending");
  pass_time(4s);
  EXPECT_TRUE(settled_.empty());
  pass_time(2s);
  EXPECT_EQ(report().result, "failed");
  EXPECT_EQ(report().reason, "store-failing");
  EXPECT_EQ(settled_.size(), 1U);
  disk_works_ = true;
  step([&] { return device_.committed(ChangeId{1'000}, now_, outbox_), 0; });
  clear();
  register_at(t0);
  EXPECT_EQ(count(t0), 0U) << "its sender was told that it has failed";
  disk_works_ = false;
  push({.to = "8002", .body = "x", .answer = Push::Answer::accepted});
  EXPECT_EQ(count(t0), 0U);
  pass_time(6s);
  EXPECT_EQ(report().reason, "store-failing");
}

TEST_F(Pushing, who_wants_no_more_than_acceptance_has_it_on_disk_P8) {
  register_at(t0);
  clear();
  disk_works_ = false;
  EXPECT_EQ(push({.to = "8002", .body = "x", .answer = Push::Answer::accepted}).result, "pending");
  EXPECT_EQ(count(t0), 0U);
  EXPECT_EQ(kept(Table::push_message), 1U);
  disk_works_ = true;
  step([&] { return device_.committed(ChangeId{1'000}, now_, outbox_), 0; });
  EXPECT_EQ(settled_, std::vector<Text>{id_});
  EXPECT_EQ(report().result, "accepted");
  EXPECT_EQ(count(t0), 1U);
  answers(t0, 200);
  EXPECT_EQ(report().result, "delivered");
  EXPECT_EQ(kept(Table::push_message), 0U);
}

TEST_F(Pushing, a_repeated_order_is_one_P8) {
  register_at(t0);
  clear();
  const Push order{.to = "8002", .body = "x", .key = "order 66"};
  const std::string first = push(order).id;
  EXPECT_EQ(push(order).id, first);
  EXPECT_EQ(count(t0), 1U);
  restart();
  pass_time(5s);
  EXPECT_EQ(count(t0), 1U) << "the very same request";
  EXPECT_EQ(push(order).id, first);
  answers(t0, 200);
  EXPECT_EQ(push(order).result, "delivered");
  restart();
  EXPECT_EQ(push(order).id, first);
  EXPECT_EQ(push(order).result, "delivered");
  EXPECT_NE(push({.to = "8002", .body = "x", .key = "order 67"}).id, first);
}

TEST_F(Pushing, a_repeated_order_finds_its_record_whenever_we_are_killed_P8) {
  register_at(t0);
  clear();
  const Push order{.to = "8002", .body = "x", .key = "order 66"};
  const std::string first = push(order).id;
  disk_works_ = false;
  answers(t0, 200);
  EXPECT_EQ(kept(Table::push_message), 1U) << "until the record is on disk";
  EXPECT_EQ(kept(Table::push_record), 1U);
  disk_works_ = true;
  restart();
  EXPECT_EQ(kept(Table::push_message), 0U);
  clear();
  pass_time(5s);
  EXPECT_EQ(push(order).id, first);
  EXPECT_EQ(report().result, "delivered");
  EXPECT_EQ(count(t0), 0U);
}

TEST_F(Pushing, a_storm_of_registrations_is_none_of_messages_X19) {
  constexpr int users = 250;
  const auto address = [](int i) { return "10.77.0." + std::to_string(1 + i % 250) + ":" + std::to_string(6'000 + i); };
  for (int i = 0; i < users; ++i) push({.to = "u" + std::to_string(i), .body = "x"});
  clear();
  for (int i = 0; i < users; ++i) register_at(address(i), "", "Phone 1", "u" + std::to_string(i));
  const auto sent = [&] {
    std::size_t all = 0;
    for (const auto& [to, messages] : sent_) all += count(to) > 0 ? 1 : 0;
    return all;
  };
  EXPECT_EQ(sent(), 100U) << "at a time";
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < users; ++i) {
      const std::string message = last(address(i));
      if (message.starts_with("MESSAGE")) says(address(i), message, 200);
    }
  pass_time(1s);
  EXPECT_EQ(kept(Table::push_message), 0U);
}

TEST_F(Pushing, what_waits_can_be_taken_back_P8) {
  push_text();
  EXPECT_TRUE(std::holds_alternative<Refused>(device_.command(RemovePush{"0123456789abcdef"}, now_, outbox_)));
  EXPECT_TRUE(std::holds_alternative<Done>(step([&] { return device_.command(RemovePush{id_}, now_, outbox_); })));
  EXPECT_EQ(report().reason, "removed");
  clear();
  register_at(t0);
  EXPECT_EQ(count(t0), 0U);
  EXPECT_EQ(kept(Table::push_message), 0U);
}

TEST_F(Pushing, what_is_on_its_way_can_be_stopped_P8) {
  for (const char* terminal : {t1, t0}) {
    register_at(terminal);
    pass_time(1s);
  }
  push_text();
  const std::string sent = last(t0);
  EXPECT_TRUE(std::holds_alternative<Done>(step([&] { return device_.command(RemovePush{id_}, now_, outbox_); })));
  EXPECT_EQ(report().result, "failed");
  EXPECT_EQ(report().reason, "removed");
  const Answer again = step([&] { return device_.command(RemovePush{id_}, now_, outbox_); });
  ASSERT_TRUE(std::holds_alternative<Refused>(again)) << "it is settled";
  says(t0, sent, 480);
  pass_time(1h);
  EXPECT_EQ(count(t1), 0U) << "nobody else gets it";
  EXPECT_EQ(kept(Table::push_message), 0U);
}

TEST_F(Pushing, without_a_database_it_is_kept_in_memory_P8) {
  outbox_.keep_no_changes();
  EXPECT_EQ(push_text().result, "stored");
  EXPECT_EQ(push({.to = "8002", .body = "x", .answer = Push::Answer::accepted}).result, "stored");
  EXPECT_TRUE(rows_.empty());
  clear();
  register_at(t0);
  answers(t0, 200);
  answers(t0, 200);
  EXPECT_EQ(count(t0), 2U);
  EXPECT_EQ(report().result, "delivered");
  EXPECT_EQ(push({.to = "8002", .body = "x", .answer = Push::Answer::accepted}).result, "accepted");
}

}  // namespace ringhold::branch_device
