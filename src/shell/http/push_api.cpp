#include "shell/http/push_api.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <string>
#include <utility>

#include "base/duration.hpp"
#include "base/limits.hpp"
#include "delivery/policy.hpp"
#include "shell/http/base64.hpp"
#include "shell/http/calls_json.hpp"
#include "shell/http/text.hpp"

namespace ringhold::http {

namespace {

namespace json = boost::json;
using branch_device::Answer;
using branch_device::Command;
using branch_device::Push;
using branch_device::PushReport;
using Meant = std::variant<Command, Response>;

constexpr std::string_view all_pushes = "/api/v1/pushes";
constexpr std::string_view all_redirects = "/api/v1/redirects";
constexpr Duration longest_wait = 60s;
constexpr Duration longest_keeping = std::chrono::hours{24} * 365;
/// How long who does not want to wait for the result waits for the disk.
constexpr Duration patience_for_disk = 5s;

/// What a POST asks for.
struct Order {
  Push push;
  Duration wait = 30s;
};
using Ordered = std::variant<Order, Response>;

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// The texts of an object that go into header fields, or say how; a text that says what is wrong.
std::string read_texts(const json::object& object, Push& push, std::string& keep_for, std::string& wait) {
  const std::array<std::pair<std::string_view, std::string*>, 9> places{{{"to", &push.to},
                                                                         {"from", &push.from},
                                                                         {"method", &push.method},
                                                                         {"event", &push.event},
                                                                         {"content_type", &push.content_type},
                                                                         {"strategy", &push.strategy},
                                                                         {"key", &push.key},
                                                                         {"keep_for", &keep_for},
                                                                         {"wait", &wait}}};
  for (const auto& [name, value] : object) {
    const std::string key{name};
    if (key == "body" || key == "body_base64") continue;
    const auto place = std::ranges::find(places, std::string_view{key}, &std::pair<std::string_view, std::string*>::first);
    if (place == places.end())
      return "unknown key \"" + key +
             "\"; there are to, body or body_base64, content_type, from, method, event, strategy, keep_for, wait and key";
    if (!value.is_string()) return "\"" + key + "\" is a text in quotes";
    *place->second = value.as_string();
    if (has_control(*place->second)) return "\"" + key + "\" has a control character, such as a line break";
  }
  return {};
}

/// A text that says what is wrong, empty when the body was read.
std::string read_body(const json::object& object, Push& push) {
  const json::value* text = object.if_contains("body");
  const json::value* encoded = object.if_contains("body_base64");
  if (text != nullptr && encoded != nullptr) return "send \"body\" or \"body_base64\", not both";
  if (text == nullptr && encoded == nullptr)
    return push.method == "NOTIFY" ? "" : "\"body\" is missing: the content as text, or as \"body_base64\"";
  const json::value& given = text != nullptr ? *text : *encoded;
  if (!given.is_string()) return text != nullptr ? "\"body\" is a text in quotes" : "\"body_base64\" is a text in quotes";
  push.body = given.as_string();
  if (text != nullptr) return {};
  auto bytes = from_base64(push.body);
  if (!bytes) return "\"body_base64\" is no base64 (RFC 4648 section 4, with padding and without line breaks)";
  push.body = *std::move(bytes);
  return {};
}

/// What the words mean; a text that says what is wrong.
std::string check_words(const Push& push) {
  if (push.to.empty()) return R"("to" is missing: a user such as "8002", or his address such as "sip:8002@example.com")";
  if (!push.method.empty() && !delivery::parse_method(push.method)) return R"("method" is "MESSAGE", "NOTIFY" or "NOTIFY,MESSAGE")";
  if (!push.strategy.empty() && !delivery::parse_strategy(push.strategy)) return R"("strategy" is "one-by-one" or "all-at-once")";
  const bool notifies = push.method.starts_with("NOTIFY");
  if (notifies && push.event.empty()) return R"("event" is missing beside "method": "NOTIFY", such as "check-sync")";
  if (!notifies && !push.event.empty()) return R"("event" goes with "method": "NOTIFY" only)";
  return {};
}

std::string read_durations(const std::string& keep_for, const std::string& wait, Order& order) {
  if (!keep_for.empty()) {
    const auto kept = parse_duration(keep_for);
    if (!kept || *kept > longest_keeping) return R"("keep_for" is a duration up to "365d", such as "7d"; "0s": not at all)";
    order.push.keep_for = kept;
  }
  if (!wait.empty()) {
    const auto waited = parse_duration(wait);
    if (!waited || *waited > longest_wait) return R"("wait" is a duration up to "60s"; "0s": until it is accepted)";
    order.wait = *waited;
  }
  order.push.answer = order.wait == Duration::zero() ? Push::Answer::accepted : Push::Answer::result;
  return {};
}

/// The key of the header, which is a text in quotes (draft-ietf-httpapi-idempotency-key-header), or a bare one.
std::string_view unquoted(std::string_view key) {
  return key.size() >= 2 && key.starts_with('"') && key.ends_with('"') ? key.substr(1, key.size() - 2) : key;
}

Ordered order_of(const Request& request) {
  boost::system::error_code error;
  const json::value body = json::parse(request.body, error);
  const json::object* object = error ? nullptr : body.if_object();
  if (object == nullptr) return bad_request(R"(send JSON: {"to": "8002", "body": "Hello", "content_type": "text/plain;charset=UTF-8"})");
  Order order;
  std::string keep_for, wait;
  for (const std::string& wrong : {read_texts(*object, order.push, keep_for, wait), read_body(*object, order.push), check_words(order.push),
                                   read_durations(keep_for, wait, order)})
    if (!wrong.empty()) return bad_request(wrong);
  const std::string_view key = unquoted(request.idempotency_key);
  if (!key.empty() && !order.push.key.empty() && key != order.push.key)
    return bad_request("\"key\" and the header Idempotency-Key differ; send one of them");
  if (!key.empty()) order.push.key = key;
  if (order.push.body.size() > delivery::largest_body)
    return problem(413, "Content Too Large",
                   "the content has " + std::to_string(order.push.body.size()) + " bytes; at most " +
                       std::to_string(delivery::largest_body) + " can be pushed: send a link to it");
  return order;
}

json::value time_or_null(const std::optional<Instant>& instant) {
  return instant ? json::value(time_text(*instant)) : json::value(nullptr);
}

json::object to_json(const PushReport& report) {
  json::array steps;
  for (const auto& step : report.steps)
    steps.push_back(json::object{{"target", step.target},
                                 {"via", step.via},
                                 {"hop", step.hop},
                                 {"status", step.status},
                                 {"after_ms", step.after_ms},
                                 {"until_ms", step.until_ms < 0 ? json::value(nullptr) : json::value(step.until_ms)},
                                 {"why", step.why}});
  return {{"id", report.id},
          {"to", report.to},
          {"from", report.from},
          {"method", report.method},
          {"content_type", report.content_type},
          {"size", report.size},
          {"accepted", time_text(report.accepted)},
          {"ended", time_or_null(report.ended)},
          {"expires", time_or_null(report.expires)},
          {"result", report.result},
          {"reason", report.reason},
          {"steps", std::move(steps)}};
}

Response answered(const json::value& value, int status = 200) {
  return {status, "application/json", valid_utf8(json::serialize(value)), {}};
}

/// A failure is an answer, too: the report says why.
Response answered(const PushReport& report) {
  return answered(to_json(report), report.result == "delivered" || report.result == "failed" ? 200 : 202);
}

/// What is known of it now; what was known before, when nothing is.
Response asked_again(const Program& program, const PushReport& before) {
  Answer answer;
  net::Counters counters;
  if (program.ask(branch_device::GetPushes{before.id, 1}, answer, counters))
    if (const auto* reports = std::get_if<std::vector<PushReport>>(&answer); reports != nullptr && !reports->empty())
      return answered(reports->front());
  return answered(before);
}

/// GET, DELETE or a refusal that says which of them there are.
Meant read_or_remove(const Request& request, Command read, std::optional<Command> remove) {
  if (request.method == "GET" || request.method == "HEAD") return read;
  if (request.method == "DELETE" && remove) return *std::move(remove);
  Response refusal = problem(405, "Method Not Allowed", std::string{remove ? "use GET or DELETE for " : "use GET for "} + request.path);
  refusal.allow = remove ? "GET, HEAD, DELETE" : "GET, HEAD";
  return refusal;
}

}  // namespace

Reply push(const Program& program, const Request& request) {
  if (request.method != "POST") {
    Response refusal = problem(405, "Method Not Allowed", "use POST for " + request.path + "; GET /api/v1/pushes lists what was sent");
    refusal.allow = "POST";
    return refusal;
  }
  auto ordered = order_of(request);
  if (auto* refusal = std::get_if<Response>(&ordered)) return std::move(*refusal);
  Order& order = std::get<Order>(ordered);
  Answer answer;
  net::Counters counters;
  if (!program.ask(Command{std::move(order.push)}, answer, counters))
    return problem(503, "Service Unavailable", "the worker did not answer in time: send it again, with a key so that it cannot come twice");
  if (const auto* refused = std::get_if<branch_device::Refused>(&answer)) return refusal_of(*refused);
  const auto* reports = std::get_if<std::vector<PushReport>>(&answer);
  if (reports == nullptr || reports->empty()) return problem(500, "Internal Server Error", "the worker said nothing of it");
  const PushReport& report = reports->front();
  if (report.result != "pending") return answered(report);
  const Duration patience = order.wait == Duration::zero() ? patience_for_disk : order.wait;
  return Later{report.id, std::chrono::duration_cast<std::chrono::milliseconds>(patience),
               [&program, report] { return asked_again(program, report); }};
}

std::optional<Meant> push_command(const Request& request) {
  if (request.path == all_pushes) {
    const auto limit = limit_of(request.query, limits::push_records);
    if (!limit) return bad_request("\"limit\" is a number from 1 to 10000");
    return read_or_remove(request, branch_device::GetPushes{{}, *limit}, std::nullopt);
  }
  if (request.path == all_redirects) return read_or_remove(request, branch_device::GetRedirects{}, std::nullopt);
  const auto name = [&](std::string_view all) -> std::string {
    const bool below = request.path.starts_with(all) && request.path.size() > all.size() + 1 && request.path[all.size()] == '/';
    return below ? request.path.substr(all.size() + 1) : std::string{};
  };
  if (std::string id = name(all_pushes); !id.empty())
    return read_or_remove(request, branch_device::GetPushes{id, 1}, branch_device::RemovePush{id});
  if (std::string aor = name(all_redirects); !aor.empty())
    return read_or_remove(request, branch_device::GetRedirects{aor},
                          branch_device::RemoveRedirects{aor, parameter(request.query, "device")});
  return std::nullopt;
}

Response pushes_response(const Request& request, std::vector<PushReport> reports) {
  if (request.path != all_pushes) {
    if (!reports.empty()) return answered(to_json(reports.front()));
    return problem(404, "Not Found",
                   "no push is known as " + request.path.substr(all_pushes.size() + 1) + ": GET /api/v1/pushes lists them");
  }
  // Of several workers; each gave its last ones first.
  std::ranges::sort(reports, std::ranges::greater{}, &PushReport::id);
  if (const std::size_t limit = limit_of(request.query, limits::push_records).value_or(100); reports.size() > limit) reports.resize(limit);
  json::array rows;
  for (const PushReport& report : reports) rows.push_back(to_json(report));
  return answered(rows);
}

Response redirects_response(const std::vector<branch_device::RedirectReport>& reports) {
  json::array rows;
  for (const auto& report : reports) {
    json::array contacts;
    for (const auto& contact : report.contacts)
      contacts.push_back(json::object{{"uri", contact.uri}, {"q", contact.q / 1000.0}, {"until", time_or_null(contact.until)}});
    rows.push_back(json::object{{"aor", report.aor},
                                {"device", report.device},
                                {"user_agent", report.user_agent},
                                {"status", report.status},
                                {"contacts", std::move(contacts)},
                                {"since", time_text(report.since)},
                                {"failures", report.failures},
                                {"asks_again", report.asks_again}});
  }
  return answered(rows);
}

}  // namespace ringhold::http
