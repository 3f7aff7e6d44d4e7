#include "shell/http/users_api.hpp"

#include <boost/json.hpp>

#include "shell/http/text.hpp"

namespace ringhold::http {

namespace {

namespace json = boost::json;
using branch_device::Command;
using branch_device::NewUser;
using Meant = std::variant<Command, Response>;

constexpr std::string_view all_users = "/api/v1/users";

/// A user's secrets out of an object; a text that says what is wrong.
std::variant<NewUser, std::string> new_user(std::string name, const json::object& object) {
  NewUser user{std::move(name), {}, {}};
  for (const auto& [key, value] : object) {
    std::string* place = key == "password"         ? &user.password
                         : key == "ha1_md5"        ? &user.ha1[0]
                         : key == "ha1_sha256"     ? &user.ha1[1]
                         : key == "ha1_sha512_256" ? &user.ha1[2]
                                                   : nullptr;
    if (key == "user" && value.is_string()) continue;
    if (place == nullptr) return "unknown key \"" + std::string{key} + "\"";
    if (!value.is_string()) return "\"" + std::string{key} + "\" is no text";
    *place = value.as_string();
  }
  return user;
}

Meant put_one(const std::string& name, const json::value& body) {
  const json::object* object = body.if_object();
  if (object == nullptr) return bad_request(R"(send {"password": "…"} or {"ha1_md5": "…", "ha1_sha256": "…", "ha1_sha512_256": "…"})");
  auto user = new_user(name, *object);
  if (const auto* wrong = std::get_if<std::string>(&user)) return bad_request(*wrong);
  return Command{branch_device::PutUsers{{std::get<NewUser>(std::move(user))}}};
}

Meant put_many(const json::value& body) {
  const json::object* object = body.if_object();
  const json::value* list = object == nullptr ? nullptr : object->if_contains("users");
  if (list == nullptr || !list->is_array())
    return bad_request(R"(send {"part": 0, "more": false, "users": [{"user": "…", "password": "…"}]})");
  branch_device::PutUsers put;
  if (const json::value* part = object->if_contains("part")) {
    if (!part->is_int64() || part->as_int64() < 0 || part->as_int64() > 1'000'000) return bad_request("\"part\" is no number from 0 on");
    put.part = static_cast<unsigned>(part->as_int64());
  }
  if (const json::value* more = object->if_contains("more")) {
    if (!more->is_bool()) return bad_request("\"more\" is neither true nor false");
    put.more_follow = more->as_bool();
  }
  for (const json::value& one : list->as_array()) {
    const json::object* row = one.if_object();
    const json::value* name = row == nullptr ? nullptr : row->if_contains("user");
    if (name == nullptr || !name->is_string()) return bad_request("a user has no \"user\"");
    auto user = new_user(std::string{name->as_string()}, *row);
    if (const auto* wrong = std::get_if<std::string>(&user)) return bad_request(*wrong);
    put.users.push_back(std::get<NewUser>(std::move(user)));
  }
  return Command{std::move(put)};
}

json::object to_json(const branch_device::UserReport& user) {
  return {{"user", user.name}, {"realm", user.realm}, {"algorithms", json::value_from(user.algorithms)}, {"usable", user.usable}};
}

}  // namespace

std::optional<Meant> user_command(const Request& request) {
  if (!request.path.starts_with(all_users)) return std::nullopt;
  const std::string rest = request.path.substr(all_users.size());
  if (!rest.empty() && (rest.front() != '/' || rest.size() == 1 || rest.find('/', 1) != std::string::npos)) return std::nullopt;
  const std::string name = rest.empty() ? rest : rest.substr(1);
  if (request.method == "GET" || request.method == "HEAD") return Command{branch_device::GetUsers{name}};
  if (request.method == "DELETE" && !name.empty()) return Command{branch_device::RemoveUser{name}};
  if (request.method == "PUT") {
    boost::system::error_code error;
    const json::value body = json::parse(request.body, error);
    if (error) return bad_request("the body is no JSON");
    return name.empty() ? put_many(body) : put_one(name, body);
  }
  Response refusal = problem(405, "Method Not Allowed", "use GET, PUT or DELETE for a user, GET or PUT for all");
  refusal.allow = name.empty() ? "GET, HEAD, PUT" : "GET, HEAD, PUT, DELETE";
  return refusal;
}

Response users_response(const Request& request, const std::vector<branch_device::UserReport>& users) {
  json::value answer;
  if (request.path == all_users) {
    json::array rows;
    for (const auto& user : users) rows.push_back(to_json(user));
    answer = std::move(rows);
  } else if (!users.empty()) {
    answer = to_json(users.front());
  }
  return {200, "application/json", valid_utf8(json::serialize(answer)), {}};
}

}  // namespace ringhold::http
