#include "branch_device/ringing_bench.hpp"

namespace ringhold::branch_device {

TEST_F(Ringing, an_application_server_names_the_types_RNG05_RNG06_RNG07) {
  register_all();
  register_at("10.77.0.44:5060", "snom D785");
  int number = 0;
  const auto rung = [&](const std::string& lines, const std::string& from = "10.77.0.50:5060") {
    std::string text = invite(lines, from);
    const std::string branch = "bKi" + std::to_string(++number) + "x";
    text.replace(text.find("bKi1"), 4, branch);
    text.replace(text.find("c-8001-INV"), 10, "c-" + std::to_string(number));
    send(from, text);
    std::string who;
    for (const char* phone : {t0, t1, t2, "10.77.0.44:5060"}) {
      EXPECT_EQ(last(phone, "INVITE").find("\nTt:"), std::string::npos) << "no terminal sees it (RNG-08)";
      EXPECT_EQ(last(phone, "INVITE").find("\ntT:"), std::string::npos);
      if (!last(phone, "INVITE").empty()) who += std::string{phone}.substr(8, 2) + " ";
    }
    return who.empty() ? to(from).substr(8, to(from).find("\r\n") - 8) : who;
  };
  EXPECT_EQ(rung("Tt: 0\r\n"), "41 44 ");
  EXPECT_EQ(rung("Tt: 1,2\r\n"), "42 43 ");
  EXPECT_EQ(rung("Tt: 1 , 2\r\n"), "42 43 ");
  EXPECT_EQ(rung("Tt: 0\r\nTt: 1\r\n"), "41 42 44 ");
  EXPECT_EQ(rung("tT:2\r\n"), "43 ");
  EXPECT_EQ(rung("Tt: 7\r\n"), "400 Tt names an unknown type");
  for (const char* wrong : {"Tt:\r\n", "Tt: x\r\n", "Tt: 1,,2\r\n", "Tt: 1000\r\n", "Tt: 1;a=b\r\n"})
    EXPECT_EQ(rung(wrong), "400 Malformed Tt") << wrong;
  EXPECT_EQ(rung("Tt: 1\r\n", caller), "41 42 43 44 ") << "not from anybody else (RNG-14)";
}

TEST_F(Ringing, an_application_server_has_decided_whatever_the_profile_says_RNG14) {
  register_all();
  one_after_another();
  call("", "10.77.0.50:5060");
  for (const char* phone : {t0, t1, t2}) EXPECT_FALSE(last(phone, "INVITE").empty()) << phone;
}

TEST_F(Ringing, the_type_is_found_in_this_order_RNG09) {
  register_at(t0, "Yealink SIP-T46");
  register_at(t1, "Yealink SIP-T46", 1, ";+sip.mobility=\"mobile\"");
  register_at(t2, "Yealink SIP-T46", 1, ";+sip.mobility=\"mobile\";terminal-type=pc-client");
  register_at("10.77.0.44:5060", "Unknown");
  std::map<std::string, std::string> types;
  const auto rows = std::get<std::vector<RegistrationReport>>(device_.command(GetRegistrations{}, now_, outbox_));
  for (const auto& row : rows) types[row.source.substr(12, 2)] = row.type + " " + row.type_source;
  EXPECT_EQ(types["41"], "ip-phone user-agent");
  EXPECT_EQ(types["42"], "mobile-client feature-tag");
  EXPECT_EQ(types["43"], "pc-client contact-parameter");
  EXPECT_EQ(types["44"], "ip-phone otherwise");
  const auto correct = [&](const std::string& type) { return device_.command(PutType{rows.front().device, type}, now_, outbox_); };
  const auto type = [&] {
    const auto all = std::get<std::vector<RegistrationReport>>(device_.command(GetRegistrations{}, now_, outbox_));
    for (const auto& row : all)
      if (row.device == rows.front().device) return row.type + " " + row.type_source;
    return std::string{};
  };
  const std::string before = type();
  EXPECT_TRUE(std::holds_alternative<Done>(correct("pc-client")));
  EXPECT_EQ(type(), "pc-client administrator");
  EXPECT_EQ(std::get<Refused>(correct("fax")).status, 400);
  EXPECT_TRUE(std::holds_alternative<Done>(correct("auto")));
  EXPECT_EQ(type(), before);
}

TEST_F(Ringing, a_wrong_profile_is_refused_and_the_old_one_stays_RNG03) {
  one_after_another();
  const auto refused = [&](std::vector<PutRing::Step> steps) {
    const Answer answer = set(std::move(steps));
    const auto* why = std::get_if<Refused>(&answer);
    return why == nullptr ? std::string{} : why->detail;
  };
  EXPECT_EQ(refused({{{"fax"}, 15}}), "no type of terminal is called fax; there are ip-phone, pc-client, mobile-client");
  EXPECT_EQ(refused({{{"ip-phone"}, 15}, {{"ip-phone"}, 15}}), "type ip-phone stands twice");
  EXPECT_EQ(refused({{{"ip-phone"}, 600}}), "a step rings from 1 to 180 seconds");
  EXPECT_EQ(refused({{{}, 15}}), "a step names no type");
  register_at(t1, "MicroSIP/3.21");
  const auto report = std::get<std::vector<RingReport>>(device_.command(GetRing{"8002"}, now_, outbox_));
  ASSERT_EQ(report.size(), 1U);
  EXPECT_TRUE(report[0].sequential);
  ASSERT_EQ(report[0].steps.size(), 3U);
  EXPECT_EQ(report[0].steps[1].contacts, std::vector<std::string>{"sip:8002@10.77.0.42:5060"});
  EXPECT_EQ(report[0].steps[1].seconds, 15);
  EXPECT_TRUE(std::holds_alternative<Done>(set({})));
  EXPECT_FALSE(std::get<std::vector<RingReport>>(device_.command(GetRing{"8002"}, now_, outbox_))[0].sequential);
}

TEST_F(Ringing, profiles_survive_a_restart_INT08) {
  outbox_.clear();
  one_after_another();
  std::vector<Row> rows;
  for (const Change& change : outbox_.changes()) rows.push_back({change.table, change.columns.unpacked()});
  BranchDevice again{settings(), random_};
  again.restore(rows, now_);
  Outbox other;
  again.start(now_, other);
  const auto report = std::get<std::vector<RingReport>>(again.command(GetRing{"8002"}, now_, other));
  ASSERT_EQ(report[0].steps.size(), 3U);
  EXPECT_EQ(report[0].steps[2].types, std::vector<std::string>{"mobile-client"});
}

}  // namespace ringhold::branch_device
