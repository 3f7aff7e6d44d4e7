#include "branch_device/pushing_bench.hpp"
#include "sip/validation.hpp"

namespace ringhold::branch_device {

/// 8001 may push by MESSAGE.
class PushingByMessage : public Pushing {
 protected:
  PushingByMessage() {
    settings_.push.senders = {"8001"};
    configure(settings_);
  }
  void message(const std::string& more = "", const std::string& from = "8001") {
    ++messages_;
    std::string bytes = request("MESSAGE", "sip:8002@example.test", from, "sip:8002@example.test", sender, "m" + std::to_string(messages_),
                                messages_, "Content-Type: text/html\r\nSubject: News\r\nX-Secret: 1\r\n" + more);
    bytes.replace(bytes.find("Content-Length: 0"), 17, "Content-Length: 4");
    receive(sender, bytes + "<hi>");
  }
  std::string said() const { return last(sender).substr(0, 11); }
  int messages_ = 0;
};

TEST_F(PushingByMessage, a_message_of_who_may_push_finds_the_right_terminal_P1) {
  register_all();
  clear();
  message();
  ASSERT_EQ(count(t0), 1U);
  EXPECT_EQ(count(t1) + count(t2), 0U) << "one after another";
  const std::string sent = last(t0);
  EXPECT_EQ(body(sent), "<hi>");
  EXPECT_EQ(header(sent, sip::Header::content_type), "text/html");
  EXPECT_NE(sent.find("\r\nSubject: News\r\n"), std::string::npos);
  EXPECT_EQ(sent.find("X-Secret"), std::string::npos);
  EXPECT_TRUE(header(sent, sip::Header::from).starts_with("<sip:8001@example.test>;tag="));
  EXPECT_EQ(last(sender), "");
  answers(t0, 302);
  answers(t1, 200);
  EXPECT_EQ(said(), "SIP/2.0 200");
}

TEST_F(PushingByMessage, others_are_relayed_as_ever_C7) {
  register_all();
  clear();
  message("", "8009");
  EXPECT_EQ(count(t0) + count(t1) + count(t2), 3U);
  EXPECT_NE(last(t0).find("X-Secret"), std::string::npos);
}

TEST_F(PushingByMessage, a_sender_hears_the_best_that_was_said_PSH11) {
  register_all();
  message();
  answers(t0, 415);
  answers(t1, 301);
  answers(t2, 404);
  EXPECT_EQ(said(), "SIP/2.0 404");
  register_all();
  message();
  answers(t0, 603);
  EXPECT_EQ(said(), "SIP/2.0 603");
}

TEST_F(PushingByMessage, a_sender_hears_202_when_it_is_on_disk_PSH18) {
  disk_works_ = false;
  message();
  EXPECT_EQ(last(sender), "");
  disk_works_ = true;
  step([&] { return device_.committed(ChangeId{1'000}, now_, outbox_), 0; });
  EXPECT_EQ(said(), "SIP/2.0 202");
  EXPECT_EQ(kept(Table::push_message), 1U);
  message("Expires: 0\r\n");
  EXPECT_EQ(said(), "SIP/2.0 480") << "nobody wants it later";
  clear();
  disk_works_ = false;
  message("", "8001");
  pass_time(6s);
  EXPECT_EQ(said(), "SIP/2.0 503");
}

TEST_F(PushingByMessage, a_sender_hears_something_before_he_gives_up_RFC4320) {
  register_all();
  clear();
  message();
  const std::string first = last(t0);
  pass_time(15s);
  EXPECT_EQ(last(sender), "");
  pass_time(2s);
  EXPECT_EQ(said(), "SIP/2.0 202");
  EXPECT_EQ(kept(Table::push_message), 1U);
  says(t1, last(t1), 200);
  EXPECT_EQ(kept(Table::push_message), 0U);
}

TEST_F(PushingByMessage, what_was_pushed_once_or_comes_from_the_central_site_is_relayed_X10) {
  settings_.push.senders = {"*"};
  configure(settings_);
  register_at(t0);
  clear();
  std::string bytes = request("MESSAGE", "sip:8002@example.test", "8001", "sip:8002@example.test", "10.78.0.11:5060", "c1");
  receive("10.78.0.11:5060", bytes);
  EXPECT_NE(last(t0).find("Call-ID: c-8001-MES\r\n"), std::string::npos) << last(t0);
  clear();
  bytes = request("MESSAGE", "sip:8002@example.test", "8001", "sip:8002@example.test", sender, "c2");
  bytes.replace(bytes.find("c-8001-MES"), 10, "1a0c450cda80000.0123456789abcdef");
  receive(sender, bytes);
  EXPECT_NE(last(t0).find("Call-ID: 1a0c450cda80000.0123456789abcdef\r\n"), std::string::npos) << last(t0);
  clear();
  message("X: y\r\n");
  EXPECT_EQ(header(last(t0), sip::Header::max_forwards), "69") << "so that no loop is endless";
}

TEST_F(PushingByMessage, what_users_are_called_stays_a_uri_RFC3261_19) {
  const auto send = [&](const std::string& user) {
    clear();
    ++messages_;
    receive(sender, request("MESSAGE", "sip:" + user + "@example.test", "8001", "sip:8002@example.test", sender,
                            "e" + std::to_string(messages_), messages_));
  };
  register_at(t0, "", "Phone 1", "a%23b");
  send("a%23b");
  EXPECT_EQ(header(last(t0), sip::Header::to), "<sip:a%23b@example.test>");
  EXPECT_FALSE(sip::validate_request(*sip::Message::parse(last(t0))));
}

TEST_F(PushingByMessage, its_time_is_the_senders_RFC3428) {
  message("Expires: 60\r\n");
  EXPECT_EQ(said(), "SIP/2.0 202");
  pass_time(61s);
  clear();
  register_at(t0);
  EXPECT_EQ(count(t0), 0U);
}

}  // namespace ringhold::branch_device
