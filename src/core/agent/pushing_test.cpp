#include "agent/edge_bench.hpp"

namespace ringhold::agent {
namespace {

class TakingContent : public EdgeBench {
 protected:
  static Settings settings() {
    Settings settings = edge({c1});
    settings.push.has_handler = true;
    return settings;
  }
  static PushRule redirect(std::vector<Text> types, std::vector<Text> contacts, int status = 302) {
    PushRule rule;
    rule.content_types = std::move(types);
    rule.contacts = std::move(contacts);
    rule.status = status;
    return rule;
  }
  /// A MESSAGE (or what `ask` says) of the server for alice.
  void push(const std::string& type, const std::string& body, Ask ask = {.method = "MESSAGE"}) {
    ask.uri = "sip:alice@10.77.0.5:5066";
    ask.from = "sip:bob@example.test";
    ask.to = "<sip:alice@example.test>";
    ask.more += "Content-Type: " + type + "\r\n";
    std::string bytes = request(ask, c1);
    bytes.replace(bytes.find("Content-Length: 0"), 17, "Content-Length: " + std::to_string(body.size()));
    last_ = bytes + body;
    receive(c1, uplink, last_);
  }
  void begin(const Settings& settings) {
    start(settings);
    pass(1s);
    clear();
  }
  static std::string value(const Outbox::HandOut& content, std::string_view name) {
    for (const auto& [key, text] : content.values)
      if (key == name) return text;
    return "(none)";
  }
  std::string last_;
};

TEST_F(TakingContent, text_goes_to_the_handler_and_its_word_is_the_answer_T15) {
  begin(settings());
  push("text/plain;charset=utf-8", "hello");
  ASSERT_EQ(handed_.size(), 1U);
  EXPECT_EQ(statuses(c1), "") << "not before the handler has it";
  EXPECT_EQ(handed_[0].body, "hello");
  EXPECT_EQ(value(handed_[0], "SIP_FROM"), "sip:bob@example.test");
  EXPECT_EQ(value(handed_[0], "SIP_ACCOUNT"), "sip:alice@example.test");
  EXPECT_EQ(value(handed_[0], "SIP_CONTENT_TYPE"), "text/plain;charset=utf-8");
  EXPECT_EQ(value(handed_[0], "SIP_METHOD"), "MESSAGE");
  receive(c1, uplink, last_);
  EXPECT_EQ(handed_.size(), 1U) << "sent again, it is the same";
  handles(handed_[0], HandlerResult::taken);
  EXPECT_EQ(statuses(c1), "200");
  receive(c1, uplink, last_);
  EXPECT_EQ(handed_.size(), 1U);
}

TEST_F(TakingContent, what_the_handler_says_becomes_a_status_T15) {
  begin(settings());
  const std::vector<std::pair<HandlerResult, std::string>> cases{{HandlerResult::unsupported, "415"},
                                                                 {HandlerResult::refused, "403"},
                                                                 {HandlerResult::not_now, "480"},
                                                                 {HandlerResult::failed, "480"}};
  for (const auto& [result, status] : cases) {
    clear();
    push("text/plain", "hello");
    handles(handed_.back(), result);
    EXPECT_EQ(statuses(c1), status);
  }
  handles(handed_.back(), HandlerResult::taken);
  EXPECT_EQ(statuses(c1), "480") << "said twice counts once";
  clear();
  push("text/plain", "hello");
  said_.clear();
  handles(handed_.back(), HandlerResult::failed, "Permission denied");
  EXPECT_EQ(said_, "content_not_taken aor=sip:alice@example.test result=failed why=Permission denied status=480\n");
}

TEST_F(TakingContent, pictures_go_where_the_user_wants_them_PSH02) {
  Settings given = settings();
  given.push.rules = {redirect({"image/*"}, {"sip:alice-pc@example.test", "sip:alice-tv@example.test"})};
  begin(given);
  push("image/png", "....");
  EXPECT_TRUE(handed_.empty());
  EXPECT_EQ(statuses(c1), "302");
  EXPECT_TRUE(has(last_answer(c1), "Contact: <sip:alice-pc@example.test>;q=0.9\r\nContact: <sip:alice-tv@example.test>;q=0.8\r\n"));
  push("text/plain", "hello");
  EXPECT_EQ(handed_.size(), 1U);
}

TEST_F(TakingContent, rules_look_at_size_time_and_account_the_first_that_fits_counts_PSH02) {
  Settings given = settings();
  PushRule large = redirect({}, {}, 413);
  large.larger_than = 100;
  PushRule other = redirect({}, {"sip:x@example.test"}, 301);
  other.accounts = {"sip:bob@example.test"};
  PushRule night = redirect({}, {}, 300);
  night.when = ringing::Schedule{};
  night.when->days.set();
  night.when->from = 22h;
  night.when->to = 6h;
  given.push.rules = {large, other, night};
  now_ = Instant{1'790'000'000s};  // 14:13 UTC
  begin(given);
  push("text/plain", std::string(101, 'x'));
  EXPECT_EQ(statuses(c1), "413");
  clear();
  push("text/plain", std::string(100, 'x'));
  EXPECT_EQ(handed_.size(), 1U) << "not too large, another account, no night";
  pass(9h);
  clear();
  push("text/plain", "hello");
  EXPECT_EQ(statuses(c1), "300");
  EXPECT_FALSE(has(last_answer(c1), "Contact:")) << "the push service knows another terminal";
}

TEST_F(TakingContent, a_temporary_redirect_may_last_PSH02) {
  Settings given = settings();
  given.push.rules = {redirect({}, {"sip:alice-pc@example.test"})};
  given.push.rules[0].lasts = 1h;
  begin(given);
  push("text/plain", "hello");
  EXPECT_TRUE(has(last_answer(c1), "Contact: <sip:alice-pc@example.test>\r\nExpires: 3600\r\n")) << last_answer(c1);
}

TEST_F(TakingContent, a_notify_is_content_too_T15) {
  begin(settings());
  push("application/simple-message-summary", "Messages-Waiting: yes\r\n", {.method = "NOTIFY", .more = "Event: message-summary\r\n"});
  ASSERT_EQ(handed_.size(), 1U);
  EXPECT_EQ(value(handed_[0], "SIP_EVENT"), "message-summary");
}

TEST_F(TakingContent, without_a_handler_it_goes_to_the_phones_T14) {
  Settings given = edge({c1});
  begin(given);
  register_at_us(p1, "alice");
  clear();
  push("text/plain", "hello");
  EXPECT_EQ(sent("MESSAGE", p1).size(), 1U);
  begin(edge({c1}));
  push("text/plain", "hello", {.method = "MESSAGE"});
  EXPECT_TRUE(handed_.empty());
}

TEST_F(TakingContent, what_comes_in_headers_stays_a_line) {
  begin(settings());
  push("text/plain", "hello", {.method = "MESSAGE", .more = "Subject: one\r\n two\tthree\r\n"});
  ASSERT_EQ(handed_.size(), 1U);
  EXPECT_EQ(value(handed_[0], "SIP_SUBJECT").find_first_of("\r\n\t"), std::string::npos);
}

TEST_F(TakingContent, too_much_at_once_waits_with_its_sender) {
  begin(settings());
  for (int i = 0; i < 70; ++i) push("text/plain", "hello");
  EXPECT_EQ(handed_.size(), 64U);
  EXPECT_EQ(statuses(c1).substr(0, 3), "480");
}

}  // namespace
}  // namespace ringhold::agent
