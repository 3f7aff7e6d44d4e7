#include "shell/http/ring_api.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <initializer_list>

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

/// Reads mode, steps and fallback of an object into a PutRing or a schedule of one; a text that says what is wrong.
template <typename Plan>
std::string read_plan(const json::object& object, Plan& plan) {
  constexpr std::string_view usage =
      R"(send {"mode": "simultaneous"} or {"mode": "sequential", "steps": [{"types": ["ip-phone"], "seconds": 15}]})";
  const json::value* mode = object.if_contains("mode");
  if (mode == nullptr || !mode->is_string()) return std::string{usage};
  const json::value* steps = object.if_contains("steps");
  const bool any = steps != nullptr && steps->is_array() && !steps->as_array().empty();
  const bool sequential = mode->as_string() == "sequential";
  if (sequential != any || (!sequential && mode->as_string() != "simultaneous")) return std::string{usage};
  if (const json::value* fallback = object.if_contains("fallback")) {
    if (!fallback->is_string()) return "\"fallback\" is a text, the part before @ of an address";
    plan.fallback = fallback->as_string();
  }
  if (any)
    for (const json::value& one : steps->as_array()) {
      auto step = step_of(one);
      if (auto* wrong = std::get_if<std::string>(&step)) return std::move(*wrong);
      plan.steps.push_back(std::get<PutRing::Step>(std::move(step)));
    }
  return {};
}

/// What stands in an object and is none of `known`; empty: nothing.
std::string unknown_key(const json::object& object, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : object)
    if (std::ranges::find(known, std::string_view{key}) == known.end()) return "unknown key \"" + std::string{key} + "\"";
  return {};
}

/// A schedule out of an object; a text that says what is wrong.
std::variant<PutRing::Schedule, std::string> schedule_of(const json::value& value) {
  constexpr std::string_view usage =
      R"(a schedule is {"days": ["mon", "holiday"], "from": "08:00", "to": "17:00", "mode": "simultaneous"})";
  const json::object* object = value.if_object();
  if (object == nullptr) return std::string{usage};
  if (auto unknown = unknown_key(*object, {"days", "from", "to", "mode", "steps", "fallback"}); !unknown.empty())
    return unknown + " in a schedule";
  PutRing::Schedule schedule;
  const json::value* days = object->if_contains("days");
  if (days == nullptr || !days->is_array()) return std::string{usage};
  for (const json::value& day : days->as_array()) {
    if (!day.is_string()) return std::string{usage};
    schedule.days.emplace_back(day.as_string());
  }
  for (const auto& [key, time] : {std::pair{"from", &schedule.from}, std::pair{"to", &schedule.to}}) {
    const json::value* given = object->if_contains(key);
    if (given == nullptr || !given->is_string()) return std::string{usage};
    *time = given->as_string();
  }
  if (auto wrong = read_plan(*object, schedule); !wrong.empty()) return wrong;
  return schedule;
}

Meant put_ring(std::string user, const json::value& body) {
  PutRing put{std::move(user), {}, {}, {}};
  const json::object empty;
  const json::object& object = body.is_object() ? body.as_object() : empty;
  if (const auto wrong = read_plan(object, put); !wrong.empty()) return bad_request(wrong);
  if (const auto unknown = unknown_key(object, {"mode", "steps", "fallback", "schedules"}); !unknown.empty()) return bad_request(unknown);
  const json::value* schedules = object.if_contains("schedules");
  if (schedules == nullptr) return Command{std::move(put)};
  if (!schedules->is_array()) return bad_request("\"schedules\" is a list");
  for (const json::value& one : schedules->as_array()) {
    auto schedule = schedule_of(one);
    if (const auto* wrong = std::get_if<std::string>(&schedule))
      return bad_request("schedule " + std::to_string(put.schedules.size() + 1) + ": " + *wrong);
    put.schedules.push_back(std::get<PutRing::Schedule>(std::move(schedule)));
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

/// Mode, steps and fallback of a RingReport or a schedule of one.
template <typename Plan>
void add_plan(json::object& answer, const Plan& plan) {
  answer["mode"] = plan.sequential ? "sequential" : "simultaneous";
  json::array steps;
  for (const auto& step : plan.steps)
    steps.push_back(
        json::object{{"types", json::value_from(step.types)}, {"seconds", step.seconds}, {"contacts", json::value_from(step.contacts)}});
  answer["steps"] = std::move(steps);
  if (!plan.fallback.empty()) answer["fallback"] = plan.fallback;
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
    add_plan(answer, report);
    json::array schedules;
    for (const auto& schedule : report.schedules) {
      json::object one{{"days", json::value_from(schedule.days)}, {"from", schedule.from}, {"to", schedule.to}, {"holds", schedule.holds}};
      add_plan(one, schedule);
      schedules.push_back(std::move(one));
    }
    answer["schedules"] = std::move(schedules);
    answer["local_time"] = report.local_time;
    answer["time_zone"] = report.time_zone;
    answer["holiday"] = report.is_holiday;
  }
  return {200, "application/json", valid_utf8(json::serialize(answer)), {}};
}

}  // namespace ringhold::http
