#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "shell/http/api.hpp"
#include "shell/http/server.hpp"
#include "shell/http/text.hpp"

namespace ringhold::http {

namespace {

namespace json = boost::json;
using branch_device::Answer;
using branch_device::Command;

/// A program that answers every command with what the test gave it.
struct FakeProgram {
  FakeProgram() {
    program.version = "1.2.3";
    program.ask = [this](const Command& command, Answer& given, net::Counters&) {
      asked = command;
      given = answer;
      return alive;
    };
    program.keep = [] { return true; };
    program.store = [] { return store::StoreState{"failing", "disk full", 7, 1, 0}; };
    program.log_dropped = [] { return std::uint64_t{3}; };
  }
  Response handled(const Request& request) { return std::get<Response>(handle(program, request)); }
  Response get(std::string path, std::string query = {}) { return handled({"GET", std::move(path), std::move(query), {}}); }
  json::value get_json(const std::string& path) { return json::parse(get(path).body); }

  Program program;
  Command asked;
  Answer answer = branch_device::Done{};
  bool alive = true;
};

int status_of(const Endpoint& server, std::string_view method, const std::string& path, const std::string& token = {}) {
  return fetch(server, method, path, {}, token).status;
}

const Endpoint loopback = *Endpoint::parse("127.0.0.1:0", Port{0});

}  // namespace

TEST(Api, tells_the_status_with_the_names_of_the_interface_O3) {
  FakeProgram fake;
  branch_device::StatusReport report;
  report.mode = "survivable";
  report.since = from_unix_ms(1'795'213'741'042);
  report.cause = "link";
  report.central = {{"udp:10.78.0.1:5060", "sip.example.test", "down", std::nullopt}, {"tcp:10.78.0.1:5060", "", "up", 12}};
  report.registrations = 3;
  fake.answer = report;
  const json::value status = fake.get_json("/api/v1/status");
  EXPECT_EQ(status.at("mode").as_string(), "survivable");
  EXPECT_EQ(status.at("since").as_string(), "2026-11-20T22:29:01.042Z");
  EXPECT_FALSE(status.at("pinned").as_bool());
  EXPECT_EQ(status.at("central").as_array().at(1).at("rtt_ms").as_int64(), 12);
  EXPECT_TRUE(status.at("central").as_array().at(0).at("rtt_ms").is_null());
  EXPECT_EQ(status.at("store").at("state").as_string(), "failing");
  EXPECT_EQ(status.at("store").at("reason").as_string(), "disk full");
  EXPECT_EQ(status.at("registrations").as_int64(), 3);
  EXPECT_EQ(status.at("version").as_string(), "1.2.3");
}

TEST(Api, asks_for_the_registrations_of_one_address_O3) {
  FakeProgram fake;
  fake.answer = std::vector<branch_device::RegistrationReport>{};
  EXPECT_EQ(fake.get("/api/v1/registrations", "x=1&aor=sip%3Aalice%40example.test").body, "[]");
  EXPECT_EQ(std::get<branch_device::GetRegistrations>(fake.asked).aor, "sip:alice@example.test");
}

TEST(Api, writes_valid_JSON_whatever_a_phone_calls_itself_X1) {
  FakeProgram fake;
  branch_device::RegistrationReport row;
  row.user_agent = "bad \xff\xc3 \"quoted\"\n";
  fake.answer = std::vector{row};
  const json::value rows = fake.get_json("/api/v1/registrations");
  EXPECT_EQ(rows.as_array().at(0).at("user_agent").as_string(), "bad \xef\xbf\xbd\xef\xbf\xbd \"quoted\"\n");
}

TEST(Api, removes_registrations_and_sets_the_mode_S6) {
  FakeProgram fake;
  EXPECT_EQ(fake.handled({"DELETE", "/api/v1/registrations/sip:alice@example.test", {}, {}}).status, 200);
  EXPECT_EQ(std::get<branch_device::RemoveRegistrations>(fake.asked).aor, "sip:alice@example.test");
  EXPECT_EQ(fake.handled({"PUT", "/api/v1/mode", {}, R"({"mode": "survivable"})"}).status, 200);
  EXPECT_EQ(std::get<branch_device::SetMode>(fake.asked).mode, "survivable");
}

TEST(Api, lists_and_changes_users_R3) {
  FakeProgram fake;
  fake.answer = std::vector<branch_device::UserReport>{{"alice", "example.test", {"MD5"}, true}};
  EXPECT_EQ(fake.get_json("/api/v1/users").as_array().at(0).at("user").as_string(), "alice");
  EXPECT_EQ(fake.get_json("/api/v1/users/alice").at("algorithms").as_array().at(0).as_string(), "MD5");
  EXPECT_EQ(std::get<branch_device::GetUsers>(fake.asked).name, "alice");
  fake.answer = branch_device::Done{};
  EXPECT_EQ(fake.handled({"PUT", "/api/v1/users/alice", {}, R"({"password": "secret"})"}).status, 200);
  EXPECT_EQ(std::get<branch_device::PutUsers>(fake.asked).users.at(0).password, "secret");
  EXPECT_EQ(fake.handled({"DELETE", "/api/v1/users/alice", {}, {}}).status, 200);
  EXPECT_EQ(std::get<branch_device::RemoveUser>(fake.asked).name, "alice");
  const std::string many = R"({"part": 1, "more": true, "users": [{"user": "a", "ha1_md5": "1"}, {"user": "b", "ha1_sha256": "2"}]})";
  EXPECT_EQ(fake.handled({"PUT", "/api/v1/users", {}, many}).status, 200);
  const auto& put = std::get<branch_device::PutUsers>(fake.asked);
  EXPECT_EQ(put.part, 1U);
  EXPECT_TRUE(put.more_follow);
  EXPECT_EQ(put.users.at(1).ha1[1], "2");
}

TEST(Api, says_what_is_wrong_with_users) {
  FakeProgram fake;
  for (const char* body : {"", "[]", R"({"passwort": "x"})", R"({"password": 5})"})
    EXPECT_EQ(fake.handled({"PUT", "/api/v1/users/alice", {}, body}).status, 400) << body;
  for (const char* body : {"{}", R"({"users": [{"password": "x"}]})", R"({"users": [], "part": -1})", R"({"users": [], "more": 1})"})
    EXPECT_EQ(fake.handled({"PUT", "/api/v1/users", {}, body}).status, 400) << body;
  EXPECT_EQ(fake.handled({"POST", "/api/v1/users/alice", {}, {}}).allow, "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(fake.get("/api/v1/users/alice/shoes").status, 404);
  EXPECT_EQ(fake.get("/api/v1/usersx").status, 404);
}

TEST(Api, takes_and_tells_schedules_of_ringing_G2) {
  FakeProgram fake;
  const std::string body = R"({"mode": "simultaneous", "schedules": [{"days": ["mon", "holiday"], "from": "08:00", "to": "17:00",
      "mode": "sequential", "steps": [{"types": ["ip-phone"], "seconds": 15}], "fallback": "voicemail"}]})";
  EXPECT_EQ(fake.handled({"PUT", "/api/v1/users/alice/ring", {}, body}).status, 200);
  const auto& put = std::get<branch_device::PutRing>(fake.asked);
  ASSERT_EQ(put.schedules.size(), 1U);
  EXPECT_EQ(put.schedules[0].days, (std::vector<std::string>{"mon", "holiday"}));
  EXPECT_EQ(put.schedules[0].from + put.schedules[0].to + put.schedules[0].fallback, "08:0017:00voicemail");
  EXPECT_EQ(put.schedules[0].steps.at(0).seconds, 15U);
  for (const char* wrong : {R"({})", R"([])", R"({"days": ["mon"], "from": "08:00", "to": "17:00"})",
                            R"({"days": "mon", "from": "08:00", "to": "17:00", "mode": "simultaneous"})",
                            R"({"days": [1], "from": "08:00", "to": "17:00", "mode": "simultaneous"})",
                            R"({"days": ["mon"], "from": 8, "to": "17:00", "mode": "simultaneous"})",
                            R"({"days": ["mon"], "from": "08:00", "to": "17:00", "mode": "simultaneous", "colour": 1})",
                            R"({"days": ["mon"], "from": "08:00", "to": "17:00", "mode": "sequential"})"}) {
    const std::string text = R"({"mode": "simultaneous", "schedules": [)" + std::string{wrong} + "]}";
    const Response refused = fake.handled({"PUT", "/api/v1/users/alice/ring", {}, text});
    EXPECT_EQ(refused.status, 400) << wrong;
    EXPECT_NE(refused.body.find("schedule 1: "), std::string::npos) << refused.body;
  }
  branch_device::RingReport report{"alice", false, {{{}, 60, {}}}, {}, {}, "2026-12-25 10:00", "Europe/Berlin", true};
  report.schedules = {{{"holiday"}, "00:00", "24:00", true, true, {{{"ip-phone"}, 15, {"sip:a@b"}}}, "voicemail"}};
  fake.answer = std::vector{report};
  const json::value ring = fake.get_json("/api/v1/users/alice/ring");
  EXPECT_TRUE(ring.at("holiday").as_bool());
  EXPECT_EQ(ring.at("local_time").as_string(), "2026-12-25 10:00");
  const json::value& schedule = ring.at("schedules").as_array().at(0);
  EXPECT_TRUE(schedule.at("holds").as_bool());
  EXPECT_EQ(schedule.at("mode").as_string(), "sequential");
  EXPECT_EQ(schedule.at("steps").as_array().at(0).at("contacts").as_array().size(), 1U);
}

