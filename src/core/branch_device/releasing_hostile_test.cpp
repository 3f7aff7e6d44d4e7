// RST-05 to RST-14 again, where somebody means harm, or has bad luck (X-07, X1).
#include <map>

#include "branch_device/releasing_bench.hpp"

namespace ringhold::branch_device {
namespace {

constexpr auto other = "10.77.0.13:5060";

TEST_F(Releasing, many_that_ring_hide_nobody_who_answers_RST08_X1) {
  rings();
  for (int i = 0; i < 40; ++i) send(bob, answer(invite_, 183, "fork" + std::to_string(i), "sip:8002@10.77.0.12:5060"));
  send(bob, answer(invite_, 200, "last", "sip:8002@10.77.0.12:5060"));
  registers(bob, "8002", "boot-b2");
  EXPECT_NE(last(bob, "INFO").find(";tag=last\r\n"), std::string::npos);
  send(alice, within("BYE", "8001", "8002", "last", 30, alice));
  EXPECT_EQ(calls(), 0U);
}

TEST_F(Releasing, who_cannot_be_asked_is_left_alone_RST09) {
  rings();
  send(bob, answer(invite_, 200, "tb", "sip:" + std::string(300, 'x') + "@10.77.0.12:5060"));
  registers(bob, "8002", "boot-b2");
  EXPECT_EQ(last(bob, "INFO"), "");
  pass(60s);
  EXPECT_EQ(last(alice, "BYE"), "");
  EXPECT_EQ(calls(), 1U);
}

TEST_F(Releasing, routes_that_were_too_long_to_be_kept_lead_nobody_astray_RST09) {
  rings();
  std::string ok = answer(invite_, 200, "tb", "sip:8002@10.77.0.12:5060");
  ok.insert(ok.find("Record-Route:"), "Record-Route: <sip:" + std::string(1'100, 'p') + "@10.77.0.41;lr>\r\n");
  send(bob, ok);
  registers(bob, "8002", "boot-b2");
  pass(60s);
  EXPECT_EQ(last(alice, "BYE"), "");
}

TEST_F(Releasing, a_storm_of_call_ids_asks_a_dialog_once_RST10_X1) {
  rings();
  for (int i = 0; i < 50; ++i) registers(alice, "8001", "storm-" + std::to_string(i));
  drop();
  pass(300ms);
  EXPECT_EQ(count_to(alice), 0U) << "the first question is still open";
  pass(400ms);
  EXPECT_EQ(count_to(alice), 1U) << "and is repeated by Timer E";
}

TEST_F(Releasing, who_has_just_lived_is_not_asked_again_at_once_RST10_X1) {
  talks();
  registers(bob, "8002", "boot-b2");
  says(bob, last(bob, "INFO"), 500);
  registers(bob, "8002", "boot-b3");
  EXPECT_EQ(last(bob, "INFO"), "");
  drop();
  pass(31s);
  EXPECT_FALSE(last(bob, "INFO").empty()) << "but later on";
}

TEST_F(Releasing, a_proxy_that_all_come_through_is_no_terminal_RST07) {
  constexpr auto edge = "10.77.0.50:5060";
  follow(Policy::immediate);
  const auto comes = [&](const std::string& contact, const std::string& call_id) {
    ++cseq_;
    std::string bytes = request("REGISTER", "sip:example.test", "8002", "sip:8002@example.test", edge, "e" + std::to_string(cseq_), cseq_,
                                "Contact: <sip:8002@" + contact + ">;expires=120;+sip.instance=\"<urn:uuid:" + contact +
                                    ">\"\r\nPath: <sip:10.77.0.50;lr>\r\nSupported: path\r\n");
    bytes.replace(bytes.find("c-8002-REG"), 10, call_id);
    send(edge, bytes);
    ASSERT_FALSE(last(edge, "SIP/2.0 200").empty()) << to(edge);
  };
  registers(bob, "8002", "boot-b", bob, ";expires=0");
  comes("192.168.1.21", "one");
  comes("192.168.1.22", "two");
  send(alice, request("INVITE", "sip:8002@example.test", "8001", "sip:8002@example.test", alice, "i1", 20,
                      "Contact: <sip:8001@10.77.0.11:5060>\r\n"));
  std::string second;
  for (const auto& send : outbox_.sends())
    if (outbox_.message(send).starts_with("INVITE sip:8002@192.168.1.22")) second = outbox_.message(send);
  ASSERT_FALSE(second.empty());
  send(edge, answer(second, 200, "tb", "sip:8002@192.168.1.22"));
  comes("192.168.1.21", "one-again");
  EXPECT_EQ(restarts().size(), 1U);
  EXPECT_EQ(last(alice, "BYE"), "");
  EXPECT_EQ(calls(), 1U);
  comes("192.168.1.22", "two-again");
  EXPECT_FALSE(last(alice, "BYE").empty());
}

// RST-14: the binding went with its connection, so that there is nothing to compare the Call-ID with.
TEST_F(Releasing, a_phone_whose_flow_broke_in_a_call_is_asked_when_it_comes_back_RST14_RFC5626) {
  const auto comes = [&](const std::string& port, const std::string& call_id, FlowId flow) {
    std::string bytes = request("REGISTER", "sip:example.test", "8002", "sip:8002@example.test", "10.77.0.12:" + port, "f" + port, 1,
                                "Contact: <sip:8002@10.77.0.12:" + port +
                                    ";transport=tcp>;reg-id=1;+sip.instance=\"<urn:uuid:b>\";expires=120\r\nSupported: path, outbound\r\n");
    bytes.replace(bytes.find("c-8002-REG"), 10, call_id);
    send("10.77.0.12:" + port, bytes, Transport::tcp, flow);
  };
  registers(bob, "8002", "boot-b", bob, ";expires=0");
  comes("40001", "boot-1", FlowId{71});
  send(alice, request("INVITE", "sip:8002@example.test", "8001", "sip:8002@example.test", alice, "i1", 20,
                      "Contact: <sip:8001@10.77.0.11:5060>\r\n"));
  invite_ = to("10.77.0.12:40001");
  send("10.77.0.12:40001", answer(invite_, 200, "tb", "sip:8002@10.77.0.12:40001;transport=tcp"), Transport::tcp, FlowId{71});
  ASSERT_EQ(calls(), 1U);
  device_.connection_changed({Protocol::sip, Transport::tcp, FlowId{71}, at("10.77.0.12:40001"), FlowState::closed}, now_, outbox_);
  pass(15s);
  comes("40002", "boot-2", FlowId{72});
  const std::string probe = last("10.77.0.12:40002", "INFO");
  ASSERT_FALSE(probe.empty());
  send("10.77.0.12:40002", answer(probe, 481, "", ""), Transport::tcp, FlowId{72});
  device_.connection_changed({Protocol::sip, Transport::tcp, {}, at("10.77.0.12:40001"), FlowState::refused}, now_, outbox_);
  pass(60s);
  EXPECT_FALSE(last(alice, "BYE").empty());
  EXPECT_EQ(calls(), 0U);
}

TEST_F(Releasing, a_caller_who_hides_his_name_is_found_by_his_terminal_B1) {
  std::string invite = request("INVITE", "sip:8002@example.test", "8001", "sip:8002@example.test", alice, "i1", 20,
                               "Contact: <sip:8001@10.77.0.11:5060>\r\n");
  const std::string from = "<sip:8001@example.test>";
  invite.replace(invite.find(from), from.size(), "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
  send(alice, invite);
  invite_ = to(bob);
  send(bob, answer(invite_, 200, "tb", "sip:8002@10.77.0.12:5060"));
  registers(alice, "8001", "boot-a2");
  const std::string probe = last(alice, "INFO");
  EXPECT_EQ(header(probe, sip::Header::to), "<sip:anonymous@anonymous.invalid>;tag=f8001");
  says(alice, probe, 481);
  EXPECT_EQ(header(last(bob, "BYE"), sip::Header::from), "<sip:anonymous@anonymous.invalid>;tag=f8001");
  const auto past = std::get<std::vector<PastCallReport>>(device_.command(GetPastCalls{10}, now_, outbox_));
  EXPECT_EQ(past.at(0).caller, "sip:anonymous@anonymous.invalid");
  EXPECT_EQ(past.at(0).callee, "sip:8002@example.test");
}

TEST_F(Releasing, who_answers_in_anothers_place_is_found_by_his_own_aor_B1) {
  registers(other, "8003", "boot-c");
  (void)device_.command(PutRing{"8002", {{{"pc-client"}, 5}}, "8003"}, now_, outbox_);
  send(alice, request("INVITE", "sip:8002@example.test", "8001", "sip:8002@example.test", alice, "i1", 20,
                      "Contact: <sip:8001@10.77.0.11:5060>\r\n"));
  invite_ = to(other);
  ASSERT_TRUE(invite_.starts_with("INVITE ")) << "the fallback";
  send(other, answer(invite_, 200, "tc", "sip:8003@10.77.0.13:5060"));
  registers(other, "8003", "boot-c2");
  says(other, last(other, "INFO"), 481);
  EXPECT_FALSE(last(alice, "BYE").empty());
  const auto past = std::get<std::vector<PastCallReport>>(device_.command(GetPastCalls{10}, now_, outbox_));
  EXPECT_EQ(past.at(0).callee, "sip:8002@example.test") << "whom she called";
}

TEST_F(Releasing, an_answer_that_crosses_the_cancel_of_a_restarted_caller_is_ended_RST08) {
  rings();
  registers(alice, "8001", "boot-a2");
  says(alice, last(alice, "INFO"), 481);
  ASSERT_FALSE(last(bob, "CANCEL").empty());
  send(bob, answer(invite_, 200, "tb", "sip:8002@10.77.0.12:5060"));
  EXPECT_EQ(header(last(bob, "BYE"), sip::Header::cseq), "21 BYE");
  EXPECT_EQ(how_it_ended(), "terminal-restart by caller");
  EXPECT_EQ(calls(), 0U);
}

TEST_F(Releasing, a_callee_that_restarts_before_it_rings_is_called_no_more_RST08) {
  registers(other, "8002", "other");
  send(alice, request("INVITE", "sip:8002@example.test", "8001", "sip:8002@example.test", alice, "i1", 20,
                      "Contact: <sip:8001@10.77.0.11:5060>\r\n"));
  invite_ = last(bob, "INVITE");
  send(bob, answer(invite_, 100, "", ""));
  registers(bob, "8002", "boot-b2");
  EXPECT_FALSE(last(bob, "CANCEL").empty());
  EXPECT_EQ(last(other, "CANCEL"), "");
}

// Memory comes back: nothing of a released call is left.
TEST_F(Releasing, leaves_nothing_behind_RST08_X1) {
  follow(Policy::immediate);
  for (int round = 0; round < 50; ++round) {
    send(alice, request("INVITE", "sip:8002@example.test", "8001", "sip:8002@example.test", alice, "i" + std::to_string(round), 20,
                        "Contact: <sip:8001@10.77.0.11:5060>\r\n"));
    invite_ = to(bob);
    send(bob, answer(invite_, 200, "tb", "sip:8002@10.77.0.12:5060"));
    ASSERT_EQ(calls(), 1U) << round;
    registers(bob, "8002", "boot-" + std::to_string(round));
    ASSERT_EQ(calls(), 0U) << round;
    says(alice, last(alice, "BYE"), 200);
    pass(35s);
    registers(alice, "8001", "boot-a");
  }
  pass(40s);
  const auto samples = std::get<std::vector<Sample>>(device_.command(GetMetrics{}, now_, outbox_));
  for (const Sample& sample : samples) {
    if (sample.name == "ringhold_sip_transactions" || sample.name == "ringhold_calls_active") {
      EXPECT_LE(sample.values.front().second, 1) << "a probe of the central site";
    }
    if (sample.name == "ringhold_restarts_detected_total") { EXPECT_EQ(sample.values.front().second, 50) << sample.values.front().first; }
  }
}

/// What a store would hold.
std::vector<Row> rows_of(std::map<std::pair<Table, Text>, Change>& store, const Outbox& outbox) {
  for (const Change& change : outbox.changes()) {
    if (change.columns.empty())
      store.erase({change.table, change.key});
    else
      store.insert_or_assign({change.table, change.key}, change);
  }
  std::vector<Row> rows;
  for (const auto& [key, change] : store) rows.push_back({change.table, change.columns.unpacked()});
  return rows;
}

TEST_F(Releasing, log_and_no_audit_ask_nobody_after_our_start_either_RST13) {
  std::map<std::pair<Table, Text>, Change> store;
  rings();
  send(bob, answer(invite_, 200, "tb", "sip:8002@10.77.0.12:5060"));
  const auto rows = rows_of(store, outbox_);
  ASSERT_EQ(rows.size(), 1U);
  for (const bool audit : {true, false}) {
    Settings quiet = settings();
    quiet.restart = {audit ? Policy::log : Policy::confirm, 30s, audit};
    BranchDevice again{quiet, random_};
    again.restore(rows, now_);
    again.start(now_, outbox_);
    device_ = std::move(again);
    drop();
    pass(10min);
    EXPECT_EQ(last(bob, "INFO"), "");
    EXPECT_EQ(calls(), 1U);
  }
}

TEST_F(Releasing, who_is_not_registered_is_asked_every_five_minutes_X29) {
  std::map<std::pair<Table, Text>, Change> store;
  rings();
  send(bob, answer(invite_, 200, "tb", "sip:8002@10.77.0.12:5060"));
  BranchDevice again{settings(), random_};
  again.restore(rows_of(store, outbox_), now_);
  again.start(now_, outbox_);
  device_ = std::move(again);
  registers(alice, "8001", "boot-a");
  says(alice, last(alice, "INFO"), 500);
  drop();
  pass(2100ms);
  says(bob, last(bob, "INFO"), 500);
  for (int i = 0; i < 5; ++i) {
    registers(alice, "8001", "boot-a");
    pass(50s);
    EXPECT_EQ(last(bob, "INFO"), "");
  }
  registers(alice, "8001", "boot-a");
  drop();
  pass(55s);
  EXPECT_FALSE(last(bob, "INFO").empty());
  EXPECT_EQ(last(alice, "INFO"), "") << "her restart would be seen";
}

TEST_F(Releasing, rows_of_dialogs_that_are_none_are_erased_X1) {
  BranchDevice again{settings(), random_};
  again.restore(std::vector<Row>{{Table::dialog, {Text{"x y z"}, std::int64_t{7}}}}, now_);
  drop();
  again.start(now_, outbox_);
  const auto& changes = outbox_.changes();
  EXPECT_TRUE(std::ranges::any_of(
      changes, [](const Change& change) { return change.table == Table::dialog && change.key == "x y z" && change.columns.empty(); }));
}

}  // namespace
}  // namespace ringhold::branch_device
