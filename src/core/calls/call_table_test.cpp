#include "calls/call_table.hpp"

#include <gtest/gtest.h>

namespace ringhold::calls {
namespace {

constexpr Instant start = from_unix_ms(1'790'000'000'000);

std::string request(std::string_view method, std::string_view to_tag = "", bool from_callee = false) {
  const std::string alice = "<sip:alice@example.test>";
  const std::string bob = "<sip:bob@example.test>";
  const std::string from = from_callee ? bob + ";tag=b" : alice + ";tag=a";
  const std::string to = (from_callee ? alice + ";tag=a" : bob + (to_tag.empty() ? "" : ";tag=" + std::string{to_tag}));
  return std::string{method} + " sip:bob@example.test SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nFrom: " + from + "\r\nTo: " + to +
         "\r\nCall-ID: c\r\nCSeq: 1 " + std::string{method} + "\r\n\r\n";
}

class Calling : public ::testing::Test {
 protected:
  void invite() {
    const auto bytes = request("INVITE");
    table_.invited(*sip::Message::parse(bytes), {"sip:alice@example.test", "sip:bob@example.test", "survivable", {}}, start, outbox_);
  }
  void respond(int status, Instant at, std::string_view to_tag = "b", Duration session = {}) {
    table_.responded({"c", "a", to_tag, status, session, "sip:bob@10.77.0.12 0 900 200 answered"}, at, outbox_);
  }
  void pass(const std::string& bytes, Instant at) { table_.passed(*sip::Message::parse(bytes), {}, at, outbox_); }
  Outbox outbox_;
  CallTable table_{2};
};

TEST_F(Calling, knows_both_parties_from_invite_to_bye_S5) {
  invite();
  invite();  // a retransmission that another transaction carried
  EXPECT_EQ(table_.size(), 1U);
  EXPECT_TRUE(table_.in_call("sip:alice@example.test"));
  EXPECT_TRUE(table_.in_call("sip:bob@example.test"));
  respond(200, start + 3s);
  const auto bye = request("BYE", "", true);  // the callee hangs up
  table_.passed(*sip::Message::parse(bye), {}, start + 10s, outbox_);
  EXPECT_EQ(table_.size(), 0U);
  EXPECT_FALSE(table_.in_call("sip:bob@example.test"));
}

TEST_F(Calling, forgets_a_refused_call_but_not_for_a_refused_re_invite_C6) {
  invite();
  respond(486, start + 1s);
  EXPECT_EQ(table_.size(), 0U);
  invite();
  respond(200, start + 1s);
  respond(488, start + 9s);
  EXPECT_EQ(table_.size(), 1U);
}

TEST_F(Calling, no_call_stays_for_ever_X1) {
  invite();
  table_.expire(start + CallTable::longest_ringing + 1s, outbox_);
  EXPECT_EQ(table_.size(), 0U);
  invite();
  respond(200, start);
  table_.expire(start + 11h, outbox_);
  EXPECT_EQ(table_.size(), 1U);
  const auto refresh = request("UPDATE", "b");
  table_.passed(*sip::Message::parse(refresh), {}, start + 11h, outbox_);
  table_.expire(start + 13h, outbox_);
  EXPECT_EQ(table_.size(), 1U);
  table_.expire(start + 24h, outbox_);
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(Calling, a_bye_for_an_extra_200_of_a_fork_does_not_end_the_call_C6) {
  invite();
  respond(200, start + 1s, "b");
  respond(200, start + 1s, "c");
  pass(request("BYE", "c"), start + 2s);
  EXPECT_EQ(table_.size(), 1U);
  respond(200, start + 2s, "c");  // retransmitted before its ACK came
  pass(request("BYE", "b"), start + 60s);
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(Calling, keeps_each_of_many_answers_of_a_fork_C6) {
  invite();
  for (const char* tag : {"b", "c", "d", "e"}) {
    respond(200, start + 3s, tag);
    respond(200, start + 4s, tag);  // sent again
  }
  for (const char* tag : {"c", "d", "e"}) pass(request("BYE", tag), start + 5s);
  EXPECT_EQ(table_.size(), 1U);
  respond(200, start + 6s, "c");  // and again, though its dialog has ended
  pass(request("BYE", "b"), start + 7s);
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(Calling, a_bye_of_an_early_dialog_does_not_end_the_call_RFC3261_15) {
  invite();
  pass(request("BYE", "x"), start + 1s);
  EXPECT_EQ(table_.size(), 1U);
  respond(487, start + 1s);
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(Calling, ends_when_its_session_timer_runs_out_RFC4028) {
  invite();
  respond(200, start, "b", 1800s);
  pass(request("UPDATE", "b"), start + 1700s);  // asked, but not granted
  table_.refreshed({"c", "a", "b", 200, 1800s}, start + 1700s, outbox_);
  table_.expire(start + 1850s, outbox_);
  EXPECT_EQ(table_.size(), 1U);
  pass(request("INFO", "b"), start + 3400s);
  table_.expire(start + 3540s, outbox_);
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(Calling, a_2xx_without_session_expires_ends_the_session_timer_RFC4028) {
  invite();
  respond(200, start, "b", 90s);
  table_.refreshed({"c", "a", "b", 200, {}}, start + 60s, outbox_);
  table_.expire(start + 1h, outbox_);
  EXPECT_EQ(table_.size(), 1U);
}

TEST_F(Calling, counts_what_it_cannot_track_X1) {
  CallTable small{0};
  const auto bytes = request("INVITE");
  small.invited(*sip::Message::parse(bytes), {"sip:alice@example.test", "sip:bob@example.test", "survivable", {}}, start, outbox_);
  EXPECT_EQ(small.untracked(), 1U);
  EXPECT_FALSE(small.in_call("sip:alice@example.test"));
}

TEST_F(Calling, an_answered_call_leaves_a_record_C6) {
  invite();
  respond(200, start + 3s);
  const auto bye = request("BYE", "", true);
  pass(bye, start + 33s);
  ASSERT_EQ(table_.past().records().size(), 1U);
  const CallRecord& record = table_.past().records().front();
  EXPECT_EQ(record.caller, "sip:alice@example.test");
  EXPECT_EQ(record.callee, "sip:bob@example.test");
  EXPECT_EQ(record.began, start);
  EXPECT_EQ(record.answered, start + 3s);
  EXPECT_EQ(record.ended, start + 33s);
  EXPECT_EQ(record.by, EndedBy::callee);
  EXPECT_EQ(record.status, 200);
  EXPECT_EQ(record.mode, "survivable");
  EXPECT_EQ(record.legs, "sip:bob@10.77.0.12 0 900 200 answered");
  const Change& change = outbox_.changes().back();
  EXPECT_EQ(from_row({change.table, change.columns.unpacked()}), record);
}

TEST_F(Calling, a_call_that_nobody_answers_leaves_one_too_C6) {
  invite();
  respond(487, start + 3s, "");
  ASSERT_EQ(table_.past().records().size(), 1U);
  EXPECT_EQ(table_.past().records().front().by, EndedBy::caller);
  EXPECT_FALSE(table_.past().records().front().answered);
  EXPECT_EQ(table_.past().records().front().status, 487);
}

TEST(CallLog, long_texts_are_cut_and_impossible_rows_left_alone_X1_X5) {
  CallTable table{10, 3};
  Outbox outbox;
  std::string bytes = request("INVITE");
  bytes.replace(bytes.find("Call-ID: c"), 10, "Call-ID: " + std::string(60'000, 'c'));
  const std::string name(5'000, 'n');
  table.turned_away(*sip::Message::parse(bytes), name, name, "normal", 480, start, outbox);
  const CallRecord& record = table.past().records().front();
  EXPECT_EQ(record.call_id.size() + record.caller.size() + record.callee.size(), 3 * longest_text);
  CallRecord far = record;
  for (const std::int64_t impossible : {std::int64_t{-1}, std::int64_t{1} << 43U, INT64_MAX}) {
    auto columns = put(far).columns.unpacked();
    columns[4] = impossible;
    EXPECT_FALSE(from_row({Table::call, columns})) << impossible;
  }
}

TEST(CallLog, each_worker_keeps_its_own_and_those_of_workers_that_are_gone_C6) {
  const auto of = [](const char* id, WorkerNumber worker, WorkerNumber workers) {
    return CallTable::is_of({Table::call, {Text{id}}}, worker, workers);
  };
  for (const char* id : {"00000000000000a0", "00000000000000a1", "00000000000000af", ""})
    for (const WorkerNumber workers : {WorkerNumber{1}, WorkerNumber{2}, WorkerNumber{3}}) {
      int keepers = 0;
      for (WorkerNumber worker = 0; worker < workers; ++worker) keepers += of(id, worker, workers) ? 1 : 0;
      EXPECT_EQ(keepers, 1) << id << " of " << int{workers};
    }
  EXPECT_TRUE(of("00000000000000a1", 1, 2));
}

TEST(CallLog, forgets_the_oldest_here_and_on_disk_and_bears_a_flood_C6_X5) {
  CallTable table{10, 3};
  Outbox outbox;
  const auto bytes = request("INVITE");
  for (int i = 0; i < 300; ++i)
    table.turned_away(*sip::Message::parse(bytes), "sip:alice@example.test", "sip:bob@example.test", "normal", 480, start, outbox);
  EXPECT_EQ(table.past().records().size(), 3U);
  EXPECT_EQ(table.past().left_out(), 100U);
  EXPECT_EQ(outbox.changes().size(), 200U + 197U);
  CallTable again{10, 2};
  Outbox other;
  // The store knows no order.
  for (auto record = table.past().records().rbegin(); record != table.past().records().rend(); ++record) {
    const Change change = put(*record);
    again.restore({change.table, change.columns.unpacked()}, start, other);
  }
  ASSERT_EQ(again.past().records().size(), 2U);
  EXPECT_EQ(again.past().records().back(), table.past().records().back());
  ASSERT_EQ(other.changes().size(), 1U);
  EXPECT_TRUE(other.changes().front().columns.empty()) << "erased";
  again.restore({Table::call, {Text{"x"}}}, start, other);
  EXPECT_EQ(again.past().records().size(), 2U) << "a row that is no record is left alone";
}

}  // namespace
}  // namespace ringhold::calls
