#include "shell/http/push_api.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "shell/http/base64.hpp"

namespace ringhold::http {

namespace {

namespace json = boost::json;
using branch_device::Answer;
using branch_device::Command;
using branch_device::PushReport;

/// A program that answers every command with what the test gave it.
struct FakeProgram {
  FakeProgram() {
    program.ask = [this](const Command& command, Answer& given, net::Counters&) {
      asked.push_back(command);
      given = answer;
      return alive;
    };
    program.keep = [] { return true; };
  }
  Reply push(const std::string& body, const std::string& key = {}) { return handle(program, {"POST", "/api/v1/push", {}, body, key}); }
  Response pushed(const std::string& body, const std::string& key = {}) { return std::get<Response>(push(body, key)); }
  Response send(std::string method, std::string path, std::string query = {}) {
    return std::get<Response>(handle(program, {std::move(method), std::move(path), std::move(query), {}}));
  }
  /// The push that was asked for last.
  const branch_device::Push& last() const { return std::get<branch_device::Push>(asked.back()); }

  Program program;
  std::vector<Command> asked;
  Answer answer = branch_device::Done{};
  bool alive = true;
};

PushReport report_of(std::string id, std::string result) {
  PushReport report;
  report.id = std::move(id);
  report.to = "sip:8002@example.test";
  report.from = "sip:push@example.test";
  report.method = "MESSAGE";
  report.content_type = "text/plain;charset=UTF-8";
  report.size = 5;
  report.accepted = from_unix_ms(1'795'213'741'042);
  report.result = std::move(result);
  return report;
}

std::string body_of(std::size_t bytes) {
  return json::serialize(json::object{{"to", "8002"}, {"body_base64", to_base64(std::string(bytes, '\xff'))}});
}

}  // namespace

TEST(PushApi, asks_for_all_that_is_said_P1) {
  FakeProgram fake;
  fake.answer = std::vector{report_of("1", "delivered")};
  const std::string all = R"({"to": "8002", "body": "Gr\u00fc\u00dfe", "content_type": "text/plain", "from": "sip:a@example.test",
      "method": "NOTIFY", "event": "check-sync", "strategy": "all-at-once", "keep_for": "0s", "wait": "5s", "key": "k1"})";
  EXPECT_EQ(fake.pushed(all).status, 200);
  const auto& push = fake.last();
  EXPECT_EQ(push.to, "8002");
  EXPECT_EQ(push.body,
            "Gr\xc3\xbc\xc3\x9f"
            "e");
  EXPECT_EQ(push.content_type + push.from + push.method + push.event + push.strategy + push.key,
            "text/plainsip:a@example.testNOTIFYcheck-syncall-at-oncek1");
  EXPECT_EQ(push.keep_for, Duration{});
  EXPECT_EQ(push.answer, branch_device::Push::Answer::result);
  EXPECT_EQ(fake.pushed(R"({"to": "8002", "body_base64": "AP8=", "wait": "0s"})", "\"k2\"").status, 200);
  EXPECT_EQ(fake.last().body, (std::string{"\0\xff", 2}));
  EXPECT_EQ(fake.last().key, "k2");
  EXPECT_FALSE(fake.last().keep_for);
  EXPECT_EQ(fake.last().answer, branch_device::Push::Answer::accepted);
  EXPECT_EQ(fake.pushed(R"({"to": "8002", "method": "NOTIFY", "event": "check-sync"})").status, 200) << "a NOTIFY may have no body";
}

TEST(PushApi, says_what_is_wrong) {
  FakeProgram fake;
  for (const auto& [body, expected] : std::vector<std::pair<std::string, std::string>>{
           {"", "send JSON"},
           {"[]", "send JSON"},
           {R"({"body": "x"})", "\"to\" is missing"},
           {R"({"to": "8002"})", "\"body\" is missing"},
           {R"({"to": 8002, "body": "x"})", "\"to\" is a text"},
           {R"({"to": "8002", "body": 1})", "\"body\" is a text"},
           {R"({"to": "8002", "body": "x", "body_base64": "eA=="})", "not both"},
           {R"({"to": "8002", "body_base64": "eA"})", "is no base64"},
           {R"({"to": "8002", "body_base64": "eB=="})", "is no base64"},
           {R"({"to": "8002", "body": "x", "colour": "red"})", "unknown key \"colour\""},
           {R"({"to": "8002", "body": "x", "content_type": "a/b\r\nRoute: <sip:c>"})", "control character"},
           {R"({"to": "8002", "body": "x", "method": "INVITE"})", "\"MESSAGE\", \"NOTIFY\" or \"NOTIFY,MESSAGE\""},
           {R"({"to": "8002", "body": "x", "method": "NOTIFY"})", "\"event\" is missing"},
           {R"({"to": "8002", "body": "x", "event": "check-sync"})", "\"NOTIFY\" only"},
           {R"({"to": "8002", "body": "x", "strategy": "random"})", "\"one-by-one\""},
           {R"({"to": "8002", "body": "x", "keep_for": "366d"})", "365d"},
           {R"({"to": "8002", "body": "x", "keep_for": "7"})", "365d"},
           {R"({"to": "8002", "body": "x", "wait": "61s"})", "60s"}}) {
    const Response refused = fake.pushed(body);
    EXPECT_EQ(refused.status, 400) << body;
    EXPECT_NE(std::string{json::parse(refused.body).at("detail").as_string()}.find(expected), std::string::npos) << refused.body;
  }
  EXPECT_EQ(fake.pushed(R"({"to": "8002", "body": "x", "key": "a"})", "b").status, 400);
  EXPECT_EQ(fake.send("GET", "/api/v1/push").allow, "POST");
  EXPECT_TRUE(fake.asked.empty());
}

