#include "app/ring_command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.hpp"

namespace ringhold::app {

namespace {

namespace json = boost::json;

std::string target_of(const std::string& user) { return "/api/v1/users/" + escaped(user) + "/ring"; }

std::string list(const json::value& texts, std::string_view otherwise) {
  std::vector<std::string> words;
  for (const json::value& text : texts.as_array()) words.push_back(word(text));
  return words.empty() ? std::string{otherwise} : fmt::format("{}", fmt::join(words, ", "));
}

/// "ip-phone,pc-client:20" as the API wants it; nothing when it is no step.
std::optional<json::value> step_of(std::string_view text) {
  json::object step;
  if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    const auto seconds = parse_number<std::uint32_t>(text.substr(colon + 1), 3600U);
    if (!seconds || *seconds == 0) return std::nullopt;
    step["seconds"] = *seconds;
    text = text.substr(0, colon);
  }
  json::array types;
  for (;;) {
    const auto comma = std::min(text.find(','), text.size());
    if (comma == 0) return std::nullopt;
    types.emplace_back(text.substr(0, comma));
    if (comma == text.size()) break;
    text.remove_prefix(comma + 1);
  }
  step["types"] = std::move(types);
  return step;
}

void warn_unless_kept(const json::value& answer) {
  if (word(answer.as_object(), "kept") != "true") fmt::print(stderr, "ringhold: this could not be written to disk, a restart forgets it\n");
}

}  // namespace

int show_ring(const Asking& asking, const std::string& user) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  const auto answer = ask(asking, *configuration, "GET", target_of(user), {});
  if (const int* code = std::get_if<int>(&answer)) return *code;
  const json::object& ring = std::get<json::value>(answer).as_object();
  if (asking.json) {
    print_json(ring);
    return done;
  }
  const bool sequential = word(ring, "mode") == "sequential";
  fmt::print("{} rings {}.\n", user, sequential ? "one type after another" : "on all terminals at once");
  std::int64_t begin = 0;
  for (const json::value& value : ring.at("steps").as_array()) {
    const json::object& step = value.as_object();
    const auto seconds = step.at("seconds").to_number<std::int64_t>();
    const bool any = !step.at("contacts").as_array().empty();
    fmt::print("{:>4}  {:<28}  {}\n", any ? fmt::format("{} s", begin) : "-", list(step.at("types"), "any type"),
               list(step.at("contacts"), sequential ? "nobody is registered: skipped" : "nobody is registered"));
    if (any) begin += seconds;
  }
  if (const json::value* fallback = ring.if_contains("fallback")) fmt::print("then  {}\n", word(*fallback));
  return done;
}

int set_ring(const Asking& asking, const std::string& user, const std::vector<std::string>& words, const std::string& fallback) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  json::object body{{"mode", "simultaneous"}};
  if (words.size() != 1 || words.front() != "simultaneous") {
    json::array steps;
    for (const std::string& text : words) {
      auto step = step_of(text);
      if (!step) {
        fmt::print(stderr,
                   "ringhold: \"{}\" is no step: expected TYPE[,TYPE][:SECONDS], such as ip-phone:15, or the one word simultaneous\n",
                   text);
        return failed;
      }
      steps.push_back(*std::move(step));
    }
    body = {{"mode", "sequential"}, {"steps", std::move(steps)}};
  }
  if (!fallback.empty()) body["fallback"] = fallback;
  const auto answer = ask(asking, *configuration, "PUT", target_of(user), json::serialize(body));
  if (const int* code = std::get_if<int>(&answer)) return *code;
  warn_unless_kept(std::get<json::value>(answer));
  return show_ring(asking, user);
}

int set_type(const Asking& asking, const std::string& device, const std::string& type) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  const auto answer =
      ask(asking, *configuration, "PUT", "/api/v1/devices/" + escaped(device) + "/type", json::serialize(json::object{{"type", type}}));
  if (const int* code = std::get_if<int>(&answer)) return *code;
  warn_unless_kept(std::get<json::value>(answer));
  if (asking.json)
    print_json(std::get<json::value>(answer));
  else
    fmt::print("{} {}\n", device, type == "auto" ? "is what it says of itself." : "is a terminal of type " + type + ".");
  return done;
}

}  // namespace ringhold::app
