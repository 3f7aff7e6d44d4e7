#include "calls/release.hpp"

#include <gtest/gtest.h>

#include "calls/dialog_journal.hpp"

// RST-08 to RST-10 without a mind: what is asked, in which order, and what the rows of dialogs say.
namespace ringhold::calls {
namespace {

constexpr Instant start = from_unix_ms(1'790'000'000'000);
const Target alice_at{Transport::udp, *Endpoint::parse("10.77.0.11:5060", Port{})};
const Target bob_at{Transport::tcp, *Endpoint::parse("10.77.0.12:40000", Port{})};

std::string message(std::string_view first_line, std::string_view from, std::string_view to, std::string_view cseq,
                    std::string_view more = "") {
  std::string text{first_line};
  text.append("\r\nVia: SIP/2.0/UDP 10.77.0.11;branch=z9hG4bK1\r\nFrom: ").append(from).append("\r\nTo: ").append(to);
  return text.append("\r\nCall-ID: c\r\nCSeq: ").append(cseq).append("\r\n").append(more).append("\r\n");
}

class Dialogs : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto invite = message("INVITE sip:bob@example.test SIP/2.0", "\"Alice\" <sip:alice@pbx.test;user=phone>;tag=a",
                                "<sip:bob@example.test>", "7 INVITE", "Contact: <sip:alice@10.77.0.11>\r\n");
    calls_.invited(*sip::Message::parse(invite), {"sip:alice@example.test", "sip:bob@example.test", "normal", alice_at}, start, outbox_);
    answer("b", 200);
  }
  void answer(std::string_view tag, int status, std::string_view contact = "sip:bob@10.77.0.12:5070;transport=tcp") {
    const auto bytes = message(
        "SIP/2.0 " + std::to_string(status) + " X", "<sip:alice@pbx.test>;tag=a", "<sip:bob@example.test>;tag=" + std::string{tag},
        "7 INVITE", "Contact: <" + std::string{contact} + ">\r\nRecord-Route: <sip:p3;lr>, <sip:ours;lr>\r\nRecord-Route: <sip:p1;lr>\r\n");
    const auto response = *sip::Message::parse(bytes);
    const Answer said{response.call_id(), response.from_tag(), response.to_tag(), status, {}, "leg 0 9 200 answered", &response, bob_at};
    if (status < 200)
      calls_.rang(said);
    else
      calls_.responded(said, start, outbox_);
  }
  void passes(std::string_view method, bool from_callee, unsigned cseq, std::string_view contact = "") {
    const std::string a = "<sip:alice@pbx.test>;tag=a", b = "<sip:bob@example.test>;tag=b";
    const auto bytes =
        message(std::string{method} + " sip:x SIP/2.0", from_callee ? b : a, from_callee ? a : b,
                std::to_string(cseq) + " " + std::string{method}, contact.empty() ? "" : "Contact: <" + std::string{contact} + ">\r\n");
    calls_.passed(*sip::Message::parse(bytes), from_callee ? bob_at : alice_at, start + 5s, outbox_);
  }
  Call& call() { return *calls_.find(calls_.find("c", "a", "")); }
  Dialog& dialog() { return *call().find("b"); }

  Outbox outbox_;
  CallTable calls_{4};
};

TEST_F(Dialogs, each_side_has_the_routes_in_its_own_order_RFC3261_12_1) {
  EXPECT_EQ(bye(call(), dialog(), Side::caller, "x").routes, "<sip:p3;lr>, <sip:ours;lr>, <sip:p1;lr>");
  EXPECT_EQ(bye(call(), dialog(), Side::callee, "x").routes, "<sip:p1;lr>, <sip:ours;lr>, <sip:p3;lr>");
}

TEST_F(Dialogs, a_request_has_the_uris_and_tags_of_the_dialog_RST08) {
  const auto made = bye(call(), dialog(), Side::callee, "SIP;cause=480");
  EXPECT_EQ(made.headers,
            "From: <sip:alice@pbx.test;user=phone>;tag=a\r\nTo: <sip:bob@example.test>;tag=b\r\nCall-ID: c\r\nCSeq: 8 BYE\r\n"
            "Reason: SIP;cause=480\r\n");
  EXPECT_EQ(made.request_uri, "sip:bob@10.77.0.12:5070;transport=tcp");
  EXPECT_EQ(made.last_seen, bob_at);
}