TEST(PushApi, takes_64_KB_of_content_and_no_more_PSH_19) {
  FakeProgram fake;
  fake.answer = std::vector{report_of("1", "delivered")};
  EXPECT_EQ(fake.pushed(body_of(65'536)).status, 200);
  EXPECT_EQ(fake.last().body.size(), 65'536U);
  const Response refused = fake.pushed(body_of(65'537));
  EXPECT_EQ(refused.status, 413);
  EXPECT_NE(refused.body.find("65537 bytes; at most 65536"), std::string::npos);
}

TEST(PushApi, answers_with_the_report_P7) {
  FakeProgram fake;
  PushReport report = report_of("7", "delivered");
  report.ended = report.accepted + 12s;
  report.steps = {{"sip:8002@10.77.0.11", "registered", 0, 302, 0, 20, "answered"}, {"sip:8002@10.77.0.12", "redirect", 1, 0, 20, -1, ""}};
  fake.answer = std::vector{report};
  const Response response = fake.pushed(R"({"to": "8002", "body": "x"})");
  const json::value answer = json::parse(response.body);
  EXPECT_EQ(answer.at("id").as_string(), "7");
  EXPECT_EQ(answer.at("result").as_string(), "delivered");
  EXPECT_EQ(answer.at("accepted").as_string(), "2026-11-20T22:29:01.042Z");
  EXPECT_EQ(answer.at("ended").as_string(), "2026-11-20T22:29:13.042Z");
  EXPECT_TRUE(answer.at("expires").is_null());
  EXPECT_EQ(answer.at("size").as_int64(), 5);
  const json::value& step = answer.at("steps").as_array().at(1);
  EXPECT_EQ(step.at("via").as_string(), "redirect");
  EXPECT_EQ(step.at("hop").as_int64(), 1);
  EXPECT_TRUE(step.at("until_ms").is_null());
  EXPECT_EQ(answer.at("steps").as_array().at(0).at("until_ms").as_int64(), 20);
  for (const auto& [result, status] : {std::pair{"failed", 200}, std::pair{"stored", 202}, std::pair{"accepted", 202}}) {
    fake.answer = std::vector{report_of("7", result)};
    EXPECT_EQ(fake.pushed(R"({"to": "8002", "body": "x"})").status, status) << result;
  }
  fake.answer = branch_device::Refused{413, "too large"};
  EXPECT_EQ(fake.pushed(R"({"to": "8002", "body": "x"})").status, 413);
  fake.alive = false;
  EXPECT_EQ(fake.pushed(R"({"to": "8002", "body": "x"})").status, 503);
}

TEST(PushApi, waits_for_what_is_pending) {
  FakeProgram fake;
  fake.answer = std::vector{report_of("7", "pending")};
  const auto later = std::get<Later>(fake.push(R"({"to": "8002", "body": "x", "wait": "5s"})"));
  EXPECT_EQ(later.id, "7");
  EXPECT_EQ(later.patience, 5s);
  EXPECT_EQ(later.make().status, 202) << "still pending";
  EXPECT_EQ(std::get<branch_device::GetPushes>(fake.asked.back()).id, "7");
  fake.answer = std::vector{report_of("7", "failed")};
  EXPECT_EQ(json::parse(later.make().body).at("result").as_string(), "failed");
  fake.answer = std::vector<PushReport>{};
  EXPECT_EQ(later.make().status, 202) << "what was known at first";
  fake.answer = std::vector{report_of("7", "pending")};
  EXPECT_EQ(std::get<Later>(fake.push(R"({"to": "8002", "body": "x"})")).patience, 30s);
  EXPECT_GT(std::get<Later>(fake.push(R"({"to": "8002", "body": "x", "wait": "0s"})")).patience, 0s) << "for the disk";
}

TEST(PushApi, lists_shows_and_cancels_pushes_P7) {
  FakeProgram fake;
  fake.answer = std::vector{report_of("3", "delivered"), report_of("1", "failed"), report_of("4", "stored"), report_of("2", "failed")};
  const json::value list = json::parse(fake.send("GET", "/api/v1/pushes", "limit=3").body);
  ASSERT_EQ(list.as_array().size(), 3U) << "of several workers, cut";
  EXPECT_EQ(list.as_array().at(0).at("id").as_string(), "4");
  EXPECT_EQ(list.as_array().at(2).at("id").as_string(), "2");
  EXPECT_EQ(std::get<branch_device::GetPushes>(fake.asked.back()).limit, 3U);
  EXPECT_EQ(fake.send("GET", "/api/v1/pushes", "limit=0").status, 400);
  EXPECT_EQ(fake.send("PUT", "/api/v1/pushes").allow, "GET, HEAD");
  fake.answer = std::vector{report_of("3", "delivered")};
  EXPECT_EQ(json::parse(fake.send("GET", "/api/v1/pushes/3").body).at("id").as_string(), "3");
  EXPECT_EQ(std::get<branch_device::GetPushes>(fake.asked.back()).id, "3");
  fake.answer = std::vector<PushReport>{};
  EXPECT_EQ(fake.send("GET", "/api/v1/pushes/9").status, 404);
  fake.answer = branch_device::Done{};
  EXPECT_EQ(fake.send("DELETE", "/api/v1/pushes/3").status, 200);
  EXPECT_EQ(std::get<branch_device::RemovePush>(fake.asked.back()).id, "3");
  fake.answer = branch_device::Refused{404, "unknown"};
  EXPECT_EQ(fake.send("DELETE", "/api/v1/pushes/3").status, 404);
  EXPECT_EQ(fake.send("GET", "/api/v1/pushesx").status, 404);
}

TEST(PushApi, lists_and_removes_redirects_PSH_17) {
  FakeProgram fake;
  branch_device::RedirectReport report;
  report.aor = "sip:8002@example.test";
  report.device = "urn:uuid:1";
  report.contacts = {{"sip:u2@10.77.0.21", 300, std::nullopt}, {"sip:u3@10.77.0.21", 1000, from_unix_ms(1'795'213'741'042)}};
  report.since = from_unix_ms(1'795'213'741'042);
  fake.answer = std::vector{report};
  const json::value list = json::parse(fake.send("GET", "/api/v1/redirects").body);
  const json::value& one = list.as_array().at(0);
  EXPECT_EQ(one.at("status").as_int64(), 301);
  EXPECT_FALSE(one.at("asks_again").as_bool());
  EXPECT_DOUBLE_EQ(one.at("contacts").as_array().at(0).at("q").as_double(), 0.3);
  EXPECT_TRUE(one.at("contacts").as_array().at(0).at("until").is_null());
  EXPECT_EQ(one.at("contacts").as_array().at(1).at("until").as_string(), "2026-11-20T22:29:01.042Z");
  fake.send("GET", "/api/v1/redirects/sip:8002@example.test");
  EXPECT_EQ(std::get<branch_device::GetRedirects>(fake.asked.back()).aor, "sip:8002@example.test");
  fake.answer = branch_device::Done{};
  EXPECT_EQ(fake.send("DELETE", "/api/v1/redirects/sip:8002@example.test", "device=urn%3Auuid%3A1").status, 200);
  const auto& removed = std::get<branch_device::RemoveRedirects>(fake.asked.back());
  EXPECT_EQ(removed.aor + " " + removed.device, "sip:8002@example.test urn:uuid:1");
  EXPECT_EQ(fake.send("DELETE", "/api/v1/redirects").allow, "GET, HEAD") << "not all at once, by a slip";
}

TEST(Base64, is_that_of_RFC4648) {
  for (const auto& [bytes, text] :
       {std::pair{"", ""}, std::pair{"f", "Zg=="}, std::pair{"fo", "Zm8="}, std::pair{"foo", "Zm9v"}, std::pair{"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
  for (const char* wrong : {"Z", "Zg", "Zg=", "Zg===", "====", "Zg==Zg==", "Z===", "Zm 8", "Zm8\n", "Zh==", "Zm9=", "Zm-_"})
    EXPECT_FALSE(from_base64(wrong)) << wrong;
}

}  // namespace ringhold::http
