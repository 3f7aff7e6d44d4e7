#include <set>

#include "branch_device/ringing_bench.hpp"

namespace ringhold::branch_device {

/// 8002 without a profile; t0, t1, t2 register with what a test says.
class Preferring : public Ringing {
 protected:
  void register_as(const std::string& first, const std::string& second, const std::string& third) {
    register_at(t0, "Yealink SIP-T46", 1, first);
    pass(1s);
    register_at(t1, "MicroSIP/3.21", 1, second);
    pass(1s);
    register_at(t2, "LinphoneAndroid/5.1", 1, third);
    drop();
  }
  /// Whom a call with these lines reaches at first, by the last digits of their addresses; else what its caller gets.
  std::string rung(const std::string& lines, const std::string& from = caller) {
    std::string text = invite(lines, from);
    const std::string number = std::to_string(++calls_);
    text.replace(text.find("bKi1"), 4, "bKp" + number);
    text.replace(text.find("c-8001-INV"), 10, "c-" + number);
    send(from, text);
    return who().empty() ? to(from).substr(8, to(from).find("\r\n") - 8) : who();
  }
  /// Who gets an INVITE, in this order.
  std::string who() const {
    std::string who;
    for (const auto& one : outbox_.sends())
      if (outbox_.message(one).starts_with("INVITE ")) who += one.destination.remote.text().substr(8, 2) + " ";
    return who;
  }
  /// They have been called in this step, and say 180.
  void all_ring(std::initializer_list<const char*> phones) {
    for (const char* phone : phones) ASSERT_FALSE(invite_at(phone).empty()) << phone;
    for (const char* phone : phones) ring(phone);
  }
  int calls_ = 0;
};

TEST_F(Preferring, higher_q_rings_first_and_equal_q_together_RNG18) {
  register_as(";q=0.5", ";q=1.0", ";q=0.5");
  begin();
  call();
  EXPECT_EQ(who(), "42 ");
  rings(t1);
  EXPECT_TRUE(to(caller).starts_with("SIP/2.0 180 "));
  until(14'900ms);
  EXPECT_EQ(who(), "");
  until(15s);
  EXPECT_EQ(last(t1, "CANCEL").find("Reason:"), std::string::npos);
  EXPECT_FALSE(last(t1, "CANCEL").empty());
  EXPECT_EQ(count_to(caller), 0U) << "one search for the caller";
  all_ring({t0, t2});
  until(59s);
  EXPECT_TRUE(last(t0, "CANCEL").empty()) << "the last ones ring until ringing.total";
  until(60s);
  EXPECT_FALSE(last(t0, "CANCEL").empty());
  EXPECT_FALSE(last(t2, "CANCEL").empty());
  until(60'500ms);
  EXPECT_TRUE(to(caller).starts_with("SIP/2.0 480 ")) << to(caller);
  EXPECT_EQ(status().calls, 0U);
}

TEST_F(Preferring, is_shown_group_by_group_G7_RNG18) {
  register_as(";q=0.5", ";q=1.0", ";q=0.5");
  const auto shown = std::get<std::vector<RingReport>>(device_.command(GetRing{"8002"}, now_, outbox_)).at(0);
  EXPECT_FALSE(shown.sequential);
  ASSERT_EQ(shown.steps.size(), 2U);
  EXPECT_EQ(shown.steps[0].seconds, 15);
  EXPECT_EQ(shown.steps[0].contacts, std::vector<std::string>{"sip:8002@10.77.0.42:5060"});
  EXPECT_EQ(shown.steps[1].contacts.size(), 2U);
  EXPECT_EQ(shown.steps[1].seconds, 60);
}

TEST_F(Preferring, who_is_busy_makes_room_at_once_and_the_best_answer_goes_up_RNG18) {
  register_as(";q=0.9", ";q=0.5", ";q=0.1");
  call();
  for (const auto& [phone, status] : {std::pair{t0, 486}, {t1, 480}, {t2, 404}}) {
    ASSERT_FALSE(invite_at(phone).empty()) << phone;
    answer_call(phone, status);
  }
  EXPECT_TRUE(to(caller).starts_with("SIP/2.0 486 ")) << to(caller);
}

TEST_F(Preferring, equal_q_is_as_ever_all_at_once_RNG18) {
  register_as(";q=0.5", ";q=0.5", ";q=0.5");
  begin();
  call();
  EXPECT_EQ(who().size(), 9U) << who();
  all_ring({t0, t1, t2});
  until(100s);
  for (const char* phone : {t0, t1, t2}) EXPECT_TRUE(last(phone, "CANCEL").empty()) << "no plan, no end";
}

TEST_F(Preferring, a_profile_does_not_ask_for_q_but_orders_its_targets_by_it_RNG18) {
  register_as(";q=0.1", ";q=0.5", ";q=1.0");
  ASSERT_TRUE(std::holds_alternative<Done>(set({{{"ip-phone"}, 15}, {{"pc-client", "mobile-client"}, 15}})));
  begin();
  call();
  EXPECT_EQ(who(), "41 ");
  rings(t0);
  until(15s);
  EXPECT_EQ(who(), "43 42 ");
}

TEST_F(Preferring, who_registers_while_his_q_rings_is_called_RNG17_RNG18) {
  register_at(t0, "Yealink SIP-T46", 1, ";q=1.0");
  register_at(t1, "MicroSIP/3.21", 1, ";q=0.5");
  begin();
  call();
  rings(t0);
  until(5s);
  register_at(t2, "LinphoneAndroid/5.1", 1, ";q=0.5");
  EXPECT_TRUE(last(t2, "INVITE").empty()) << "his step comes later";
  until(15s);
  all_ring({t1, t2});
  until(20s);
  register_at("10.77.0.44:5060", "snom D785", 1, ";q=0.5");
  EXPECT_FALSE(last("10.77.0.44:5060", "INVITE").empty());
  register_at("10.77.0.45:5060", "snom D785", 1, ";q=0.7");
  EXPECT_FALSE(last("10.77.0.45:5060", "INVITE").empty()) << "between two steps: with the later one";
}

TEST_F(Preferring, all_have_their_turn_before_the_time_is_over_RNG18) {
  constexpr const char* phones[]{"10.77.0.51:5060", "10.77.0.52:5060", "10.77.0.53:5060",
                                 "10.77.0.54:5060", "10.77.0.55:5060", "10.77.0.56:5060"};
  double q = 0.9;
  for (const char* phone : phones) {
    pass(1s);
    register_at(phone, "snom D785", 1, ";q=" + std::to_string(q).substr(0, 3));
    q -= 0.1;
  }
  drop();
  begin();
  call();
  for (int step = 0; step < 3; ++step) {
    EXPECT_EQ(who(), std::to_string(51 + step) + " ");
    rings(phones[step]);
    until(15s * (step + 1));
  }
  EXPECT_EQ(who(), "54 55 56 ") << "for the last two there would be no time";
  EXPECT_EQ(std::get<std::vector<RingReport>>(device_.command(GetRing{"8002"}, now_, outbox_)).at(0).steps.size(), 4U);
}

TEST_F(Preferring, one_after_another_shortens_the_turns_of_many_RNG18) {
  constexpr const char* phones[]{"10.77.0.51:5060", "10.77.0.52:5060", "10.77.0.53:5060",
                                 "10.77.0.54:5060", "10.77.0.55:5060", "10.77.0.56:5060"};
  for (const char* phone : phones) {
    register_at(phone, "snom D785", 1);
    pass(1s);
  }
  drop();
  begin();
  rung("Request-Disposition: sequential\r\n");
  std::set<std::string> seen;
  for (int turn = 1; turn <= 6; ++turn) {
    const std::string now = who().substr(0, 2);
    seen.insert(now);
    rings("10.77.0." + now + ":5060");
    until(10s * turn);
  }
  EXPECT_EQ(seen.size(), 6U);
}

TEST_F(Preferring, two_flows_of_one_phone_are_one_turn_RNG18_RFC5626_7) {
  const auto flow = [&](int number, const std::string& q) {
    const std::string place = "10.77.0.5" + std::to_string(number) + ":5060";
    send(place,
         request("REGISTER", "sip:example.test", "8002", "sip:8002@example.test", place, "fl" + std::to_string(number), number,
                 "Contact: <sip:8002@" + place + ";transport=tcp>;reg-id=" + std::to_string(number) +
                     ";+sip.instance=\"<urn:uuid:1>\";expires=120;q=" + q + "\r\nSupported: path, outbound\r\n"),
         Transport::tcp, FlowId{70U + static_cast<unsigned>(number)});
  };
  flow(1, "1.0");
  flow(2, "0.5");
  register_at(t1, "MicroSIP/3.21", 1, ";q=0.3");
  drop();
  begin();
  call();
  EXPECT_EQ(who(), "51 ");
  rings("10.77.0.51:5060");
  until(15s);
  EXPECT_EQ(who(), "42 ") << "not the same phone again";
}

TEST_F(Preferring, a_contact_of_many_words_costs_no_more_than_others_X1) {
  std::string words;
  while (words.size() < 6'000) words += ";+x" + std::to_string(words.size());
  register_at(t0, "Yealink SIP-T46", 1, words + ";video");
  register_at(t1, "MicroSIP/3.21", 1, ";audio");
  drop();
  EXPECT_EQ(rung("Accept-Contact: *;audio;require;explicit\r\n"), "42 ");
}

TEST_F(Preferring, other_methods_go_to_all_at_once_RNG18) {
  register_as(";q=1.0", ";q=0.5", ";q=0.1");
  send(caller, request("MESSAGE", "sip:8002@example.test", "8001", "sip:8002@example.test", caller, "m1"));
  for (const char* phone : {t0, t1, t2}) EXPECT_FALSE(last(phone, "MESSAGE").empty()) << phone;
}

TEST_F(Preferring, the_caller_chooses_among_contacts_RNG18) {
  register_as(";mobility=\"mobile\";video", ";mobility=\"fixed\"", "");
  EXPECT_EQ(rung(""), "43 42 41 ");
  EXPECT_EQ(rung("Accept-Contact: *;mobility=\"mobile\";require\r\n"), "43 41 ") << "who says nothing is immune";
  EXPECT_EQ(rung("Accept-Contact: *;mobility=\"mobile\"\r\n"), "43 41 42 ") << "a wish is an order only";
  EXPECT_EQ(rung("Reject-Contact: *;video\r\n"), "43 42 ");
  EXPECT_EQ(rung("Accept-Contact: *;video;require;explicit\r\nRequest-Disposition: no-fork\r\n"), "43 ");
  EXPECT_EQ(rung("Accept-Contact: mobility=mobile;require\r\n"), "43 42 41 ") << "malformed";
}

TEST_F(Preferring, whom_nobody_suits_is_told_480_RNG18) {
  register_at(t0, "Yealink SIP-T46", 1, ";mobility=\"fixed\"");
  EXPECT_EQ(rung("Accept-Contact: *;mobility=\"mobile\";require\r\n"), "480 Temporarily Unavailable");
  one_after_another();
  EXPECT_EQ(rung("Accept-Contact: *;mobility=\"mobile\";require\r\n"), "480 Temporarily Unavailable");
  EXPECT_EQ(rung("Accept-Contact: *;mobility=\"mobile\"\r\n"), "41 ");
}

TEST_F(Preferring, the_caller_chooses_within_each_step_RNG18) {
  register_as(";mobility=\"fixed\"", ";automata", "");
  ASSERT_TRUE(std::holds_alternative<Done>(set({{{"ip-phone"}, 15}, {{"pc-client"}, 15}, {{"mobile-client"}, 15}})));
  begin();
  call("Reject-Contact: *;automata\r\nRequest-Disposition: parallel\r\n");
  EXPECT_EQ(who(), "41 ") << "the profile says in which order";
  rings(t0);
  until(15s);
  EXPECT_EQ(who(), "43 ") << "the automaton's step is skipped";
  rings(t2);
  until(20s);
  register_at(t1, "LinphoneAndroid/5.1", 2, ";automata");
  register_at("10.77.0.44:5060", "LinphoneAndroid/5.1", 1, ";automata");
  EXPECT_TRUE(last("10.77.0.44:5060", "INVITE").empty()) << "who comes later is asked the same";
  register_at("10.77.0.45:5060", "LinphoneAndroid/5.1");
  EXPECT_FALSE(last("10.77.0.45:5060", "INVITE").empty());
}

TEST_F(Preferring, an_application_server_s_types_are_chosen_from_too_RNG14_RNG18) {
  register_as(";mobility=\"fixed\";q=0.5", ";mobility=\"mobile\"", "");
  EXPECT_EQ(rung("Tt: 0,1,2\r\nReject-Contact: *;mobility=\"mobile\"\r\n", "10.77.0.50:5060"), "43 41 ");
  EXPECT_EQ(rung("", "10.77.0.50:5060").size(), 9U) << "it has decided: all at once, whatever their q";
}

TEST_F(Preferring, the_caller_says_how_to_fork_RNG18) {
  register_as(";q=1.0", ";q=0.5", ";q=0.5");
  EXPECT_EQ(rung("Request-Disposition: parallel\r\n"), "41 43 42 ");
  EXPECT_EQ(rung("Request-Disposition: no-fork\r\n"), "41 ");
  answer_call((invite_at(t0), t0), 486);
  EXPECT_TRUE(to(caller).starts_with("SIP/2.0 486 ")) << "and nobody else";
  EXPECT_EQ(rung("Request-Disposition: fork, queue, no-cancel\r\n"), "41 ") << "by q";
}

TEST_F(Preferring, sequential_is_one_contact_after_another_RNG18) {
  register_as("", "", "");
  begin();
  call("Request-Disposition: sequential\r\n");
  EXPECT_EQ(who(), "43 ") << "the latest first";
  rings(t2);
  until(15s);
  EXPECT_FALSE(last(t2, "CANCEL").empty());
  EXPECT_EQ(who(), "42 ");
  rings(t1);
  answer_call(t1, 486);
  EXPECT_EQ(who(), "41 ");
  rings(t0);
  until(59s);
  EXPECT_TRUE(last(t0, "CANCEL").empty());
  answer_call(t0, 200);
  EXPECT_TRUE(to(caller).starts_with("SIP/2.0 200 ")) << to(caller);
  EXPECT_EQ(status().calls, 1U);
}

TEST_F(Preferring, a_phone_with_two_flows_is_one_contact_of_a_sequence_RNG18) {
  const std::string instance = ";+sip.instance=\"<urn:uuid:1>\"";
  const auto register_flow = [&](const char* address, int reg_id) {
    std::string text = request("REGISTER", "sip:example.test", "8002", "sip:8002@example.test", address, "f" + std::to_string(reg_id), 1,
                               "Supported: path, outbound\r\nContact: <sip:8002@" + std::string{address} + ";ob>;expires=120" + instance +
                                   ";reg-id=" + std::to_string(reg_id) + "\r\nUser-Agent: Yealink\r\n");
    send(address, text.replace(text.find("c-8002-REG"), 10, "c-flow-" + std::to_string(reg_id)));
    ASSERT_FALSE(last(address, "SIP/2.0 200 ").empty()) << to(address);
  };
  register_flow(t0, 1);
  register_flow(t1, 2);
  register_at(t2, "LinphoneAndroid/5.1", 1, ";q=0.5");
  begin();
  call("Request-Disposition: sequential\r\n");
  const std::string first = who();
  EXPECT_EQ(first.size(), 3U) << "one of its flows: " << first;
  rings(first == "41 " ? t0 : t1);
  until(15s);
  EXPECT_EQ(who(), "43 ");
}

}  // namespace ringhold::branch_device
