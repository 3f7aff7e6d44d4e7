// RST-05 to RST-14, X-06, X-07, X-09, X-29: what a restart of a terminal does to its calls, seen on the wire in virtual time.
#include <map>

#include "branch_device/releasing_bench.hpp"

namespace ringhold::branch_device {
namespace {

TEST_F(Releasing, asks_the_dialog_with_a_lower_cseq_and_releases_what_is_gone_RST08_RST10) {
  talks();
  registers(bob, "8002", "boot-b2");
  EXPECT_TRUE(last(bob, "SIP/2.0 200").starts_with("SIP/2.0 200")) << "the answer does not wait (RST-05)";
  const std::string probe = last(bob, "INFO");
  ASSERT_FALSE(probe.empty());
  EXPECT_TRUE(probe.starts_with("INFO sip:8002@10.77.0.12:5060 SIP/2.0\r\n")) << probe;
  EXPECT_EQ(header(probe, sip::Header::cseq), "19 INFO") << "one below Alice's INVITE";
  EXPECT_EQ(header(probe, sip::Header::from), "<sip:8001@example.test>;tag=f8001");
  EXPECT_EQ(header(probe, sip::Header::to), "<sip:8002@example.test>;tag=tb");
  EXPECT_EQ(header(probe, sip::Header::call_id), "c-8001-INV");
  EXPECT_EQ(header(probe, sip::Header::route), "") << "we were the only one in between";
  EXPECT_EQ(header(probe, sip::Header::content_length), "0");
  EXPECT_EQ(count_to(alice), 0U);
  says(bob, probe, 481);
  const std::string bye = last(alice, "BYE");
  ASSERT_FALSE(bye.empty());
  EXPECT_TRUE(bye.starts_with("BYE sip:8001@10.77.0.11:5060 SIP/2.0\r\n")) << bye;
  EXPECT_EQ(header(bye, sip::Header::cseq), "1 BYE") << "Bob has sent nothing so far";
  EXPECT_EQ(header(bye, sip::Header::from), "<sip:8002@example.test>;tag=tb");
  EXPECT_EQ(header(bye, sip::Header::to), "<sip:8001@example.test>;tag=f8001");
  EXPECT_EQ(header(bye, sip::Header::reason), "SIP;cause=480;text=\"Terminal restarted\"");
  EXPECT_EQ(last(bob, "BYE"), "") << "he has said that he knows nothing of it";
  EXPECT_EQ(calls(), 0U);
  EXPECT_EQ(how_it_ended(), "terminal-restart by callee");
  says(alice, bye, 200);
  EXPECT_EQ(count_to(bob), 0U) << "answers to what we sent are ours";
  ASSERT_EQ(restarts().size(), 1U);
  EXPECT_EQ(restarts().front().released, 1U);
  EXPECT_EQ(restarts().front().call_id_before, "boot-b");
}

TEST_F(Releasing, of_the_caller_asks_with_zero_and_says_bye_to_the_callee_RST08_RST10) {
  talks();
  registers(alice, "8001", "boot-a2");
  const std::string probe = last(alice, "INFO");
  EXPECT_EQ(header(probe, sip::Header::cseq), "0 INFO") << "Bob has sent nothing so far";
  EXPECT_EQ(header(probe, sip::Header::from), "<sip:8002@example.test>;tag=tb");
  says(alice, probe, 481);
  EXPECT_TRUE(last(bob, "BYE").starts_with("BYE sip:8002@10.77.0.12:5060 ")) << to(bob);
  EXPECT_EQ(how_it_ended(), "terminal-restart by caller");
}

TEST_F(Releasing, counts_each_sides_requests_RST08) {
  talks();
  send(alice, within("INFO", "8001", "8002", "tb", 31, alice));
  registers(bob, "8002", "boot-b2");
  const std::string probe = last(bob, "INFO");
  EXPECT_EQ(header(probe, sip::Header::cseq), "30 INFO");
  registers(alice, "8001", "boot-a2");
  says(alice, last(alice, "INFO"), 481);
  EXPECT_EQ(header(last(bob, "BYE"), sip::Header::cseq), "32 BYE");
}

TEST_F(Releasing, a_living_dialog_is_left_alone_RST09) {
  talks();
  for (const int status : {500, 200, 403, 501}) {
    registers(bob, "8002", "boot-" + std::to_string(status));
    says(bob, last(bob, "INFO"), status);
    drop();
    registers(alice, "8001", "boot-a");
    pass(31s);
    EXPECT_EQ(last(alice, "BYE"), "") << status;
    EXPECT_EQ(calls(), 1U) << status;
    EXPECT_EQ(restarts().front().kept, 1U) << status;
  }
}

TEST_F(Releasing, silence_is_asked_twice_and_then_released_RST09) {
  talks();
  registers(bob, "8002", "boot-b2");
  drop();
  pass(3900ms);
  EXPECT_EQ(last(alice, "BYE"), "");
  drop();
  pass(4s);
  EXPECT_FALSE(last(bob, "INFO").empty()) << "asked again";
  EXPECT_EQ(last(alice, "BYE"), "");
  drop();
  pass(200ms);
  EXPECT_FALSE(last(alice, "BYE").empty());
  EXPECT_FALSE(last(bob, "BYE").empty()) << "he may have it still";
  drop();
  pass(60s);
  EXPECT_EQ(last(bob, "INFO"), "") << "nothing is left";
}

TEST_F(Releasing, somebody_in_betweens_408_is_silence_RST09) {
  talks();
  registers(bob, "8002", "boot-b2");
  says(bob, last(bob, "INFO"), 408);
  EXPECT_EQ(last(alice, "BYE"), "");
  pass(8100ms);
  EXPECT_FALSE(last(alice, "BYE").empty());
}

constexpr auto instance = ";+sip.instance=\"<urn:uuid:b>\"";

class Moved : public Releasing {
 protected:
  void SetUp() override {
    Releasing::SetUp();
    registers(bob, "8002", "boot-b", "", "");
    registers(bob, "8002", "boot-b", bob, instance);
    talks();
  }
};

TEST_F(Moved, has_half_a_minute_to_say_where_it_is_RST09_X06) {
  registers("10.77.0.99:5060", "8002", "boot-b2", "", instance);
  EXPECT_FALSE(last(bob, "INFO").empty()) << "where the dialog has it";
  drop();
  pass(29s);
  EXPECT_EQ(last(alice, "BYE"), "");
  pass(1100ms);
  EXPECT_FALSE(last(alice, "BYE").empty());
}

TEST_F(Moved, lives_when_it_says_where_it_is_RST09_X06) {
  registers("10.77.0.99:5060", "8002", "boot-b2", "", instance);
  pass(10s);
  send("10.77.0.99:5060", within("INVITE", "8002", "8001", "f8001", 1, "10.77.0.99:5060", "Contact: <sip:8002@10.77.0.99:5060>\r\n"));
  EXPECT_TRUE(last(alice, "INVITE").starts_with("INVITE sip:8001@10.77.0.11:5060")) << to(alice);
  drop();
  pass(60s);
  EXPECT_EQ(last(alice, "BYE"), "");
  EXPECT_EQ(calls(), 1U);
}

TEST_F(Moved, is_asked_at_its_new_port_and_says_that_it_was_restarted_RST09) {
  registers("10.77.0.12:6060", "8002", "boot-b2", "", instance);
  const std::string probe = last("10.77.0.12:6060", "INFO");
  EXPECT_TRUE(probe.starts_with("INFO sip:8002@10.77.0.12:6060 ")) << probe;
  EXPECT_FALSE(last(bob, "INFO").empty()) << "and where the dialog has it";
  says("10.77.0.12:6060", probe, 481);
  EXPECT_EQ(last(alice, "BYE"), "") << "another terminal may be there";
  drop();
  pass(4100ms);
  EXPECT_FALSE(last(alice, "BYE").empty());
}

TEST_F(Moved, two_terminals_at_one_address_are_told_apart_by_the_answer_of_the_first_RST09) {
  registers("10.77.0.12:6060", "8002", "boot-b2", "", instance);
  const std::string own = last(bob, "INFO");
  says("10.77.0.12:6060", last("10.77.0.12:6060", "INFO"), 481);
  says(bob, own, 500);
  pass(40s);
  EXPECT_EQ(last(alice, "BYE"), "");
  EXPECT_EQ(calls(), 1U);
}

// anybody in the branch may send a REGISTER with Bob's instance.
TEST_F(Moved, a_strange_host_kills_no_call_RST11_X07) {
  follow(Policy::immediate);
  registers("10.77.0.66:5060", "8002", "forged", "", instance);
  EXPECT_EQ(last(alice, "BYE"), "");
  EXPECT_EQ(last("10.77.0.66:5060", "INFO"), "") << "he is not asked";
  says(bob, last(bob, "INFO"), 500);
  pass(60s);
  EXPECT_EQ(last(alice, "BYE"), "");
  EXPECT_EQ(calls(), 1U);
}

TEST_F(Moved, with_the_contact_of_the_victim_neither_RST11_X07) {
  follow(Policy::immediate);
  registers("10.77.0.66:5060", "8002", "forged", bob, instance);
  EXPECT_EQ(last(alice, "BYE"), "");
  EXPECT_EQ(last("10.77.0.66:5060", "INFO"), "") << "he is not asked in Bob's place";
  ASSERT_FALSE(last(bob, "INFO").empty());
  says(bob, last(bob, "INFO"), 500);
  EXPECT_EQ(calls(), 1U);
}

TEST_F(Releasing, log_sends_nothing_RST13) {
  follow(Policy::log);
  talks();
  registers(bob, "8002", "boot-b2");
  EXPECT_EQ(count_to(bob), 1U) << "the 200";
  pass(40s);
  EXPECT_EQ(last(bob, "INFO"), "");
  EXPECT_EQ(calls(), 1U);
  ASSERT_EQ(restarts().size(), 1U);
  EXPECT_EQ(restarts().front().released, 0U);
}

TEST_F(Releasing, immediate_releases_both_ends_at_once_B2) {
  follow(Policy::immediate);
  talks();
  registers(bob, "8002", "boot-b2");
  EXPECT_EQ(last(bob, "INFO"), "");
  EXPECT_FALSE(last(alice, "BYE").empty());
  EXPECT_EQ(header(last(bob, "BYE"), sip::Header::cseq), "21 BYE") << "Alice's next";
  EXPECT_EQ(calls(), 0U);
}

TEST_F(Releasing, a_user_agent_that_cried_wolf_is_asked_even_then_RST09) {
  talks();
  registers(bob, "8002", "boot-b2");
  says(bob, last(bob, "INFO"), 500);
  pass(31s);
  follow(Policy::immediate);
  registers(bob, "8002", "boot-b3");
  EXPECT_EQ(last(alice, "BYE"), "");
  EXPECT_FALSE(last(bob, "INFO").empty());
}

TEST_F(Releasing, good_bye_with_another_call_id_is_evidence_with_the_same_it_is_none_RST12) {
  talks();
  send(bob, request("REGISTER", "sip:example.test", "8002", "sip:8002@example.test", bob, "gone", 90,
                    "Contact: *\r\nExpires: 0\r\nUser-Agent: Phone 1\r\n"));
  EXPECT_FALSE(last(bob, "INFO").empty()) << "the fixture's Call-ID is another one";
  EXPECT_EQ(restarts().size(), 1U);
  registers(bob, "8002", "boot-b2");
  EXPECT_EQ(restarts().size(), 1U);
}

TEST_F(Releasing, an_ordinary_good_bye_ends_no_call_RST12) {
  talks();
  registers(bob, "8002", "boot-b", bob, ";expires=0");
  EXPECT_EQ(last(bob, "INFO"), "");
  EXPECT_TRUE(restarts().empty());
  pass(100s);
  EXPECT_EQ(calls(), 1U);
}

TEST_F(Releasing, whose_binding_ran_out_in_a_call_is_asked_X29) {
  talks();
  pass(90s);
  registers(alice, "8001", "boot-a");
  drop();
  pass(33s);
  EXPECT_FALSE(last(bob, "INFO").empty());
  EXPECT_EQ(last(alice, "INFO"), "") << "she has refreshed";
  EXPECT_EQ(last(alice, "BYE"), "") << "nobody has seen him restart: he is asked once more";
  pass(45s);
  EXPECT_NE(last(alice, "BYE").find("Terminal lost"), std::string::npos);
  EXPECT_TRUE(restarts().empty());
}

TEST_F(Releasing, without_audit_nobody_is_asked_X29) {
  Settings changed = settings();
  changed.restart.audit = false;
  device_.reconfigure(changed, now_, outbox_);
  talks();
  pass(300s);
  EXPECT_EQ(last(bob, "INFO"), "");
  EXPECT_EQ(calls(), 1U);
}

TEST_F(Releasing, a_caller_that_restarts_while_it_rings_is_cancelled_RST08) {
  rings();
  registers(alice, "8001", "boot-a2");
  const std::string probe = last(alice, "INFO");
  EXPECT_EQ(header(probe, sip::Header::from), "<sip:8002@example.test>;tag=tb") << "in the early dialog";
  says(alice, probe, 481);
  const std::string cancel = last(bob, "CANCEL");
  EXPECT_NE(cancel.find("Reason: SIP;cause=480;text=\"Terminal restarted\"\r\n"), std::string::npos) << cancel;
  says(bob, invite_, 487);
  EXPECT_EQ(how_it_ended(), "terminal-restart by caller");
  EXPECT_EQ(calls(), 0U);
}

TEST_F(Releasing, a_caller_is_asked_as_soon_as_there_is_a_dialog_RST08) {
  send(alice, request("INVITE", "sip:8002@example.test", "8001", "sip:8002@example.test", alice, "i1", 20,
                      "Contact: <sip:8001@10.77.0.11:5060>\r\n"));
  invite_ = to(bob);
  send(bob, answer(invite_, 100, "", ""));
  registers(alice, "8001", "boot-a2");
  EXPECT_EQ(last(alice, "INFO"), "");
  pass(20s);
  EXPECT_EQ(last(bob, "CANCEL"), "") << "nobody has been asked";
  send(bob, answer(invite_, 180, "tb", "sip:8002@10.77.0.12:5060"));
  drop();
  pass(1100ms);
  says(alice, last(alice, "INFO"), 500);
  pass(40s);
  EXPECT_EQ(last(bob, "CANCEL"), "");
}

TEST_F(Releasing, a_callee_that_restarts_while_it_rings_is_called_no_more_RST08) {
  registers("10.77.0.13:5060", "8002", "other");
  rings();
  registers(bob, "8002", "boot-b2");
  says(bob, last(bob, "INFO"), 481);
  EXPECT_FALSE(last(bob, "CANCEL").empty());
  EXPECT_EQ(last("10.77.0.13:5060", "CANCEL"), "") << "others go on";
  EXPECT_EQ(last(alice, "SIP/2.0 4"), "");
  EXPECT_EQ(calls(), 1U);
}

TEST_F(Releasing, the_only_callee_that_restarts_ends_the_call_RST08) {
  rings();
  registers(bob, "8002", "boot-b2");
  says(bob, last(bob, "INFO"), 481);
  EXPECT_TRUE(last(alice, "SIP/2.0 480").starts_with("SIP/2.0 480 ")) << to(alice);
  EXPECT_EQ(calls(), 0U);
}

TEST_F(Releasing, another_terminal_of_the_user_is_not_meant_RST07) {
  talks();
  registers("10.77.0.13:5060", "8002", "other");
  registers("10.77.0.13:5060", "8002", "other-2");
  EXPECT_EQ(restarts().size(), 1U);
  EXPECT_EQ(last(bob, "INFO"), "");
  EXPECT_EQ(last("10.77.0.13:5060", "INFO"), "");
}

// The dialog is on disk while the call is up, so that a phone that restarts after us loses its call, too.
TEST_F(Releasing, after_our_own_restart_all_is_as_before_RST08_X5) {
  std::map<std::pair<Table, Text>, Change> store;
  const auto keep = [&] {
    for (const Change& change : outbox_.changes())
      change.columns.empty() ? (void)store.erase({change.table, change.key})
                             : (void)store.insert_or_assign({change.table, change.key}, change);
  };
  rings();
  send(bob, answer(invite_, 200, "tb", "sip:8002@10.77.0.12:5060"));
  registers(bob, "8002", "boot-b");
  keep();
  send(bob, answer(invite_, 200, "tb", "sip:8002@10.77.0.12:5060"));
  keep();
  pass(1100ms);
  send(alice, within("INFO", "8001", "8002", "tb", 33, alice));
  keep();
  ASSERT_TRUE(store.contains({Table::dialog, "c-8001-INV f8001 tb"}));
  std::vector<Row> rows;
  for (const auto& [key, change] : store) rows.push_back({change.table, change.columns.unpacked()});
  BranchDevice again{settings(), random_};
  again.restore(rows, now_);
  again.start(now_, outbox_);
  device_ = std::move(again);
  EXPECT_EQ(calls(), 1U);
  drop();
  pass(2100ms);
  ASSERT_FALSE(last(bob, "INFO").empty()) << "both are asked whether the call has outlived us";
  const std::string asked_alice = last(alice, "INFO");
  says(bob, last(bob, "INFO"), 500);
  says(alice, asked_alice, 500);
  registers(bob, "8002", "boot-b2");
  const std::string probe = last(bob, "INFO");
  EXPECT_EQ(header(probe, sip::Header::cseq), "32 INFO");
  says(bob, probe, 481);
  EXPECT_TRUE(last(alice, "BYE").starts_with("BYE sip:8001@10.77.0.11:5060 ")) << to(alice);
  EXPECT_EQ(how_it_ended(), "terminal-restart by callee");
  keep();
  EXPECT_FALSE(store.contains({Table::dialog, "c-8001-INV f8001 tb"}));
}

// Two proxies on Bob's side and one on Alice's: each side is reached by its own routes, in its own order.
TEST_F(Releasing, goes_by_the_route_set_of_the_dialog_RST08_RFC3261_12_2_1_1) {
  rings();
  std::string ok = answer(invite_, 200, "tb", "sip:8002@10.77.0.12:5060");
  const std::string ours = header(invite_, sip::Header::record_route);
  const std::string line = "Record-Route: " + ours + "\r\n";
  ASSERT_NE(ok.find(line), std::string::npos) << ok;
  ok.replace(ok.find(line), line.size(),
             "Record-Route: <sip:10.77.0.41;lr>, <sip:10.77.0.42;lr>\r\n" + line + "Record-Route: <sip:10.77.0.31;lr>\r\n");
  send(bob, ok);
  registers(bob, "8002", "boot-b2");
  const std::string probe = last("10.77.0.42:5060", "INFO");
  EXPECT_EQ(header(probe, sip::Header::route), "<sip:10.77.0.42;lr>, <sip:10.77.0.41;lr>") << to(bob);
  EXPECT_TRUE(probe.starts_with("INFO sip:8002@10.77.0.12:5060 ")) << probe;
  pass(8100ms);
  const std::string bye = last("10.77.0.31:5060", "BYE");
  EXPECT_EQ(header(bye, sip::Header::route), "<sip:10.77.0.31;lr>");
  EXPECT_TRUE(bye.starts_with("BYE sip:8001@10.77.0.11:5060 ")) << bye;
}

}  // namespace
}  // namespace ringhold::branch_device
