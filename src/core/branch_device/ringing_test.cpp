#include "branch_device/ringing_bench.hpp"

namespace ringhold::branch_device {

TEST_F(Ringing, rings_all_at_once_without_a_profile_RNG02) {
  register_all();
  call();
  for (const char* phone : {t0, t1, t2}) {
    EXPECT_FALSE(invite_at(phone).empty()) << phone;
    EXPECT_EQ(invite_at(phone).find("Tt:"), std::string::npos);
  }
  answer_call(t2, 200);
  for (const char* phone : {t0, t1}) ring(phone);
  EXPECT_NE(last(t1, "CANCEL").find("Reason: SIP;cause=200"), std::string::npos) << to(t1);
}

TEST_F(Ringing, each_step_rings_for_its_time_and_nobody_waits_for_487_RNG10) {
  register_all();
  one_after_another();
  begin();
  call();
  EXPECT_FALSE(invite_at(t0).empty());
  EXPECT_TRUE(last(t1, "INVITE").empty());
  ring(t0);
  EXPECT_TRUE(to(caller).starts_with("SIP/2.0 180 "));
  until(14'900ms);
  EXPECT_TRUE(last(t1, "INVITE").empty());
  until(15s);
  EXPECT_EQ(last(t0, "CANCEL").find("Reason:"), std::string::npos) << "a missed call, not one that was answered elsewhere";
  EXPECT_FALSE(last(t0, "CANCEL").empty());
  EXPECT_FALSE(invite_at(t1).empty());
  answer_call(t0, 487);
  EXPECT_FALSE(last(t0, "ACK").empty());
  EXPECT_EQ(count_to(caller), 0U) << to(caller);
  ring(t1);
  until(30s);
  EXPECT_FALSE(last(t1, "CANCEL").empty());
  rings(t2);
  until(45s);
  EXPECT_FALSE(last(t2, "CANCEL").empty());
  EXPECT_EQ(count_to(caller), 0U) << to(caller);
  until(45'500ms);
  EXPECT_TRUE(to(caller).starts_with("SIP/2.0 480 ")) << to(caller);
  EXPECT_EQ(status().calls, 0U);
}

TEST_F(Ringing, a_step_that_failed_ends_at_once_and_a_6xx_ends_all_RNG11) {
  register_all();
  one_after_another();
  call_rings(t0);
  until(2s);
  answer_call(t0, 486);
  EXPECT_FALSE(invite_at(t1).empty());
  EXPECT_TRUE(last(caller, "SIP/2.0 486").empty());
  ring(t1);
  answer_call(t1, 603);
  EXPECT_TRUE(to(caller).starts_with("SIP/2.0 603 ")) << to(caller);
  until(60s);
  EXPECT_TRUE(last(t2, "INVITE").empty());
}

TEST_F(Ringing, the_best_answer_of_all_steps_goes_to_the_caller_RNG15) {
  register_all();
  one_after_another();
  begin();
  call();
  for (const auto& [phone, status] : {std::pair{t0, 486}, {t1, 480}, {t2, 404}}) {
    ASSERT_FALSE(invite_at(phone).empty()) << phone;
    answer_call(phone, status);
  }
  EXPECT_TRUE(to(caller).starts_with("SIP/2.0 486 ")) << to(caller);
}

TEST_F(Ringing, types_that_nobody_has_are_skipped_RNG12) {
  register_at(t0, "Yealink SIP-T46");
  register_at(t2, "LinphoneAndroid/5.1");
  one_after_another();
  call_rings(t0);
  until(15s);
  EXPECT_FALSE(invite_at(t2).empty());
}

TEST_F(Ringing, nobody_at_all_is_480_at_once_RNG12) {
  one_after_another();
  call();
  EXPECT_TRUE(to(caller).starts_with("SIP/2.0 480 ")) << to(caller);
}

TEST_F(Ringing, an_answer_that_crosses_the_cancel_wins_RNG13) {
  register_all();
  one_after_another();
  call_rings(t0);
  until(15s);
  rings(t1);
  until(15'100ms);
  answer_call(t0, 200);
  EXPECT_TRUE(last(caller, "SIP/2.0 200").find("tag=t41") != std::string::npos) << to(caller);
  EXPECT_FALSE(last(t1, "CANCEL").empty());
  until(60s);
  EXPECT_TRUE(last(t2, "INVITE").empty());
  EXPECT_EQ(status().calls, 1U);
}

TEST_F(Ringing, the_caller_hangs_up_and_nobody_else_is_called_RNG15) {
  register_all();
  one_after_another();
  call_rings(t0);
  until(15s);
  ASSERT_FALSE(invite_at(t1).empty());
  answer_call(t0, 487);
  ring(t1);
  until(20s);
  send(caller, request("CANCEL", "sip:8002@example.test", "8001", "sip:8002@example.test", caller, "i1"));
  EXPECT_FALSE(last(t1, "CANCEL").empty());
  answer_call(t1, 487);
  EXPECT_TRUE(to(caller).starts_with("SIP/2.0 487 ")) << to(caller);
  until(60s);
  EXPECT_TRUE(last(t2, "INVITE").empty());
  EXPECT_EQ(status().calls, 0U);
}

TEST_F(Ringing, a_silent_phone_does_not_eat_its_step_RNG16) {
  register_all();
  one_after_another();
  begin();
  call();
  ASSERT_FALSE(invite_at(t0).empty());
  until(4'500ms);
  EXPECT_FALSE(invite_at(t1).empty());
  // It wakes up late: what it says is answered with a CANCEL.
  ring(t0);
  EXPECT_FALSE(last(t0, "CANCEL").empty());
}

TEST_F(Ringing, who_registers_while_his_step_rings_is_called_RNG17) {
  register_at(t0, "Yealink SIP-T46");
  register_at(t2, "LinphoneAndroid/5.1");
  ASSERT_TRUE(std::holds_alternative<Done>(set({{{"ip-phone"}, 15}, {{"pc-client", "mobile-client"}, 15}})));
  call_rings(t0);
  until(15s);
  rings(t2);
  until(20s);
  register_at(t1, "MicroSIP/3.21");
  rings(t1);
  register_at(t0, "Yealink SIP-T46", 2);
  EXPECT_TRUE(last(t0, "INVITE").empty()) << "its step is over";
  until(30s);
  EXPECT_FALSE(last(t1, "CANCEL").empty());
  EXPECT_FALSE(last(t2, "CANCEL").empty());
}

TEST_F(Ringing, who_leaves_is_not_called_any_more_RNG17) {
  register_all();
  one_after_another();
  call_rings(t0);
  until(3s);
  send(t0, request("REGISTER", "sip:example.test", "8002", "sip:8002@example.test", t0, "gone", 2,
                   "Contact: <sip:8002@" + std::string{t0} + ">;expires=0\r\nUser-Agent: Yealink SIP-T46\r\n"));
  EXPECT_FALSE(last(t0, "CANCEL").empty());
  EXPECT_FALSE(invite_at(t1).empty());
}

TEST_F(Ringing, the_central_site_is_the_last_step_while_it_is_up_X10) {
  constexpr const char* central = "10.78.0.11:5060";
  for (int i = 0; i < 100; ++i) {
    drop();
    pass(500ms);
    if (const std::string probe = last(central, "OPTIONS"); !probe.empty()) send(central, answer(probe, 200, "c", ""));
  }
  ASSERT_NE(mode(), "survivable");
  register_at(t0, "Yealink SIP-T46");
  ASSERT_TRUE(std::holds_alternative<Done>(set({{{"ip-phone"}, 2}, {{"pc-client"}, 2}})));
  begin();
  call();
  ASSERT_FALSE(invite_at(t0).empty());
  EXPECT_TRUE(last(central, "INVITE").empty());
  ring(t0);
  until(2s);
  EXPECT_FALSE(last(t0, "CANCEL").empty());
  EXPECT_FALSE(last(central, "INVITE").empty()) << "the PC is not here";
  send(central, answer(last(central, "INVITE"), 404, "c", ""));
  answer_call(t0, 487);
  until(3s);
  // Challenged there, the caller comes again: he is led there at once, and nobody's phone rings twice.
  begin();
  const auto numbered = [&](int number) {
    std::string text = invite();
    text.replace(text.find("bKi1"), 4, "bKc" + std::to_string(number));
    text.replace(text.find("c-8001-INV"), 10, "c-challenged");
    return text.replace(text.find("CSeq: 1"), 7, "CSeq: " + std::to_string(number));
  };
  send(caller, numbered(1));
  ASSERT_FALSE(invite_at(t0).empty());
  answer_call(t0, 486);
  ASSERT_FALSE(last(central, "INVITE").empty());
  send(central, answer(last(central, "INVITE"), 407, "c", ""));
  EXPECT_TRUE(last(caller, "SIP/2.0 407").starts_with("SIP/2.0 407 ")) << to(caller);
  send(caller, numbered(2));
  EXPECT_TRUE(last(t0, "INVITE").empty());
  ASSERT_FALSE(last(central, "INVITE").empty());
  send(central, answer(last(central, "INVITE"), 404, "c", ""));
  begin();
  // What came from there ends here.
  std::string from_there = invite("", central);
  from_there.replace(from_there.find("c-8001-INV"), 10, "c-from-there");
  from_there.replace(from_there.find("bKi1"), 4, "bKi9");
  send(central, from_there);
  rings(t0);
  until(6s);
  EXPECT_TRUE(last(central, "INVITE").empty());
  EXPECT_TRUE(last(central, "SIP/2.0 480").starts_with("SIP/2.0 480 ")) << to(central);
}

TEST_F(Ringing, a_phone_that_restarted_with_the_same_contact_rings_again_X09) {
  register_all();
  one_after_another();
  call_rings(t0);
  until(5s);
  register_at(t0, "Yealink SIP-T46", 2);
  EXPECT_TRUE(last(t0, "CANCEL").empty()) << "a refresh is no restart";
  std::string boot = request("REGISTER", "sip:example.test", "8002", "sip:8002@example.test", t0, "boot", 1,
                             "Contact: <sip:8002@" + std::string{t0} + ">;expires=120\r\nUser-Agent: Yealink SIP-T46\r\n");
  send(t0, boot.replace(boot.find("c-8002-REG"), 10, "c-after-the-restart"));
  EXPECT_FALSE(last(t0, "CANCEL").empty());
  EXPECT_FALSE(last(t0, "INVITE").empty());
  EXPECT_TRUE(last(t1, "INVITE").empty());
}

TEST_F(Ringing, who_lapsed_and_comes_again_is_called_once_RNG17) {
  register_at(t0, "Yealink SIP-T46");
  ASSERT_TRUE(std::holds_alternative<Done>(set({{{"ip-phone"}, 60}})));
  pass(80s);
  call_rings(t0);
  until(50s);
  register_at(t0, "Yealink SIP-T46", 2);
  EXPECT_TRUE(last(t0, "INVITE").empty());
}

TEST_F(Ringing, a_2xx_that_crosses_a_6xx_of_the_same_step_is_taken_RNG13) {
  register_all();
  ASSERT_TRUE(std::holds_alternative<Done>(set({{{"ip-phone", "pc-client"}, 15}, {{"mobile-client"}, 15}})));
  call();
  ASSERT_FALSE(invite_at(t0).empty());
  ASSERT_FALSE(invite_at(t1).empty());
  ring(t0);
  ring(t1);
  answer_call(t0, 603);
  EXPECT_FALSE(last(t1, "CANCEL").empty());
  EXPECT_TRUE(last(caller, "SIP/2.0 603").empty());
  answer_call(t1, 200);
  EXPECT_TRUE(to(caller).starts_with("SIP/2.0 200 ")) << to(caller);
  EXPECT_TRUE(last(t2, "INVITE").empty());
}

TEST_F(Ringing, who_hangs_up_hears_487_whatever_was_said_before_RNG15) {
  register_all();
  one_after_another();
  call();
  ASSERT_FALSE(invite_at(t0).empty());
  answer_call(t0, 486);
  rings(t1);
  send(caller, request("CANCEL", "sip:8002@example.test", "8001", "sip:8002@example.test", caller, "i1"));
  answer_call(t1, 487);
  EXPECT_TRUE(to(caller).starts_with("SIP/2.0 487 ")) << to(caller);
}

TEST_F(Ringing, somebody_else_is_called_when_nobody_answered_G6) {
  constexpr const char* box = "10.77.0.49:5060";
  register_phone("voicemail", box);
  register_at(t0, "Yealink SIP-T46");
  ASSERT_TRUE(std::holds_alternative<Done>(device_.command(PutRing{"8002", {{{"ip-phone"}, 10}}, "voicemail"}, now_, outbox_)));
  call_rings(t0);
  EXPECT_TRUE(last(box, "INVITE").empty());
  until(10s);
  EXPECT_FALSE(last(t0, "CANCEL").empty());
  ASSERT_FALSE(invite_at(box).empty());
  answer_call(box, 200);
  EXPECT_TRUE(to(caller).starts_with("SIP/2.0 200 ")) << to(caller);
}

TEST_F(Ringing, somebody_else_is_called_after_all_rang_at_once_or_nobody_could_G6) {
  constexpr const char* box = "10.77.0.49:5060";
  register_phone("voicemail", box);
  ASSERT_TRUE(std::holds_alternative<Done>(device_.command(PutRing{"8002", {}, "voicemail"}, now_, outbox_)));
  call();
  ASSERT_FALSE(invite_at(box).empty()) << "nobody is registered";
  answer_call(box, 486);
  EXPECT_TRUE(to(caller).starts_with("SIP/2.0 486 ")) << to(caller);
  register_all();
  begin();
  std::string again = invite();
  again.replace(again.find("c-8001-INV"), 10, "c-again");
  again.replace(again.find("bKi1"), 4, "bKi2");
  send(caller, again);
  for (const char* phone : {t0, t1, t2}) { EXPECT_FALSE(invite_at(phone).empty()) << phone; }
  for (const char* phone : {t0, t1, t2}) ring(phone);
  until(60s);
  for (const char* phone : {t0, t1, t2}) EXPECT_FALSE(last(phone, "CANCEL").empty()) << phone;
  EXPECT_FALSE(invite_at(box).empty()) << "after ringing.total";
  EXPECT_EQ(std::get<Refused>(device_.command(PutRing{"8002", {}, "8002"}, now_, outbox_)).status, 400);
  for (const char* wrong : {"a@b", "a b", "a<b", "a%4", "a>\r\nX: y"})
    EXPECT_EQ(std::get<Refused>(device_.command(PutRing{"8002", {}, wrong}, now_, outbox_)).status, 400) << wrong;
}

TEST_F(Ringing, a_binding_that_ends_by_itself_rings_on_RNG17) {
  register_at(t0, "Yealink SIP-T46");
  ASSERT_TRUE(std::holds_alternative<Done>(set({{{"ip-phone"}, 60}})));
  pass(80s);
  call_rings(t0);
  until(50s);
  EXPECT_TRUE(last(t0, "CANCEL").empty());
  EXPECT_TRUE(std::get<std::vector<RegistrationReport>>(device_.command(GetRegistrations{}, now_, outbox_)).empty());
  answer_call(t0, 200);
  EXPECT_TRUE(to(caller).starts_with("SIP/2.0 200 ")) << to(caller);
}

TEST_F(Ringing, a_restarted_phone_rings_once_X09) {
  register_at(t0, "Yealink SIP-T46", 1, ";+sip.instance=\"<urn:uuid:1>\"");
  register_at(t1, "MicroSIP/3.21");
  one_after_another();
  call_rings(t0);
  until(5s);
  std::string text =
      request("REGISTER", "sip:example.test", "8002", "sip:8002@example.test", t0, "boot", 1,
              "Contact: <sip:new@" + std::string{t0} + ">;expires=120;+sip.instance=\"<urn:uuid:1>\"\r\nUser-Agent: Yealink SIP-T46\r\n");
  text.replace(text.find("c-8002-REG"), 10, "c-after-the-restart");
  send(t0, text);
  EXPECT_FALSE(last(t0, "CANCEL").empty());
  EXPECT_TRUE(last(t0, "INVITE").starts_with("INVITE sip:new@")) << last(t0, "INVITE");
  EXPECT_TRUE(last(t1, "INVITE").empty());
}

TEST_F(Ringing, the_whole_plan_has_an_end_X13) {
  register_all();
  ASSERT_TRUE(std::holds_alternative<Done>(set({{{"ip-phone"}, 40}, {{"pc-client"}, 40}, {{"mobile-client"}, 40}})));
  call_rings(t0);
  until(40s);
  rings(t1);
  until(60'500ms);
  EXPECT_FALSE(last(t1, "CANCEL").empty());
  EXPECT_TRUE(last(t2, "INVITE").empty());
  EXPECT_TRUE(to(caller).starts_with("SIP/2.0 480 ")) << to(caller);
}

}  // namespace ringhold::branch_device
