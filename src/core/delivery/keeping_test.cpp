// What of pushes is kept: messages, redirects and records, in memory and as rows.
#include <gtest/gtest.h>

#include "delivery/message_store.hpp"
#include "delivery/push_record.hpp"
#include "delivery/redirect_memory.hpp"

namespace ringhold::delivery {

namespace {

using namespace std::string_literals;

constexpr Instant begin = from_unix_ms(1'790'000'000'000);

Message message(int number, const std::string& user = "8002") {
  return {.id = "00000000000000" + std::to_string(number) + "0",
          .aor = "sip:" + user + "@example.test",
          .sender = "sip:push@example.test",
          .method = Method::notify_or_message,
          .event = "x-push",
          .headers = "Content-Type: text/plain\r\n",
          .body = "a\0b\xff"s,
          .strategy = Strategy::all_at_once,
          .seed = 0xfedc'ba98'7654'3210U,
          .accepted_at = begin,
          .expires_at = begin + std::chrono::seconds{100 * number},
          .key = "k",
          .rounds = 2};
}

Row row_of(const Change& change) { return {change.table, change.columns.unpacked()}; }

/// A row with each of its columns, in turn, of the wrong type; none may be taken.
template <typename Read>
void refuses_damaged(const Row& row, Read read) {
  for (std::size_t i = 0; i < row.columns.size(); ++i) {
    Row damaged = row;
    damaged.columns[i] = std::holds_alternative<Text>(row.columns[i]) ? Column{std::int64_t{-1}} : Column{Text{"x"}};
    EXPECT_FALSE(read(damaged)) << i;
    damaged.columns.resize(i);
    EXPECT_FALSE(read(damaged)) << i;
  }
}

}  // namespace

TEST(Messages, come_back_from_their_rows_as_they_were_P8) {
  const auto read = message_from_row(row_of(put(message(1))));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, message(1));
  EXPECT_EQ(read->content_type(), "text/plain");
  refuses_damaged(row_of(put(message(1))), [](const Row& row) { return message_from_row(row).has_value(); });
}

TEST(Messages, have_numbers_that_grow_whatever_the_clock_does_P8) {
  MessageNumbers numbers{3};
  const Text first = numbers.next(begin);
  const Text second = numbers.next(begin);
  const Text third = numbers.next(begin - 1h);
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_EQ(worker_of_id(third), WorkerNumber{3});
  MessageNumbers after{3};
  after.note(third);
  EXPECT_LT(third, after.next(begin - 2h));
  EXPECT_FALSE(worker_of_id("x"));
}

TEST(MessageStores, give_each_users_messages_in_order_one_at_a_time_X19) {
  MessageStore store{Settings{}};
  for (const int number : {2, 1, 3}) store.add(message(number), begin + 1h);
  store.add(message(4, "8003"), begin + 1h);
  EXPECT_FALSE(store.take(begin));
  store.wake("sip:8002@example.test", begin);
  EXPECT_EQ(store.next_due(), begin);
  auto first = store.take(begin);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->id, message(1).id);
  EXPECT_FALSE(store.take(begin)) << "until that one is done";
  store.wake("sip:8002@example.test", begin);
  EXPECT_FALSE(store.take(begin));
  store.put_back(*first, begin + 60s);
  EXPECT_FALSE(store.take(begin + 59s));
  first = store.take(begin + 60s);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->id, message(1).id);
  store.done(first->aor, begin + 60s);
  EXPECT_EQ(store.take(begin + 60s)->id, message(2).id);
  store.done(first->aor, begin + 60s);
  EXPECT_EQ(store.take(begin + 60s)->id, message(3).id);
  EXPECT_TRUE(store.has(first->aor));
  store.done(first->aor, begin + 60s);
  EXPECT_FALSE(store.has(first->aor));
  EXPECT_EQ(store.size(), 1U);
  store.wake_all(begin, 1s);
  EXPECT_EQ(store.take(begin)->id, message(4, "8003").id);
}

TEST(MessageStores, give_up_what_is_too_old_and_take_no_more_than_fits_P8) {
  Settings settings;
  settings.store_messages = 2;
  MessageStore store{settings};
  store.add(message(1), begin);
  EXPECT_TRUE(store.has_room(4));
  store.add(message(2), begin);
  EXPECT_FALSE(store.has_room(4));
  EXPECT_EQ(store.next_end(), begin + 100s);
  EXPECT_TRUE(store.expire(begin + 99s).empty());
  ASSERT_EQ(store.expire(begin + 100s).size(), 1U);
  EXPECT_TRUE(store.has_room(4));
  EXPECT_TRUE(store.remove(message(2).id));
  EXPECT_FALSE(store.remove(message(2).id));
  EXPECT_FALSE(store.has(message(2).aor));
  EXPECT_FALSE(store.next_due());
  EXPECT_FALSE(store.next_end());
  settings = {};
  settings.store_bytes = 10;
  store.reconfigure(settings);
  EXPECT_TRUE(store.has_room(10));
  EXPECT_FALSE(store.has_room(11));
}

