#include "branch_device/pushing_bench.hpp"
#include "sip/validation.hpp"

namespace ringhold::branch_device {

TEST_F(Pushing, no_address_twice_and_no_more_than_five_redirects_PSH13) {
  register_at(t0);
  clear();
  push_text();
  answers(t0, 302, "Contact: <" + contact(t1) + ">\r\n");
  answers(t1, 302, "Contact: <sip:8002@10.77.0.41>\r\n");
  EXPECT_EQ(count(t0) + count(t1), 2U);
  EXPECT_EQ(report().result, "failed");
  EXPECT_EQ(report().reason, "loop");
  clear();
  push_text();
  const auto place = [](int number) { return "10.77.0." + std::to_string(60 + number) + ":5060"; };
  answers(t0, 302, "Contact: <sip:x@" + place(1) + ">\r\n");
  for (int i = 1; i < 6; ++i) answers(place(i), 302, "Contact: <sip:x@" + place(i + 1) + ">\r\n");
  EXPECT_EQ(count(place(5)), 1U);
  EXPECT_EQ(count(place(6)), 0U);
  EXPECT_EQ(report().reason, "hops");
  EXPECT_EQ(report().steps.size(), 6U);
}

TEST_F(Pushing, its_own_address_of_record_does_not_lead_back_PSH13) {
  register_at(t1);
  pass_time(1s);
  register_at(t0);
  clear();
  push_text();
  answers(t0, 302, "Contact: <sip:8002@example.test>\r\n");
  EXPECT_EQ(count(t0), 1U);
  EXPECT_EQ(count(t1), 1U) << "his other terminal";
  answers(t1, 302, "Contact: <sip:8002@example.test>\r\n");
  EXPECT_EQ(count(t0) + count(t1), 2U);
  EXPECT_EQ(report().reason, "loop");
}

TEST_F(Pushing, another_users_terminals_serve_if_his_address_is_named_PSH13_X18) {
  register_at("10.77.0.51:5060", "", "Phone 1", "8005");
  register_at(t0);
  push_text();
  answers(t0, 302, "Contact: <sip:8005@example.test>\r\n");
  EXPECT_EQ(uri(last("10.77.0.51:5060")), "sip:8005@10.77.0.51:5060");
  answers("10.77.0.51:5060", 200);
  EXPECT_EQ(report().result, "delivered");
}

TEST_F(Pushing, addresses_that_are_not_allowed_count_as_none_PSH14) {
  register_all();
  clear();
  for (const char* contact : {"sip:x@203.0.113.5", "sip:x@elsewhere.test", "sip:x@10.77.0.21;maddr=203.0.113.5", "mailto:a@b.test",
                              "http://10.77.0.21/", "sip:x@203.0.113.5;transport=tcp"}) {
    push_text();
    answers(t0, 302, "Contact: <" + std::string{contact} + ">\r\n");
    EXPECT_EQ(count("203.0.113.5:5060"), 0U) << contact;
    answers(t1, 200);
    EXPECT_EQ(steps(), "10.77.0.41:302 10.77.0.42:200") << contact;
  }
  settings_.push.allowed = {*Network::parse("203.0.113.0/24")};
  configure(settings_);
  push_text();
  answers(t0, 302, "Contact: <sip:x@203.0.113.5>\r\n");
  EXPECT_EQ(count("203.0.113.5:5060"), 1U);
}

TEST_F(Pushing, a_notify_goes_only_to_who_is_configured_to_take_it_PSH15) {
  register_at(t1, "", "Yealink SIP-T46");
  pass_time(1s);
  register_at(t0, "", "Phone 1");
  clear();
  const Push check_sync{.to = "8002", .method = "NOTIFY", .event = "check-sync"};
  push(check_sync);
  EXPECT_EQ(count(t0, "NOTIFY") + count(t1, "NOTIFY"), 0U);
  EXPECT_EQ(report().reason, "unsolicited");
  settings_.push.unsolicited = {"Yealink*"};
  configure(settings_);
  push(check_sync);
  EXPECT_EQ(count(t0, "NOTIFY"), 0U);
  const std::string notify = last(t1);
  EXPECT_TRUE(notify.starts_with("NOTIFY " + contact(t1) + " SIP/2.0\r\n"));
  EXPECT_EQ(header(notify, sip::Header::event), "check-sync");
  EXPECT_NE(notify.find("\r\nSubscription-State: terminated"), std::string::npos);
  EXPECT_NE(notify.find("\r\nContact: <sip:10.77.0.2:5060>\r\n"), std::string::npos);
  EXPECT_FALSE(sip::validate_request(*sip::Message::parse(notify)));
  answers(t1, 200);
  EXPECT_EQ(report().result, "delivered");
  EXPECT_EQ(refusal({.to = "8002", .method = "NOTIFY"}).status, 400);
}

TEST_F(Pushing, a_notify_in_a_subscription_cannot_be_moved_PSH15_X21) {
  settings_.push.events = {"x-push"};
  configure(settings_);
  register_at(t1);
  pass_time(1s);
  register_at(t0);
  clear();
  const auto subscribe = [&] {
    receive(t0, request("SUBSCRIBE", "sip:8002@example.test", "8002", "sip:8002@example.test", t0, "s" + std::to_string(++registers_), 7,
                        "Event: x-push\r\nExpires: 600\r\nContact: <" + contact(t0) + ">\r\n"));
    EXPECT_EQ(count(t0, "SIP/2.0 200"), 1U) << last(t0);
    ASSERT_TRUE(last(t0).starts_with("NOTIFY ")) << "RFC 6665 4.2.1.2: at once";
    EXPECT_NE(last(t0).find("Subscription-State: active;expires=600\r\n"), std::string::npos);
    answers(t0, 200);
    clear();
  };
  subscribe();
  Push order{.to = "8002", .method = "NOTIFY", .event = "x-push", .content_type = "text/plain", .body = "news"};
  push(order);
  const std::string notify = last(t0);
  EXPECT_EQ(count(t0, "NOTIFY"), 1U);
  EXPECT_EQ(body(notify), "news");
  EXPECT_EQ(header(notify, sip::Header::call_id), "c-8002-SUB");
  EXPECT_NE(notify.find("Subscription-State: active"), std::string::npos);
  EXPECT_FALSE(sip::validate_request(*sip::Message::parse(notify)));
  answers(t0, 200);
  EXPECT_EQ(report().result, "delivered");
  push(order);
  answers(t0, 302, "Contact: <" + contact(t1) + ">\r\n");
  EXPECT_EQ(count(t1, "NOTIFY") + count(t1), 0U) << "it has no such dialog";
  EXPECT_EQ(report().result, "failed");
  order.method = "NOTIFY,MESSAGE";
  push(order);
  answers(t0, 302, "Contact: <" + contact(t1) + ">\r\n");
  EXPECT_EQ(count(t1, "NOTIFY"), 0U);
  ASSERT_EQ(count(t1), 1U) << "the content goes on as MESSAGE";
  EXPECT_EQ(body(last(t1)), "news");
  EXPECT_EQ(last(t1).find("Event:"), std::string::npos);
  answers(t1, 200);
  EXPECT_TRUE(redirects().empty());
  push(order);
  answers(t0, 481);
  EXPECT_EQ(count(t1), 2U) << "to the user's other terminal";
  answers(t1, 200);
  clear();
  order.method = "NOTIFY";
  push(order);
  EXPECT_EQ(count(t0, "NOTIFY"), 0U) << "the subscription has ended";
  EXPECT_EQ(report().result, "stored") << "until somebody subscribes again";
  clear();
  receive(t0, request("SUBSCRIBE", "sip:8002@example.test", "8002", "sip:8002@example.test", t0, "s99", 8,
                      "Event: x-push\r\nExpires: 600\r\nContact: <" + contact(t0) + ">\r\n"));
  EXPECT_EQ(count(t0, "NOTIFY"), 2U) << "the state, and what waited";
  answers(t0, 200);
  EXPECT_EQ(report().result, "delivered");
}

TEST_F(Pushing, a_late_answer_counts_PSH16) {
  register_all();
  clear();
  push_text();
  const std::string first = last(t0);
  pass_time(10s);
  EXPECT_EQ(count(t1), 1U);
  pass_time(2s);
  says(t0, first, 200);
  EXPECT_EQ(report().result, "pending") << "the second is waited for";
  pass_time(1s);
  answers(t1, 200);
  EXPECT_EQ(report().result, "delivered");
  EXPECT_EQ(steps(), "10.77.0.41:200 10.77.0.42:200");
  EXPECT_EQ(count(t2), 0U);
}

TEST_F(Pushing, a_late_answer_takes_it_out_of_the_store_PSH16) {
  register_at(t0);
  clear();
  push_text();
  const std::string first = last(t0);
  pass_time(10s);
  EXPECT_EQ(report().result, "stored");
  EXPECT_EQ(kept(Table::push_message), 1U);
  pass_time(2s);
  says(t0, first, 200);
  EXPECT_EQ(report().result, "delivered");
  EXPECT_EQ(kept(Table::push_message), 0U);
  clear();
  register_at(t1);
  EXPECT_EQ(count(t1), 0U);
}

TEST_F(Pushing, a_redirect_is_the_devices_whatever_its_address_PSH17) {
  const std::string instance = ";+sip.instance=\"<urn:uuid:0>\"";
  register_at(t1);
  pass_time(1s);
  register_at(t0, instance);
  push_text();
  answers(t0, 301, "Contact: <" + contact(t1) + ">\r\n");
  answers(t1, 200);
  pass_time(1s);
  register_at("10.77.0.49:5070", instance, "Phone 1", "8002", "reg-8002" + std::string{t0});
  clear();
  push_text();
  EXPECT_EQ(count("10.77.0.49:5070"), 0U);
  EXPECT_EQ(count(t1), 1U);
  answers(t1, 404);
  EXPECT_EQ(count("10.77.0.49:5070"), 1U) << "asked again in the same delivery";
  answers("10.77.0.49:5070", 415);
  EXPECT_TRUE(redirects().empty()) << "nobody is at the target";
}

TEST_F(Pushing, a_redirect_to_who_has_left_loses_nothing_X17) {
  for (const char* terminal : {t1, t0}) {
    register_at(terminal);
    pass_time(1s);
  }
  push_text();
  answers(t0, 301, "Contact: <" + contact(t1) + ">\r\n");
  answers(t1, 200);
  clear();
  pass_time(100s);
  register_at(t0);
  pass_time(30s);
  clear();
  push_text();
  ASSERT_EQ(count(t1), 1U) << "where the redirect leads, though nobody is registered there";
  pass_time(33s);
  ASSERT_EQ(count(t0), 1U) << "the original one, once";
  answers(t0, 480);
  EXPECT_EQ(report().result, "stored");
  clear();
  register_at(t1);
  ASSERT_EQ(count(t1), 1U);
  answers(t1, 200);
  EXPECT_EQ(report().result, "delivered");
}

TEST_F(Pushing, its_redirects_are_its_own_whatever_the_proxy_does_X20) {
  settings_.push.recursion = Recursion::follow;
  configure(settings_);
  register_at(t0);
  push_text();
  answers(t0, 302, "Contact: <" + contact(t1) + ">\r\n");
  ASSERT_EQ(count(t1), 1U);
  answers(t1, 200);
  EXPECT_EQ(steps(), "10.77.0.41:302 10.77.0.42:200") << "the report shows the 302";
}

TEST_F(Pushing, a_redirect_that_fails_three_times_is_forgotten_PSH17) {
  register_at(t0);
  push_text();
  answers(t0, 301, "Contact: <sip:x@10.77.0.21:5060>\r\n");
  answers("10.77.0.21:5060", 200);
  for (unsigned failures = 1; failures <= 3; ++failures) {
    EXPECT_EQ(redirects().size(), 1U);
    clear();
    push_text();
    EXPECT_EQ(count(t0), 0U);
    answers("10.77.0.21:5060", 480);
    answers(t0, 415);
    EXPECT_EQ(report().result, "stored");
  }
  EXPECT_TRUE(redirects().empty());
}

TEST_F(Pushing, after_a_restart_the_terminal_is_asked_once_more_X16) {
  const std::string instance = ";+sip.instance=\"<urn:uuid:0>\"";
  register_at(t1);
  pass_time(1s);
  const auto redirect = [&] {
    push_text();
    answers(t0, 301, "Contact: <" + contact(t1) + ">\r\n");
    answers(t1, 200);
    ASSERT_EQ(redirects().size(), 1U);
  };
  register_at(t0, instance);
  redirect();
  register_at(t0, instance);
  clear();
  push_text();
  EXPECT_EQ(count(t0), 0U) << "a refresh clears nothing";
  answers(t1, 200);
  register_at(t0, instance, "Phone 1", "8002", "another-call-id");
  EXPECT_TRUE(redirects()[0].asks_again);
  clear();
  push_text();
  ASSERT_EQ(count(t0), 1U);
  answers(t0, 301, "Contact: <" + contact(t1) + ">\r\n");
  answers(t1, 200);
  EXPECT_EQ(redirects().size(), 1U) << "301 renews";
  register_at(t0, instance, "Phone 1", "8002", "a-third-call-id");
  clear();
  push_text();
  pass_time(10s);
  EXPECT_EQ(count(t0), 1U);
  answers(t1, 200);
  EXPECT_EQ(redirects().size(), 1U) << "silence keeps";
  pass_time(30s);
  clear();
  push_text();
  EXPECT_EQ(count(t0), 0U);
  answers(t1, 200);
  register_at(t0, instance, "Phone 2", "8002", "a-third-call-id");
  clear();
  push_text();
  ASSERT_EQ(count(t0), 1U) << "another program in it";
  answers(t0, 200);
  EXPECT_TRUE(redirects().empty()) << "2xx clears";
}

TEST_F(Pushing, what_is_large_goes_by_a_stream_or_not_at_all_PSH19) {
  register_at(t0, "", "Phone 1");
  clear();
  push_text(std::string(700, 'x'));
  EXPECT_EQ(transports_[t0], Transport::udp);
  answers(t0, 200);
  push_text(std::string(1'301, 'x'));
  EXPECT_EQ(transports_[t0], Transport::tcp) << "its URI names no transport, so it takes TCP, too (RFC 3261 18.2.1)";
  FlowChange refused;
  refused.transport = Transport::tcp;
  refused.remote = at(t0);
  refused.state = FlowState::refused;
  step([&] { return device_.connection_changed(refused, now_, outbox_), 0; });
  EXPECT_EQ(report().result, "failed");
  EXPECT_EQ(report().reason, "too-large");
  EXPECT_EQ(report().steps.at(0).status, 413);
  push_text(std::string(65'536, 'x'));
  EXPECT_EQ(transports_[t0], Transport::tcp);
  EXPECT_TRUE(last(t0).ends_with("\r\n\r\n" + std::string(65'536, 'x')));
  says(t0, last(t0).substr(0, last(t0).find("xxx")), 200);
  EXPECT_EQ(report().result, "delivered");
  EXPECT_EQ(refusal({.to = "8002", .body = std::string(65'537, 'x')}).status, 413);
}

TEST_F(Pushing, a_user_at_the_central_site_gets_it_there_X18) {
  for (int i = 0; i < 99 && mode() == "survivable"; ++i) {
    clear();
    pass_time(1s);
    for (const std::string& probe : all("10.78.0.11:5060"))
      if (probe.starts_with("OPTIONS")) says("10.78.0.11:5060", probe, 200);
  }
  ASSERT_NE(mode(), "survivable");
  clear();
  push_text();
  const std::string relayed = last("10.78.0.11:5060");
  ASSERT_TRUE(relayed.starts_with("MESSAGE sip:8002@example.test SIP/2.0\r\n")) << relayed;
  says("10.78.0.11:5060", relayed, 200);
  EXPECT_EQ(report().result, "delivered");
  EXPECT_EQ(report().steps.at(0).via, "central");
  push_text();
  says("10.78.0.11:5060", last("10.78.0.11:5060"), 404);
  EXPECT_EQ(report().result, "stored") << "many registrars say that of who is not there just now";
  // What comes back from there is a loop.
  clear();
  receive("10.78.0.11:5060", "MESSAGE sip:8002@example.test SIP/2.0\r\nVia: SIP/2.0/UDP 10.78.0.11;branch=z9hG4bKc\r\n" +
                                 relayed.substr(relayed.find("Via: ")));
  EXPECT_TRUE(last("10.78.0.11:5060").starts_with("SIP/2.0 4")) << last("10.78.0.11:5060");
}

TEST_F(Pushing, wrong_orders_are_refused_in_words_P1) {
  const auto status = [&](const Push& given) { return refusal(given).status; };
  EXPECT_EQ(status({.to = "8002@elsewhere.test"}), 404);
  EXPECT_EQ(status({.to = ""}), 404);
  EXPECT_EQ(status({.to = "8002\r\nX: y"}), 404);
  EXPECT_EQ(status({.to = "8002", .from = "sip:a@b>\r\nX: y"}), 400);
  EXPECT_EQ(status({.to = "8002", .method = "INVITE"}), 400);
  EXPECT_EQ(status({.to = "8002", .event = "x"}), 400);
  EXPECT_EQ(status({.to = "8002", .content_type = "text"}), 400);
  EXPECT_EQ(status({.to = "8002", .content_type = "text/plain\r\nX: y"}), 400);
  EXPECT_EQ(status({.to = "8002", .strategy = "all"}), 400);
  EXPECT_EQ(status({.to = "8002", .key = std::string(200, 'k')}), 400);
  EXPECT_EQ(push({.to = "sip:8002@ringhold.example.test", .body = "x"}).to, "sip:8002@example.test");
}

}  // namespace ringhold::branch_device