TEST_F(Dialogs, follow_target_refreshes_and_counts_of_both_sides_RFC3261_12_2) {
  passes("INVITE", true, 100, "sip:bob@10.77.0.44");
  passes("INFO", false, 12, "sip:elsewhere@10.77.0.66");
  passes("INFO", false, 11);
  EXPECT_NE(bye(call(), dialog(), Side::caller, "").headers.find("CSeq: 101 BYE\r\n"), std::string::npos);
  EXPECT_NE(probe(call(), dialog(), Side::callee).headers.find("CSeq: 11 INFO\r\n"), std::string::npos);
  EXPECT_EQ(probe(call(), dialog(), Side::callee).request_uri, "sip:bob@10.77.0.44");
  EXPECT_EQ(probe(call(), dialog(), Side::caller).request_uri, "sip:alice@10.77.0.11") << "INFO refreshes no target";
}

TEST_F(Dialogs, a_probe_to_who_has_heard_nothing_has_zero_RST10) {
  EXPECT_NE(probe(call(), dialog(), Side::caller).headers.find("CSeq: 0 INFO\r\n"), std::string::npos);
}

TEST_F(Dialogs, come_back_from_their_row_RST08_X5) {
  passes("INFO", true, 41);
  const Change change = put(call(), dialog(), 3);
  const Row row{Table::dialog, change.columns.unpacked()};
  EXPECT_EQ(worker_of_dialog(row), 3);
  EXPECT_TRUE(CallTable::is_of(row, 1, 2));
  CallTable again{4};
  again.restore(row, start, outbox_);
  Call* restored = again.find(again.find("c", "a", ""));
  ASSERT_NE(restored, nullptr);
  EXPECT_EQ(restored->state, CallState::answered);
  for (const Side side : {Side::caller, Side::callee}) {
    const auto before = bye(call(), dialog(), side, "x");
    const auto after = bye(*restored, *restored->find("b"), side, "x");
    EXPECT_EQ(after.headers, before.headers);
    EXPECT_EQ(after.routes, before.routes);
    EXPECT_EQ(after.request_uri, before.request_uri);
    EXPECT_EQ(after.last_seen, before.last_seen);
  }
  EXPECT_TRUE(again.in_call("sip:alice@example.test"));
}

TEST_F(Dialogs, rows_that_are_none_are_left_alone_X1) {
  const Change change = put(call(), dialog(), 0);
  const auto columns = change.columns.unpacked();
  for (std::size_t broken = 0; broken + 1 < columns.size(); ++broken) {  // the last one says whose it is
    Row row{Table::dialog, columns};
    if (std::holds_alternative<Text>(row.columns[broken]))
      row.columns[broken] = std::int64_t{-1};
    else
      row.columns[broken] = Text{"x"};
    EXPECT_FALSE(dialog_from_row(row)) << broken;
    row.columns.resize(broken);
    EXPECT_FALSE(dialog_from_row(row)) << broken;
  }
}

TEST_F(Dialogs, one_too_many_and_too_long_ones_are_bounded_X1) {
  for (int i = 0; i < 40; ++i) answer("fork" + std::to_string(i), 200);
  EXPECT_EQ(call().dialogs.size(), CallTable::dialogs_per_call);
  answer("b", 200, "sip:" + std::string(9'000, 'x') + "@10.77.0.12");
  EXPECT_FALSE(call().is_whole(dialog())) << "nobody knows where he is";
}

TEST_F(Dialogs, a_row_is_written_while_a_dialog_is_up_and_erased_with_it_X5) {
  outbox_.clear();
  passes("INFO", false, 9);
  ASSERT_EQ(outbox_.changes().size(), 1U);
  EXPECT_FALSE(outbox_.changes()[0].columns.empty());
  passes("BYE", true, 1);
  ASSERT_GE(outbox_.changes().size(), 2U);
  EXPECT_EQ(outbox_.changes()[1].table, Table::dialog);
  EXPECT_TRUE(outbox_.changes()[1].columns.empty());
}

// The whole table, as RST-09 has it.
TEST(CheckMachine, says_what_RST09_says) {
  using enum CheckState;
  using enum CheckEvent;
  const auto step = [](CheckState state, CheckEvent event) { return check_machine.step(state, event); };
  for (const CheckState state : {asked, asked_again, in_grace}) {
    EXPECT_TRUE(step(state, lives).actions.contains(CheckAction::keep));
    EXPECT_TRUE(step(state, gone).actions.contains(CheckAction::release));
  }
  EXPECT_EQ(step(asked, silence).next, asked_again);
  EXPECT_EQ(step(asked, silence_of_moved).next, asked_again);
  EXPECT_TRUE(step(asked_again, silence).actions.contains(CheckAction::release));
  EXPECT_TRUE(step(asked_again, silence_of_moved).actions.contains(CheckAction::wait));
  EXPECT_TRUE(step(in_grace, silence_of_moved).actions.contains(CheckAction::release));
  EXPECT_TRUE(step(over, gone).actions.empty());
}

}  // namespace
}  // namespace ringhold::calls