TEST(Api, answers_errors_as_problem_documents_RFC9457) {
  FakeProgram fake;
  const Response missing = fake.get("/api/v1/nothing");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.content_type, "application/problem+json");
  EXPECT_EQ(json::parse(missing.body).at("status").as_int64(), 404);
  const Response wrong_method = fake.handled({"POST", "/api/v1/status", {}, {}});
  EXPECT_EQ(wrong_method.status, 405);
  EXPECT_EQ(wrong_method.allow, "GET, HEAD");
  EXPECT_EQ(fake.get("/api/v1/mode").allow, "PUT");
  EXPECT_EQ(fake.handled({"PUT", "/api/v1/mode", {}, "{"}).status, 400);
  fake.answer = branch_device::Refused{404, "nobody is registered as sip:x@example.test"};
  EXPECT_EQ(fake.handled({"DELETE", "/api/v1/registrations/sip:x@example.test", {}, {}}).status, 404);
}

TEST(Api, is_not_healthy_when_the_worker_does_not_answer_O3) {
  FakeProgram fake;
  EXPECT_EQ(fake.get("/healthz").status, 200);
  EXPECT_EQ(fake.get("/readyz").status, 200);
  fake.alive = false;
  EXPECT_EQ(fake.get("/healthz").status, 503);
  EXPECT_EQ(fake.get("/readyz").status, 503);
}

