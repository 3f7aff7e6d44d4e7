#include "shell/http/ring_api.hpp"

#include <boost/json.hpp>

#include "shell/http/text.hpp"

namespace ringhold::http {

namespace {

namespace json = boost::json;
using branch_device::Command;
using branch_device::PutRing;
using Meant = std::variant<Command, Response>;

constexpr std::string_view users = "/api/v1/users/";
constexpr std::string_view ring = "/ring";

/// A step out of an object; a text that says what is wrong.
std::variant<PutRing::Step, std::string> step_of(const json::value& value) {
  const json::object* object = value.if_object();
  const json::value* types = object == nullptr ? nullptr : object->if_contains("types");
  if (types == nullptr || !types->is_array()) return R"(a step is {"types": ["ip-phone"], "seconds": 15})";
  PutRing::Step step;
  for (const json::value& type : types->as_array()) {
    if (!type.is_string()) return "a type is a name, such as \"ip-phone\"";
    step.types.emplace_back(type.as_string());
  }
  for (const auto& [key, given] : *object) {
    if (key == "types") continue;
    if (key != "seconds") return "unknown key \"" + std::string{key} + "\" in a step";
    if (!given.is_int64() || given.as_int64() < 1 || given.as_int64() > 3600) return "\"seconds\" is a number from 1 on";
    step.seconds = static_cast<unsigned>(given.as_int64());
  }
  return step;
}

Meant put_ring(std::string user, const json::value& body) {
  constexpr std::string_view usage =
      R"(send {"mode": "simultaneous"} or {"mode": "sequential", "steps": [{"types": ["ip-phone"], "seconds": 15}]})";
  const json::object* object = body.if_object();
  const json::value* mode = object == nullptr ? nullptr : object->if_contains("mode");
  if (mode == nullptr || !mode->is_string()) return bad_request(usage);
  const json::value* steps = object->if_contains("steps");
  const bool any = steps != nullptr && steps->is_array() && !steps->as_array().empty();
  const bool sequential = mode->as_string() == "sequential";
  if (sequential != any || (!sequential && mode->as_string() != "simultaneous")) return bad_request(usage);
  for (const auto& [key, value] : *object)
    if (key != "mode" && key != "steps" && key != "fallback") return bad_request("unknown key \"" + std::string{key} + "\"");
  PutRing put{std::move(user), {}, {}};
  if (const json::value* fallback = object->if_contains("fallback")) {
    if (!fallback->is_string()) return bad_request("\"fallback\" is a text, the part before @ of an address");
    put.fallback = fallback->as_string();
  }
  if (any)
    for (const json::value& one : steps->as_array()) {
      auto step = step_of(one);
      if (const auto* wrong = std::get_if<std::string>(&step)) return bad_request(*wrong);
      put.steps.push_back(std::get<PutRing::Step>(std::move(step)));
    }
  return Command{std::move(put)};
}

}  // namespace

namespace {

/// /api/v1/devices/DEVICE/type; a device's name may hold slashes.
std::optional<Meant> type_command(const Request& request) {
  constexpr std::string_view devices = "/api/v1/devices/";
  constexpr std::string_view type = "/type";
  if (!request.path.starts_with(devices) || !request.path.ends_with(type)) return std::nullopt;
  if (request.path.size() <= devices.size() + type.size()) return std::nullopt;
  if (request.method != "PUT") {
    Response refusal = problem(405, "Method Not Allowed", "use PUT for " + request.path);
    refusal.allow = "PUT";
    return refusal;
  }
  boost::system::error_code error;
  const json::value body = json::parse(request.body, error);
  const json::object* object = error ? nullptr : body.if_object();
  const json::value* name = object == nullptr ? nullptr : object->if_contains("type");
  if (name == nullptr || !name->is_string() || object->size() != 1) return bad_request(R"(send {"type": "ip-phone"} or {"type": "auto"})");
  return Command{branch_device::PutType{request.path.substr(devices.size(), request.path.size() - devices.size() - type.size()),
                                        std::string{name->as_string()}}};
}

}  // namespace

std::optional<Meant> ring_command(const Request& request) {
  if (auto meant = type_command(request)) return meant;
  if (!request.path.starts_with(users) || !request.path.ends_with(ring)) return std::nullopt;
  if (request.path.size() <= users.size() + ring.size()) return std::nullopt;
  std::string user = request.path.substr(users.size(), request.path.size() - users.size() - ring.size());
  if (user.find('/') != std::string::npos) return std::nullopt;
  if (request.method == "GET" || request.method == "HEAD") return Command{branch_device::GetRing{std::move(user)}};
  if (request.method == "PUT") {
    boost::system::error_code error;
    const json::value body = json::parse(request.body, error);
    return error ? Meant{bad_request("the body is no JSON")} : put_ring(std::move(user), body);
  }
  Response refusal = problem(405, "Method Not Allowed", "use GET or PUT for " + request.path);
  refusal.allow = "GET, HEAD, PUT";
  return refusal;
}

Response ring_response(const std::vector<branch_device::RingReport>& reports) {
  json::object answer;
  for (const auto& report : reports) {
    answer["user"] = report.user;
    answer["mode"] = report.sequential ? "sequential" : "simultaneous";
    json::array steps;
    for (const auto& step : report.steps)
      steps.push_back(
          json::object{{"types", json::value_from(step.types)}, {"seconds", step.seconds}, {"contacts", json::value_from(step.contacts)}});
    answer["steps"] = std::move(steps);
    if (!report.fallback.empty()) answer["fallback"] = report.fallback;
  }
  return {200, "application/json", valid_utf8(json::serialize(answer)), {}};
}

}  // namespace ringhold::http
