#include "agent/agent_bench.hpp"

namespace ringhold::agent {
namespace {

using Registering = AgentBench;

TEST_F(Registering, registers_at_the_first_and_keeps_it_up_SWI12) {
  start(with({c1, c2}));
  pass(10min);
  ASSERT_GE(registers(c1).size(), 10U);
  EXPECT_TRUE(registers(c2).empty());
  const auto all = registers(c1);
  for (std::size_t i = 1; i < all.size(); ++i) {
    EXPECT_GE(all[i].at - all[i - 1].at, 30s);
    EXPECT_LE(all[i].at - all[i - 1].at, 54s);
    EXPECT_EQ(all[i].cseq(), all[i - 1].cseq() + 1);
    EXPECT_EQ(all[i].header(sip::Header::call_id), all[0].header(sip::Header::call_id));
  }
  EXPECT_EQ(server(), c1);
}

TEST_F(Registering, the_grant_counts_not_what_was_asked_T10_SWI12) {
  answers(c1, "REGISTER", 200, "Expires: 40\r\n");
  start(with({c1}));
  pass(5s);
  answers(c1, "REGISTER", 200, "Contact: <sip:other@10.77.0.9>;expires=3600\r\nContact: <sip:alice@10.77.0.5:5066>;expires=600\r\n");
  pass(45s);
  ASSERT_EQ(registers().size(), 2U) << "Expires in the header only: honoured";
  clear();
  pass(5min);
  EXPECT_TRUE(registers().empty()) << "our own Contact's time is longer";
  pass(4min);
  EXPECT_EQ(registers().size(), 1U);
}

TEST_F(Registering, a_silent_server_costs_timer_f_T5_SWI01_DIS19) {
  dies(c1);
  start(with({c1, c2}));
  const Instant begin = now_;
  pass(40s);
  std::vector<Duration> times;
  for (const Sent& sent : sent_)
    if (sent.to == c1 && sent.method() == "REGISTER") times.push_back(sent.at - begin);
  EXPECT_EQ(times, (std::vector<Duration>{0ms, 500ms, 1500ms, 3500ms, 7500ms, 11500ms, 15500ms, 19500ms, 23500ms, 27500ms, 31500ms}));
  ASSERT_EQ(registers(c2).size(), 1U);
  const Sent at_c2 = registers(c2)[0];
  EXPECT_EQ(at_c2.at - begin, 32s);
  EXPECT_EQ(server(), c2);
  // DIS-20: the same request, but for the branch.
  const Sent at_c1 = registers(c1)[0];
  EXPECT_EQ(at_c2.header(sip::Header::call_id), at_c1.header(sip::Header::call_id));
  EXPECT_EQ(at_c2.cseq(), at_c1.cseq());
  EXPECT_NE(at_c2.branch(), at_c1.branch());
}

TEST_F(Registering, a_refused_packet_costs_nothing_SWI03) {
  refuses(c1);
  start(with({c1, c2}));
  pass(1s);
  EXPECT_EQ(way(), "11 12");
  EXPECT_EQ(server(), c2);
}

TEST_F(Registering, a_503_is_a_failure_of_the_request_DIS20) {
  answers(c1, "REGISTER", 503);
  start(with({c1, c2}));
  pass(1s);
  ASSERT_EQ(way(), "11 12");
  EXPECT_EQ(registers(c1)[0].cseq(), registers(c2)[0].cseq());
  EXPECT_EQ(registers(c1)[0].header(sip::Header::call_id), registers(c2)[0].header(sip::Header::call_id));
}

TEST_F(Registering, a_408_is_a_timeout_SWI04) {
  answers(c1, "REGISTER", 408);
  start(with({c1, c2}));
  pass(1s);
  EXPECT_EQ(way(), "11 12");
}

TEST_F(Registering, a_5xx_or_6xx_switches_T7_SWI07) {
  for (const int status : {500, 501, 504, 600, 603}) {
    clear();
    answers(c1, "REGISTER", status);
    start(with({c1, c2}));
    pass(1s);
    EXPECT_EQ(way(), "11 12") << status;
  }
}

TEST_F(Registering, who_names_a_time_is_left_alone_for_so_long_SWI07) {
  answers(c1, "REGISTER", 503, "Retry-After: 120\r\n");
  start(with({c1, c2}));
  pass(119s);
  EXPECT_EQ(registers(c1).size(), 1U);
  EXPECT_EQ(count("OPTIONS", c1), 0U) << "it sees nothing";
  answers(c1, "REGISTER", 200);
  pass(61s);
  EXPECT_EQ(server(), c1) << "and is better again";
}

TEST_F(Registering, from_the_standby_back_to_the_first_at_once_SWI05) {
  refuses(c1);
  start(with({c1, c2}));
  pass(1s);
  ASSERT_EQ(server(), c2);
  refuses(c2);
  lives(c1);
  clear();
  ASSERT_TRUE(pass_until([&] { return !registers(c2).empty(); }, 60s));
  pass(1s);
  EXPECT_EQ(way(), "12 11");
  EXPECT_EQ(server(), c1);
}

TEST_F(Registering, all_dead_leads_to_rounds_that_grow_SWI05_SWI18) {
  refuses(c1), refuses(c2);
  start(with({c1, c2}));
  pass(1s);
  EXPECT_EQ(way(), "11 12");
  const Instant first = now_;
  ASSERT_TRUE(pass_until([&] { return registers().size() > 2; }, 60s));
  EXPECT_GE(now_ - first, 23s);
  EXPECT_LE(now_ - first, 36s);
  pass(5min - (now_ - first));
  EXPECT_LE(registers().size(), 26U);
  EXPECT_GE(registers().size(), 6U);
  pass(10h);
  std::vector<Instant> rounds;
  for (const Sent& sent : registers(c1)) rounds.push_back(sent.at);
  for (std::size_t i = 1; i < rounds.size(); ++i) EXPECT_LE(rounds[i] - rounds[i - 1], 36min);
  EXPECT_GE(rounds.size(), 18U) << "it never gives up";
}

TEST_F(Registering, the_only_server_is_tried_each_minute_SWI02_SWI05) {
  refuses(c1);
  start(with({c1}));
  pass(5min);
  const auto all = registers();
  ASSERT_GE(all.size(), 5U);
  for (std::size_t i = 1; i < all.size(); ++i) {
    EXPECT_GE(all[i].at - all[i - 1].at, 48s);
    EXPECT_LE(all[i].at - all[i - 1].at, 73s);
  }
}

TEST_F(Registering, success_of_an_hour_ago_does_not_count_SWI06) {
  refuses(c1);
  start(with({c1, c2}));
  pass(1h);
  ASSERT_EQ(server(), c2);
  refuses(c2);
  clear();
  pass(5min);
  EXPECT_LE(registers().size(), 26U) << "no hot loop";
}

TEST_F(Registering, other_refusals_lead_to_a_new_beginning_T8_SWI08) {
  next(c1, "REGISTER", 403);
  start(with({c1, c2}));
  pass(2s);
  EXPECT_EQ(way(), "11 -11 11");
  EXPECT_EQ(server(), c1);
  for (const Sent& sent : registers()) {
    EXPECT_EQ(sent.bytes.find("Contact: *"), std::string::npos);
    EXPECT_EQ(sent.header(sip::Header::call_id), registers()[0].header(sip::Header::call_id));
  }
}

TEST_F(Registering, who_refuses_the_removal_as_well_is_left_SWI08) {
  answers(c1, "REGISTER", 403);
  start(with({c1, c2}));
  pass(2s);
  EXPECT_EQ(way(), "11 -11 12");
}

TEST_F(Registering, who_is_silent_to_the_removal_is_left_SWI08) {
  next(c1, "REGISTER", 404);
  next(c1, "REGISTER", 0);
  start(with({c1, c2}));
  pass(31s);
  EXPECT_EQ(way(), "11 -11");
  pass(2s);
  EXPECT_EQ(way(), "11 -11 12");
}

TEST_F(Registering, after_a_400_the_numbers_begin_anew_SWI08) {
  next(c1, "REGISTER", 400);
  start(with({c1}));
  pass(2s);
  const auto all = registers();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_NE(all[2].header(sip::Header::call_id), all[0].header(sip::Header::call_id));
  EXPECT_LE(all[2].cseq(), 2U);
}

TEST_F(Registering, no_loop_through_removals_SWI09) {
  // 200 to removals, 403 to the rest.
  for (const char* server : {c1, c2})
    for (int i = 0; i < 40; ++i) next(server, "REGISTER", 403), next(server, "REGISTER", 200), next(server, "REGISTER", 403);
  start(with({c1, c2}));
  pass(2s);
  EXPECT_EQ(way(), "11 -11 11 12 -12 12");
  pass(5min);
  EXPECT_LE(registers().size(), 30U);
}

TEST_F(Registering, a_challenge_is_answered_once_T9_SWI10) {
  const std::string challenge = "WWW-Authenticate: Digest realm=\"example.test\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth\"\r\n";
  next(c1, "REGISTER", 401, challenge);
  start(with({c1, c2}));
  pass(1s);
  ASSERT_EQ(way(), "11 11");
  EXPECT_EQ(registers()[1].cseq(), registers()[0].cseq() + 1);
  EXPECT_NE(registers()[1].bytes.find("Authorization: Digest username=\"alice\""), std::string::npos);
  EXPECT_NE(registers()[1].bytes.find("uri=\"sip:example.test\""), std::string::npos);
  EXPECT_EQ(server(), c1);
}

TEST_F(Registering, a_wrong_password_is_not_tried_again_SWI10) {
  answers(c1, "REGISTER", 401, "WWW-Authenticate: Digest realm=\"example.test\", nonce=\"n1\", qop=\"auth\"\r\n");
  start(with({c1, c2}));
  pass(1s);
  // Exactly two, then the attempt to remove (which is challenged as well), then the next server.
  EXPECT_EQ(way(), "11 11 -11 -11 12");
  EXPECT_TRUE(std::ranges::count(notes_, "agent_credentials_refused") > 0);
}

TEST_F(Registering, a_refused_password_is_an_answer_DIS20) {
  next(c1, "REGISTER", 401);
  next(c1, "REGISTER", 200);
  next(c1, "REGISTER", 401);
  start(with({c1, c2}));
  pass(1s);
  ASSERT_EQ(way(), "11 -11 11 12");
  EXPECT_EQ(registers(c2)[0].cseq(), registers(c1)[2].cseq() + 1) << "so the next server gets the next number";
}

TEST_F(Registering, a_stale_nonce_is_no_failure_SWI10) {
  next(c1, "REGISTER", 401, "WWW-Authenticate: Digest realm=\"example.test\", nonce=\"n1\", qop=\"auth\"\r\n");
  next(c1, "REGISTER", 401, "WWW-Authenticate: Digest realm=\"example.test\", nonce=\"n2\", qop=\"auth\", stale=true\r\n");
  start(with({c1, c2}));
  pass(1s);
  EXPECT_EQ(way(), "11 11 11");
  EXPECT_EQ(server(), c1);
}

TEST_F(Registering, the_expiry_that_is_wanted_is_asked_SWI11) {
  next(c1, "REGISTER", 423, "Min-Expires: 600\r\n");
  start(with({c1, c2}));
  pass(1s);
  ASSERT_EQ(way(), "11 11");
  EXPECT_EQ(registers()[1].header(sip::Header::expires), "600");
}

TEST_F(Registering, a_423_without_a_number_is_a_failure_SWI11) {
  answers(c1, "REGISTER", 423);
  start(with({c1, c2}));
  pass(1s);
  EXPECT_EQ(way(), "11 12");
}

TEST_F(Registering, a_redirect_is_followed_SWI21) {
  answers(c1, "REGISTER", 302, "Contact: <sip:10.78.0.12:5060>\r\n");
  start(with({c1}));
  pass(1s);
  EXPECT_EQ(way(), "11 12");
  EXPECT_EQ(server(), c2);
}

TEST_F(Registering, redirects_in_a_circle_end_SWI21) {
  answers(c1, "REGISTER", 302, "Contact: <sip:10.78.0.12:5060>\r\n");
  answers(c2, "REGISTER", 302, "Contact: <sip:10.78.0.11:5060>\r\n");
  start(with({c1}));
  pass(20s);
  EXPECT_LE(registers().size(), 3U);
}

TEST_F(Registering, an_extension_that_is_not_wanted_is_left_out_SWI21) {
  next(c1, "REGISTER", 420, "Unsupported: path\r\n");
  start(with({c1, c2}));
  pass(1s);
  ASSERT_EQ(way(), "11 11");
  EXPECT_NE(registers()[0].bytes.find("Supported: path"), std::string::npos);
  EXPECT_EQ(registers()[1].bytes.find("Supported"), std::string::npos);
}

TEST_F(Registering, a_restart_goes_on_with_the_same_numbers_SWI20_X03) {
  start(with({c1}));
  pass(3min);
  const Sent last = registers().back();
  clear();
  start(with({c1}));
  pass(1s);
  ASSERT_EQ(registers().size(), 1U);
  EXPECT_EQ(registers()[0].header(sip::Header::call_id), last.header(sip::Header::call_id));
  EXPECT_GT(registers()[0].cseq(), last.cseq());
  EXPECT_EQ(registers()[0].header(sip::Header::contact), last.header(sip::Header::contact)) << "the same device (X-33)";
}

TEST_F(Registering, each_account_is_a_device_of_its_own_X33) {
  Settings settings = with({c1});
  settings.accounts.push_back({"sip:bob@example.test", "bob", "secret"});
  start(settings);
  pass(1s);
  ASSERT_EQ(registers().size(), 2U);
  const auto instance = [](const Sent& sent) { return sent.bytes.substr(sent.bytes.find("+sip.instance"), 60); };
  EXPECT_NE(instance(registers()[0]), instance(registers()[1]));
  EXPECT_NE(registers()[0].header(sip::Header::contact), registers()[1].header(sip::Header::contact));
  EXPECT_NE(registers()[0].header(sip::Header::call_id), registers()[1].header(sip::Header::call_id));
}

TEST_F(Registering, its_type_of_terminal_is_said_where_it_is_known_X33) {
  Settings settings = with({c1});
  settings.accounts[0].type = "pc-client";
  start(settings);
  pass(1s);
  EXPECT_NE(registers()[0].header(sip::Header::contact).find(">;+sip.instance="), std::string::npos);
  EXPECT_TRUE(registers()[0].header(sip::Header::contact).ends_with(";terminal-type=pc-client"));
  start(with({c1}));
  pass(1s);
  EXPECT_EQ(registers().back().bytes.find("terminal-type"), std::string::npos);
}

TEST_F(Registering, a_passing_cut_in_a_refresh_moves_nobody_SWI16) {
  start(with({c1, c2}));
  pass(2s);
  for (int i = 0; i < 20; ++i) {
    clear();
    dies(c1);
    pass(10s);
    lives(c1);
    pass(51s);
    EXPECT_TRUE(registers(c2).empty());
  }
}

TEST_F(Registering, a_connection_that_died_unnoticed_says_nothing_of_its_server_SWI16) {
  Settings settings = with({});
  settings.servers = {*Target::parse("tcp:10.78.0.11:5060"), *Target::parse("tcp:10.78.0.12:5060")};
  start(settings);
  pass(1s);
  answers(c1, "REGISTER", 0);
  clear();
  ASSERT_TRUE(pass_until([&] { return !registers().empty(); }, 60s));
  answers(c1, "REGISTER", 200);
  closes(c1);
  pass(1s);
  EXPECT_EQ(way(), "11 11") << "over a new connection";
  EXPECT_EQ(server(), c1);
  // One that closes each connection is no server.
  answers(c1, "REGISTER", 0);
  clear();
  ASSERT_TRUE(pass_until([&] { return !registers().empty(); }, 60s));
  closes(c1);
  closes(c1);
  pass(1s);
  EXPECT_EQ(way(), "11 11 12");
}

TEST_F(Registering, who_leaves_while_dns_is_asked_does_not_come_back) {
  ttl_ = 20;
  round_trip_ = 300ms;
  start(usual());
  pass(5s);
  ASSERT_TRUE(pass_until([&] { return state() == switching::State::renewing; }, 60s));
  clear();
  outbox_.clear();
  agent_->leave(now_, outbox_);
  std::size_t removals = 0;
  for (const auto& send : outbox_.sends()) removals += outbox_.message(send).find(";expires=0") != std::string_view::npos ? 1 : 0;
  EXPECT_EQ(removals, 1U);
  pass(10s);
  EXPECT_TRUE(std::ranges::all_of(registers(), &Sent::removes));
}

TEST_F(Registering, its_order_of_transports_counts_for_sending) {
  Settings settings = with({c1});
  settings.servers = {*Target::parse("tls:10.78.0.11:5061"), *Target::parse("tcp:10.78.0.12:5060")};
  start(settings);
  pass(1s);
  EXPECT_EQ(way(), "12") << "there is no uplink for TLS here";
  EXPECT_NE(registers()[0].bytes.find("Via: SIP/2.0/TCP 10.77.0.5:5066"), std::string::npos);
  EXPECT_NE(registers()[0].bytes.find("<sip:alice@10.77.0.5:5066;transport=tcp>"), std::string::npos);
}

}  // namespace
}  // namespace ringhold::agent