TEST(Api, joins_the_figures_of_mind_and_shell_O3) {
  FakeProgram fake;
  fake.answer = std::vector<branch_device::Sample>{{"ringhold_registrations", "Bindings.", "gauge", {{"", 5}}}};
  const std::string text = fake.get("/metrics").body;
  EXPECT_NE(text.find("\nringhold_registrations 5\n"), std::string::npos);
  EXPECT_NE(text.find("\nringhold_store_ok 0\n"), std::string::npos);
  EXPECT_NE(text.find("\nringhold_log_dropped_total 3\n"), std::string::npos);
}

TEST(Server, answers_over_a_socket_and_takes_its_token_X3) {
  Server server{loopback, "0123456789abcdef", [](const Request& request) { return Response{200, "text/plain", request.path, {}}; }};
  server.start();
  EXPECT_EQ(status_of(server.endpoint(), "GET", "/x"), 401);
  EXPECT_EQ(status_of(server.endpoint(), "GET", "/x", "0123456789abcdeX"), 401);
  EXPECT_EQ(status_of(server.endpoint(), "GET", "/healthz"), 200);
  EXPECT_EQ(fetch(server.endpoint(), "GET", "/a%20b?c=d", {}, "0123456789abcdef").body, "/a b");
}

TEST(Server, refuses_what_is_too_large_and_survives_a_handler_that_throws) {
  Server server{loopback, {}, [](const Request&) -> Reply { throw std::runtime_error{"boom"}; }};
  server.start();
  EXPECT_EQ(fetch(server.endpoint(), "PUT", "/x", std::string(Server::max_body + 1, 'x'), {}).status, 413);
  EXPECT_EQ(status_of(server.endpoint(), "GET", "/" + std::string(20'000, 'x')), 431);
  EXPECT_EQ(status_of(server.endpoint(), "GET", "/x"), 500);
}

TEST(Server, says_that_nobody_listens) {
  Endpoint gone;
  {
    Server server{loopback, {}, [](const Request&) { return Response{}; }};
    gone = server.endpoint();
  }
  EXPECT_FALSE(fetch(gone, "GET", "/", {}, {}).error.empty());
}

TEST(HttpText, decodes_escapes_and_leaves_the_rest) {
  EXPECT_EQ(decoded("a%3ab%"), "a:b%");
  EXPECT_EQ(decoded("%zz%4"), "%zz%4");
}

TEST(HttpText, keeps_only_UTF8) {
  EXPECT_EQ(valid_utf8("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(valid_utf8("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(valid_utf8("\xf4\x90"), "\xef\xbf\xbd\xef\xbf\xbd");
}

}  // namespace ringhold::http