TEST(RedirectMemories, come_back_from_their_rows_PSH04) {
  Outbox outbox;
  RedirectMemory memory;
  Redirect redirect{.device = "d",
                    .aor = "sip:8002@example.test",
                    .user_agent = "Phone",
                    .status = 302,
                    .contacts = {{"sip:a@10.77.0.9", 500, begin + 60s}, {"sip:b@10.77.0.9", 1000, {}}},
                    .since = begin};
  memory.remember(redirect, begin, outbox);
  const Row row = row_of(outbox.changes().back());
  RedirectMemory again;
  again.restore(row, begin, outbox);
  ASSERT_NE(again.find("d", begin), nullptr);
  EXPECT_EQ(*again.find("d", begin), redirect);
  EXPECT_FALSE(redirect.is_over(begin + 61s));
  redirect.contacts.pop_back();
  EXPECT_TRUE(redirect.is_over(begin + 61s));
  refuses_damaged(row, [&](const Row& damaged) {
    RedirectMemory other;
    other.restore(damaged, begin, outbox);
    return other.size() > 0;
  });
  memory.failed("d", "sip:a@10.77.0.9", true, outbox);
  EXPECT_EQ(memory.find("d", begin)->contacts.size(), 1U) << "one of two is gone";
  memory.failed("d", "sip:b@10.77.0.9", true, outbox);
  EXPECT_EQ(memory.find("d", begin), nullptr);
}

TEST(RedirectMemories, hold_no_more_than_fits_X1) {
  Outbox outbox;
  RedirectMemory memory{2};
  const auto redirect = [](const std::string& device, Instant until) {
    return Redirect{.device = device,
                    .aor = "sip:8002@example.test",
                    .user_agent = {},
                    .status = 302,
                    .contacts = std::vector<Redirect::Contact>(20, {"sip:a@10.77.0.9", 1000, until}),
                    .since = begin};
  };
  memory.remember(redirect("1", begin + 1s), begin, outbox);
  memory.remember(redirect("2", begin + 1h), begin, outbox);
  memory.remember(redirect("3", begin + 1h), begin, outbox);
  EXPECT_EQ(memory.size(), 2U);
  memory.remember(redirect("3", begin + 1h), begin + 2s, outbox);
  EXPECT_EQ(memory.size(), 2U) << "one was over";
  ASSERT_NE(memory.find("3", begin + 2s), nullptr);
  EXPECT_EQ(memory.find("3", begin + 2s)->contacts.size(), RedirectMemory::most_contacts);
}

TEST(PushLogs, come_back_from_their_rows_in_whatever_order_P7) {
  Outbox outbox;
  PushLog log{2};
  std::vector<Row> rows;
  for (const int number : {3, 1, 2}) {
    PushRecord record = record_of(message(number), begin);
    record.key = "k" + std::to_string(number);
    record.reason = Reason::loop;
    record.steps.push_back({.target = {"sip:8002@10.77.0.41", {}, Via::remembered, 3},
                            .state = AttemptState::ended,
                            .why = Why::answered,
                            .status = 302,
                            .sent_at = begin + 5ms,
                            .ended_at = begin + 9ms});
    rows.push_back(row_of(put(record)));
    log.put(std::move(record), outbox);
  }
  ASSERT_EQ(log.records().size(), 2U);
  EXPECT_EQ(log.records()[0].id, message(2).id);
  EXPECT_EQ(log.find_key("k1"), nullptr) << "the oldest is forgotten";
  ASSERT_NE(log.find_key("k3"), nullptr);
  PushLog again{2};
  for (const Row& row : rows) again.restore(row, outbox);
  ASSERT_EQ(again.records().size(), 2U);
  const PushRecord& record = again.records()[1];
  EXPECT_EQ(record.id, message(3).id);
  EXPECT_EQ(record.reason, Reason::loop);
  ASSERT_EQ(record.steps.size(), 1U);
  EXPECT_EQ(record.steps[0].target.via, Via::remembered);
  EXPECT_EQ(record.steps[0].ended_at - record.steps[0].sent_at, 4ms);
  refuses_damaged(rows[0], [](const Row& row) { return record_from_row(row).has_value(); });
}

}  // namespace ringhold::delivery
