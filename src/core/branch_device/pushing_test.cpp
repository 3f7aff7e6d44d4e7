#include "auth/digest.hpp"
#include "branch_device/pushing_bench.hpp"
#include "sip/validation.hpp"

namespace ringhold::branch_device {

using namespace std::string_literals;

TEST_F(Pushing, content_goes_to_the_first_terminal_as_it_is_PSH01) {
  register_all();
  clear();
  const std::string content = "h\xc3\xa4llo \0 \xff\r\n\r\nworld"s;
  EXPECT_EQ(push({.to = "8002", .content_type = "application/x-thing;v=1", .body = content}).result, "pending");
  ASSERT_EQ(count(t0), 1U);
  EXPECT_EQ(count(t1) + count(t2), 0U);
  const std::string message = last(t0);
  EXPECT_EQ(uri(message), contact(t0));
  EXPECT_EQ(body(message), content);
  EXPECT_EQ(header(message, sip::Header::content_type), "application/x-thing;v=1");
  EXPECT_EQ(header(message, sip::Header::contact), "");
  EXPECT_EQ(header(message, sip::Header::max_forwards), "70");
  EXPECT_TRUE(header(message, sip::Header::from).starts_with("<sip:push@example.test>;tag="));
  EXPECT_EQ(header(message, sip::Header::to), "<sip:8002@example.test>");
  EXPECT_FALSE(sip::validate_request(*sip::Message::parse(message)));
  answers(t0, 200);
  EXPECT_EQ(report().result, "delivered");
  EXPECT_EQ(steps(), "10.77.0.41:200");
  EXPECT_EQ(settled_, std::vector<Text>{id_});
  push_text();
  EXPECT_NE(header(last(t0), sip::Header::call_id), header(message, sip::Header::call_id));
}

TEST_F(Pushing, a_contact_with_headers_is_addressed_without_RFC3261_19) {
  receive(t0, request("REGISTER", "sip:example.test", "8002", "sip:8002@example.test", t0, "r1", 1,
                      "Contact: <sip:8002@10.77.0.41:5060;method=INVITE?Subject=x>;expires=120\r\n"));
  clear();
  push_text();
  EXPECT_EQ(uri(last(t0)), "sip:8002@10.77.0.41:5060");
  answers(t0, 200);
  EXPECT_EQ(report().result, "delivered");
}

TEST_F(Pushing, a_202_counts_as_delivered_PSH11) {
  register_at(t0);
  push_text();
  answers(t0, 202);
  EXPECT_EQ(report().result, "delivered");
}

TEST_F(Pushing, the_same_message_goes_where_a_redirect_says_PSH03) {
  register_all();
  clear();
  push_text();
  const std::string first = last(t0);
  answers(t0, 302, "Contact: <sip:u2@10.77.0.21:5060>\r\n");
  const std::string second = last("10.77.0.21:5060");
  EXPECT_EQ(uri(second), "sip:u2@10.77.0.21:5060");
  EXPECT_EQ(body(second), body(first));
  for (const auto same : {sip::Header::from, sip::Header::to, sip::Header::call_id}) EXPECT_EQ(header(second, same), header(first, same));
  EXPECT_EQ(header(first, sip::Header::cseq), "1 MESSAGE");
  EXPECT_EQ(header(second, sip::Header::cseq), "2 MESSAGE");
  EXPECT_NE(header(second, sip::Header::via), header(first, sip::Header::via));
  answers("10.77.0.21:5060", 200);
  EXPECT_EQ(report().result, "delivered");
  EXPECT_EQ(steps(), "10.77.0.41:302 10.77.0.21:200");
  EXPECT_EQ(report().steps.at(1).hop, 1U);
  EXPECT_EQ(report().steps.at(1).via, "redirect");
  push_text();
  EXPECT_EQ(count(t0), 2U) << "PSH-04: a 302 without a time holds for its message only";
}

TEST_F(Pushing, a_301_is_remembered_and_outlives_a_restart_PSH04) {
  register_all();
  push_text();
  answers(t0, 301, "Contact: <" + contact(t1) + ">\r\n");
  answers(t1, 200);
  ASSERT_EQ(redirects().size(), 1U);
  EXPECT_EQ(redirects()[0].contacts.at(0).uri, contact(t1));
  EXPECT_EQ(redirects()[0].status, 301);
  clear();
  push_text();
  EXPECT_EQ(count(t0), 0U);
  answers(t1, 200);
  EXPECT_EQ(report().steps.at(0).via, "remembered");
  restart();
  ASSERT_EQ(redirects().size(), 1U);
  clear();
  push_text();
  EXPECT_EQ(count(t0), 0U);
  EXPECT_EQ(count(t1), 1U);
  answers(t1, 200);
  EXPECT_TRUE(std::holds_alternative<Done>(device_.command(RemoveRedirects{"8002"}, now_, outbox_)));
  EXPECT_TRUE(std::holds_alternative<Refused>(device_.command(RemoveRedirects{"8002"}, now_, outbox_)));
  clear();
  push_text();
  EXPECT_EQ(count(t0), 1U);
}

TEST_F(Pushing, a_302_with_a_time_holds_for_so_long_PSH04) {
  for (const char* line :
       {"Contact: <sip:8002@10.77.0.42:5060>;expires=60\r\n", "Contact: <sip:8002@10.77.0.42:5060>\r\nExpires: 60\r\n"}) {
    register_all();
    push_text();
    answers(t0, 302, line);
    answers(t1, 200);
    EXPECT_EQ(redirects().size(), 1U) << line;
    pass_time(30s);
    clear();
    push_text();
    EXPECT_EQ(count(t0), 0U) << line;
    answers(t1, 200);
    pass_time(40s);
    clear();
    push_text();
    EXPECT_EQ(count(t0), 1U) << line;
    answers(t0, 200);
    EXPECT_TRUE(redirects().empty()) << line;
  }
}

TEST_F(Pushing, a_redirect_without_address_means_another_terminal_PSH05) {
  register_all();
  clear();
  push_text();
  answers(t0, 302);
  EXPECT_EQ(count(t1), 1U);
  answers(t1, 200);
  EXPECT_EQ(steps(), "10.77.0.41:302 10.77.0.42:200");
  settings_.push.users = {{"8002", {}, {"sip:desk@10.77.0.22:5060"}}};
  configure(settings_);
  push_text();
  answers(t0, 302);
  EXPECT_EQ(count("10.77.0.22:5060"), 1U) << "what is configured comes first";
  answers("10.77.0.22:5060", 480);
  answers(t1, 200);
  EXPECT_EQ(steps(), "10.77.0.41:302 10.77.0.22:480 10.77.0.42:200");
  EXPECT_EQ(report().steps.at(1).via, "configured");
}

TEST_F(Pushing, several_addresses_are_served_at_once_or_in_q_order_PSH06_PSH07) {
  register_all();
  clear();
  const std::string three =
      "Contact: <sip:8002@10.77.0.42:5060>;q=0.3, <sip:8002@10.77.0.43:5060>;q=0.9\r\nContact: "
      "<sip:x@10.77.0.21:5060>, <sip:x@10.77.0.21>\r\n";
  push({.to = "8002", .body = "x", .strategy = "all-at-once"});
  EXPECT_EQ(count(t0), 1U);
  EXPECT_EQ(count(t1) + count(t2), 0U);
  answers(t0, 300, three);
  for (const char* one : {t1, t2, "10.77.0.21:5060"}) EXPECT_EQ(count(one), 1U) << one;
  answers(t1, 200);
  EXPECT_EQ(report().result, "pending") << "each returns its own status";
  answers(t2, 486);
  answers("10.77.0.21:5060", 200);
  EXPECT_EQ(report().result, "delivered");
  EXPECT_EQ(steps(), "10.77.0.41:300 10.77.0.21:200 10.77.0.43:486 10.77.0.42:200");
  clear();
  push_text();
  answers(t0, 300, three);
  EXPECT_EQ(count("10.77.0.21:5060"), 1U) << "q is 1 when nothing is said";
  EXPECT_EQ(count(t1) + count(t2), 0U);
  answers("10.77.0.21:5060", 480);
  EXPECT_EQ(count(t2), 1U);
  EXPECT_EQ(count(t1), 0U);
  answers(t2, 200);
  EXPECT_EQ(count(t1), 0U);
  EXPECT_EQ(report().result, "delivered");
}

TEST_F(Pushing, who_fails_or_is_silent_gives_way_to_the_next_PSH08) {
  register_all();
  clear();
  push_text();
  answers(t0, 415);
  answers(t1, 480);
  answers(t2, 200);
  EXPECT_EQ(steps(), "10.77.0.41:415 10.77.0.42:480 10.77.0.43:200");
  EXPECT_EQ(report().result, "delivered");
  clear();
  push_text();
  pass_time(9'900ms);
  EXPECT_EQ(count(t1), 0U);
  pass_time(200ms);
  EXPECT_EQ(count(t1), 1U);
  answers(t1, 200);
  EXPECT_EQ(report().result, "delivered");
  EXPECT_EQ(steps(), "10.77.0.41:0 10.77.0.42:200");
  pass_time(25s);
  EXPECT_EQ(report().steps.at(0).why, "timeout") << "its transaction has ended";
}

TEST_F(Pushing, a_challenge_is_answered_and_no_failure_PSH08) {
  register_all();
  const std::string challenge = "WWW-Authenticate: Digest realm=\"phone\", nonce=\"abc\", algorithm=MD5, qop=\"auth\"\r\n";
  push_text();
  answers(t0, 401, challenge);
  EXPECT_EQ(count(t1), 1U) << "we have no name";
  answers(t1, 200);
  settings_.push.username = "push";
  settings_.push.password = "secret";
  configure(settings_);
  clear();
  push_text();
  const std::string first = last(t0);
  answers(t0, 401, challenge);
  EXPECT_EQ(count(t1), 0U);
  const std::string second = last(t0);
  EXPECT_EQ(count(t0), 2U);
  EXPECT_EQ(header(second, sip::Header::call_id), header(first, sip::Header::call_id));
  EXPECT_EQ(header(second, sip::Header::cseq), "33 MESSAGE");
  const std::string line = header(second, sip::Header::authorization);
  const auto credentials = auth::Credentials::parse(line);
  ASSERT_TRUE(credentials);
  auth::Hasher hasher;
  const std::string target = contact(t0);
  const auto ha1 = auth::make_ha1(hasher, auth::Algorithm::md5, "push", "phone", "secret");
  const auth::Exchange exchange{"MESSAGE", target, "abc", credentials->nc, credentials->cnonce, auth::Qop::auth, {}};
  EXPECT_EQ(credentials->response,
            auth::HexDigest(auth::Algorithm::md5, auth::make_response(hasher, auth::Algorithm::md5, ha1, exchange)).text());
  answers(t0, 200);
  EXPECT_EQ(steps(), "10.77.0.41:200");
  push_text();
  answers(t0, 401, challenge);
  answers(t0, 401, challenge);
  EXPECT_EQ(count(t1), 1U) << "a second one is a failure";
}

TEST_F(Pushing, the_next_may_redirect_as_well_and_its_wish_is_kept_PSH09) {
  register_all();
  push_text();
  answers(t0, 302, "Contact: <" + contact(t1) + ">\r\n");
  answers(t1, 301);
  answers(t2, 200);
  EXPECT_EQ(steps(), "10.77.0.41:302 10.77.0.42:301 10.77.0.43:200");
  ASSERT_EQ(redirects().size(), 1U);
  EXPECT_TRUE(redirects()[0].contacts.empty());
  EXPECT_NE(redirects()[0].device.find("10.77.0.42"), std::string::npos);
  clear();
  push_text();
  answers(t0, 480);
  EXPECT_EQ(count(t1), 0U) << "it wants nothing, as long as there are others";
  answers(t2, 480);
  EXPECT_EQ(count(t1), 1U);
  answers(t1, 200);
  EXPECT_TRUE(redirects().empty()) << "it takes content again";
}

TEST_F(Pushing, after_the_first_failure_all_others_at_once_if_so_wanted_PSH10) {
  settings_.push.delivery.strategy = delivery::Strategy::all_at_once;
  configure(settings_);
  register_all();
  clear();
  push_text();
  EXPECT_EQ(count(t1) + count(t2), 0U);
  answers(t0, 486);
  EXPECT_EQ(count(t1), 1U);
  EXPECT_EQ(count(t2), 1U);
}

TEST_F(Pushing, when_all_refuse_for_good_it_has_failed_PSH11) {
  register_all();
  push_text();
  answers(t0, 415);
  answers(t1, 488);
  answers(t2, 405);
  EXPECT_EQ(report().result, "failed");
  EXPECT_EQ(report().reason, "refused");
  EXPECT_EQ(steps(), "10.77.0.41:415 10.77.0.42:488 10.77.0.43:405");
  EXPECT_EQ(kept(Table::push_message), 0U);
  EXPECT_EQ(settled_.size(), 1U);
}

TEST_F(Pushing, a_5xx_gives_way_and_a_6xx_stops_all_PSH12) {
  register_all();
  clear();
  push_text();
  answers(t0, 500);
  EXPECT_EQ(count(t1), 1U);
  answers(t1, 603);
  EXPECT_EQ(count(t2), 0U);
  EXPECT_EQ(report().result, "failed");
  EXPECT_EQ(report().reason, "declined");
  pass_time(2h);
  EXPECT_EQ(count(t2), 0U);
  EXPECT_EQ(kept(Table::push_message), 0U) << "nothing is stored";
}

}  // namespace ringhold::branch_device
