#include "branch_device/ringing_bench.hpp"

namespace ringhold::branch_device {

/// The bench's clock shows Monday, 2026-09-21, 14:13:20 UTC; the branch is two hours east of it.
class RingSchedule : public Ringing {
 protected:
  RingSchedule() {
    Settings given = with_application_server();
    given.ringing.calendar = {{"Europe/Berlin", 2h, {}}, {*ringing::parse_date("2026-09-23")}};
    device_.reconfigure(given, now_, outbox_);
  }
  Answer put(std::vector<PutRing::Schedule> schedules, std::vector<PutRing::Step> steps = {}) {
    return device_.command(PutRing{"8002", std::move(steps), {}, std::move(schedules)}, now_, outbox_);
  }
  std::string refused(std::vector<PutRing::Schedule> schedules) {
    const Answer answer = put(std::move(schedules));
    const auto* why = std::get_if<Refused>(&answer);
    return why == nullptr ? std::string{} : why->detail;
  }
  RingReport report() { return std::get<std::vector<RingReport>>(device_.command(GetRing{"8002"}, now_, outbox_)).at(0); }
  void pass_and_register(Duration duration) {
    pass(duration);
    drop();
    for (const auto& [phone, user_agent] : {std::pair{t0, "Yealink SIP-T46"}, {t1, "MicroSIP/3.21"}})
      register_at(phone, user_agent, ++cseq_);
    drop();
  }
  /// Who is called at first, by the last digits of his address.
  std::string who_rings() {
    std::string text = invite();
    const std::string number = std::to_string(++calls_);
    text.replace(text.find("bKi1"), 4, "bKs" + number);
    text.replace(text.find("c-8001-INV"), 10, "c-" + number);
    send(caller, text);
    std::vector<const char*> called;
    for (const char* phone : {t0, t1})
      if (!invite_at(phone).empty()) called.push_back(phone);
    std::string who;
    for (const char* phone : called) {
      who += std::string{phone}.substr(8, 2) + " ";
      answer_call(phone, 603);
    }
    return who;
  }
  int cseq_ = 1;
  int calls_ = 0;
};

TEST_F(RingSchedule, follows_a_clock_that_is_set_while_the_program_runs_G2) {
  ASSERT_TRUE(std::holds_alternative<Done>(put({{{"tue"}, "08:00", "17:00", {{{"ip-phone"}, 15}}}})));
  EXPECT_EQ(report().local_time, "2026-09-21 16:13");
  (void)device_.command(SetClock{18h}, now_, outbox_);
  EXPECT_EQ(report().local_time, "2026-09-22 10:13");
  Settings given = with_application_server();
  given.ringing.calendar = {{"Europe/Berlin", 2h, {}}, {}};
  device_.reconfigure(given, now_, outbox_);
  EXPECT_EQ(report().local_time, "2026-09-22 10:13") << "also when the file was read anew";
  pass_and_register(0s);
  EXPECT_EQ(who_rings(), "41 ");
}

TEST_F(RingSchedule, who_rings_depends_on_the_hour_and_the_day_G2) {
  ASSERT_TRUE(std::holds_alternative<Done>(
      put({{{"mon", "tue", "wed"}, "08:00", "17:00", {{{"ip-phone"}, 15}}}, {{"holiday"}, "00:00", "24:00", {{{"pc-client"}, 15}}}})));
  pass_and_register(0s);
  EXPECT_EQ(who_rings(), "41 ") << "Monday, 16:13";
  pass_and_register(2h);
  EXPECT_EQ(who_rings(), "41 42 ") << "18:13";
  pass_and_register(16h);
  EXPECT_EQ(who_rings(), "41 ") << "Tuesday, 10:13";
  pass_and_register(24h);
  EXPECT_EQ(who_rings(), "42 ") << "Wednesday is a holiday";
}

TEST_F(RingSchedule, a_call_under_way_keeps_the_plan_that_it_began_with_RNG03) {
  register_all();
  ASSERT_TRUE(std::holds_alternative<Done>(
      put({{{"mon"}, "15:00", "16:14", {{{"ip-phone"}, 40}, {{"pc-client"}, 15}}}}, {{{"mobile-client"}, 15}})));
  call_rings(t0);
  until(39s);
  EXPECT_FALSE(report().schedules.at(0).holds) << "16:14 has come";
  until(40s);
  EXPECT_FALSE(invite_at(t1).empty()) << "its second step";
  EXPECT_TRUE(last(t2, "INVITE").empty());
}

TEST_F(RingSchedule, is_shown_with_what_holds_now_G7) {
  register_all();
  ASSERT_TRUE(std::holds_alternative<Done>(
      put({{{"sun", "mon"}, "22:00", "06:00", {{{"mobile-client"}, 10}}, "voicemail"}, {{"holiday", "mon"}, "08:00", "17:00"}},
          {{{"ip-phone"}, 15}})));
  const RingReport shown = report();
  EXPECT_EQ(shown.local_time, "2026-09-21 16:13");
  EXPECT_EQ(shown.time_zone, "Europe/Berlin");
  EXPECT_FALSE(shown.is_holiday);
  EXPECT_TRUE(shown.sequential);
  ASSERT_EQ(shown.schedules.size(), 2U);
  EXPECT_EQ(shown.schedules[0].days, (std::vector<std::string>{"mon", "sun"}));
  EXPECT_EQ(shown.schedules[0].from + "-" + shown.schedules[0].to, "22:00-06:00");
  EXPECT_EQ(shown.schedules[0].steps.at(0).contacts, std::vector<std::string>{"sip:8002@10.77.0.43:5060"});
  EXPECT_EQ(shown.schedules[0].fallback, "voicemail");
  EXPECT_FALSE(shown.schedules[0].holds);
  EXPECT_TRUE(shown.schedules[1].holds);
  EXPECT_FALSE(shown.schedules[1].sequential);
  EXPECT_EQ(shown.schedules[1].steps.at(0).contacts.size(), 3U);
}

TEST_F(RingSchedule, what_is_wrong_is_refused_and_the_old_one_stays_G2) {
  ASSERT_TRUE(std::holds_alternative<Done>(put({{{"mon"}, "08:00", "17:00"}})));
  EXPECT_EQ(refused({{{"monday"}, "08:00", "17:00"}}), "schedule 1: \"monday\" is none of mon, tue, wed, thu, fri, sat, sun, holiday");
  EXPECT_EQ(refused({{{"mon"}, "08:00", "17:00"}, {{}, "08:00", "17:00"}}), "schedule 2: it names no day");
  EXPECT_EQ(refused({{{"mon"}, "8:00", "17:00"}}), "schedule 1: \"8:00\" is no time of day from 00:00 to 24:00");
  EXPECT_EQ(refused({{{"mon"}, "08:00", "24:30"}}), "schedule 1: \"24:30\" is no time of day from 00:00 to 24:00");
  EXPECT_EQ(refused({{{"mon"}, "08:00", "08:00"}}), "schedule 1: it ends when it begins; the whole day is 00:00 to 24:00");
  EXPECT_EQ(refused({{{"mon"}, "08:00", "17:00", {{{"fax"}, 15}}}}),
            "schedule 1: no type of terminal is called fax; there are ip-phone, pc-client, mobile-client");
  EXPECT_EQ(refused({{{"mon"}, "08:00", "17:00", {{{"ip-phone"}, 999}}}}), "schedule 1: a step rings from 1 to 180 seconds");
  EXPECT_EQ(refused({{{"mon"}, "08:00", "17:00", {}, "8002"}}), "schedule 1: the fallback is the user himself");
  EXPECT_EQ(report().schedules.size(), 1U);
}

TEST_F(RingSchedule, survives_a_restart_and_is_forgotten_whole_INT08) {
  drop();
  ASSERT_TRUE(std::holds_alternative<Done>(put({{{"mon"}, "08:00", "17:00", {{{"ip-phone"}, 15}}}})));
  std::vector<Row> rows;
  for (const Change& change : outbox_.changes())
    if (!change.columns.empty()) rows.push_back({change.table, change.columns.unpacked()});
  ASSERT_EQ(rows.size(), 1U) << "the usual plan is no row";
  BranchDevice again{settings(), random_};
  again.restore(rows, now_);
  Outbox other;
  again.start(now_, other);
  const auto kept = std::get<std::vector<RingReport>>(again.command(GetRing{"8002"}, now_, other)).at(0);
  ASSERT_EQ(kept.schedules.size(), 1U);
  EXPECT_TRUE(kept.schedules[0].holds) << "14:13 UTC";
  ASSERT_TRUE(std::holds_alternative<Done>(put({})));
  EXPECT_TRUE(report().schedules.empty());
}

}  // namespace ringhold::branch_device
