#include "app/ring_command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "app/ring_when.hpp"
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

bool is_sequential(const json::object& plan) { return word(plan, "mode") == "sequential"; }

ringing::Schedule when_of(const json::object& schedule) {
  ringing::Schedule when;
  when.days = ringing::parse_days(json::value_to<std::vector<std::string>>(schedule.at("days"))).value_or(ringing::Days{});
  when.from = ringing::parse_time_of_day(word(schedule, "from")).value_or(when.from);
  when.to = ringing::parse_time_of_day(word(schedule, "to")).value_or(when.to);
  return when;
}

/// A plan out of an answer as a PUT takes it: without who is registered.
void copy_plan(const json::object& from, json::object& to) {
  to["mode"] = from.at("mode");
  if (is_sequential(from)) {
    json::array steps;
    for (const json::value& step : from.at("steps").as_array()) {
      // A type that has left the configuration has its code for a name, and rings nobody.
      json::array types;
      for (const json::value& type : step.at("types").as_array())
        if (!parse_number<std::uint32_t>(word(type))) types.push_back(type);
      if (!types.empty()) steps.push_back(json::object{{"types", std::move(types)}, {"seconds", step.at("seconds")}});
    }
    to["steps"] = std::move(steps);
  }
  if (const json::value* fallback = from.if_contains("fallback")) to["fallback"] = *fallback;
}

/// A profile out of an answer as a PUT takes it.
json::object profile_of(const json::object& answer) {
  json::object profile;
  copy_plan(answer, profile);
  json::array schedules;
  for (const json::value& one : answer.at("schedules").as_array()) {
    json::object schedule{{"days", one.at("days")}, {"from", one.at("from")}, {"to", one.at("to")}};
    copy_plan(one.as_object(), schedule);
    schedules.push_back(std::move(schedule));
  }
  profile["schedules"] = std::move(schedules);
  return profile;
}

/// The plan that STEP... and --then mean; nothing when there was an error, which has been printed.
std::optional<json::object> plan_of(const std::vector<std::string>& words, const std::string& fallback) {
  json::object plan{{"mode", "simultaneous"}};
  if (words.size() != 1 || words.front() != "simultaneous") {
    json::array steps;
    for (const std::string& text : words) {
      auto step = step_of(text);
      if (!step) {
        fmt::print(stderr,
                   "ringhold: \"{}\" is no step: expected TYPE[,TYPE][:SECONDS], such as ip-phone:15, or the one word simultaneous\n",
                   text);
        return std::nullopt;
      }
      steps.push_back(*std::move(step));
    }
    plan = {{"mode", "sequential"}, {"steps", std::move(steps)}};
  }
  if (!fallback.empty()) plan["fallback"] = fallback;
  return plan;
}

/// The schedule of a profile that holds just then; the end of the list when there is none.
json::array::iterator find_when(json::array& schedules, const ringing::Schedule& when) {
  return std::ranges::find_if(schedules, [&](const json::value& one) { return when_of(one.as_object()) == when; });
}

std::optional<ringing::Schedule> read_when(const std::string& text) {
  auto when = parse_when(text);
  if (when) return *when;
  fmt::print(stderr, "ringhold: --when \"{}\": {}; expected days and hours, such as \"mon-fri 08:00-17:00\" or \"sat,sun,holiday\"\n", text,
             when.error());
  return std::nullopt;
}

/// Reads the profile, has it changed (an exit code: it is not), and writes it back.
template <typename Change>
int change_ring(const Asking& asking, const std::string& user, Change&& change) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  const auto before = ask(asking, *configuration, "GET", target_of(user), {});
  if (const int* code = std::get_if<int>(&before)) return *code;
  json::object profile = profile_of(std::get<json::value>(before).as_object());
  if (const std::optional<int> code = change(profile)) return *code;
  const auto answer = ask(asking, *configuration, "PUT", target_of(user), json::serialize(profile));
  if (const int* code = std::get_if<int>(&answer)) return *code;
  warn_unless_kept(std::get<json::value>(answer));
  return show_ring(asking, user);
}

/// Who rings, and when.
void print_steps(const json::object& plan) {
  std::int64_t begin = 0;
  for (const json::value& value : plan.at("steps").as_array()) {
    const json::object& step = value.as_object();
    const auto seconds = step.at("seconds").to_number<std::int64_t>();
    const bool any = !step.at("contacts").as_array().empty();
    fmt::print("{:>4}  {:<28}  {}\n", any ? fmt::format("{} s", begin) : "-", list(step.at("types"), "any type"),
               list(step.at("contacts"), is_sequential(plan) ? "nobody is registered: skipped" : "nobody is registered"));
    if (any) begin += seconds;
  }
  if (const json::value* fallback = plan.if_contains("fallback")) fmt::print("then  {}\n", word(*fallback));
}

/// A plan in the words that `ring set` takes.
std::string words_of(const json::object& plan) {
  std::string words;
  for (const json::value& step : plan.at("steps").as_array())
    if (is_sequential(plan))
      words += fmt::format("{}{}:{}", words.empty() ? "" : " ", fmt::join(json::value_to<std::vector<std::string>>(step.at("types")), ","),
                           word(step.at("seconds")));
  if (words.empty()) words = "simultaneous";
  if (const json::value* fallback = plan.if_contains("fallback")) words += " --then " + word(*fallback);
  return words;
}

void print_ring(const json::object& ring, const std::string& user) {
  const json::array& schedules = ring.at("schedules").as_array();
  const auto held = std::ranges::find_if(schedules, [](const json::value& one) { return one.at("holds").as_bool(); });
  const json::object& plan = held == schedules.end() ? ring : held->as_object();
  const std::string clock = schedules.empty() ? ""
                                              : fmt::format(" now, {} in {}{}", word(ring, "local_time"), word(ring, "time_zone"),
                                                            ring.at("holiday").as_bool() ? ", a holiday" : "");
  const bool by_q = !is_sequential(plan) && plan.at("steps").as_array().size() > 1;
  const std::string_view how = by_q ? "first where the phones themselves say (q)" : "on all terminals at once";
  fmt::print("{} rings {}{}.\n", user, is_sequential(plan) ? "one type after another" : how, clock);
  print_steps(plan);
  if (schedules.empty()) return;
  fmt::print("\n");
  for (const json::value& one : schedules)
    fmt::print("{} {:<28}  {}\n", one.at("holds").as_bool() ? '*' : ' ', text_of_when(when_of(one.as_object())), words_of(one.as_object()));
  fmt::print("{} {:<28}  {}\n", held == schedules.end() ? '*' : ' ', "otherwise", words_of(ring));
}

}  // namespace

int show_ring(const Asking& asking, const std::string& user) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  const auto answer = ask(asking, *configuration, "GET", target_of(user), {});
  if (const int* code = std::get_if<int>(&answer)) return *code;
  const json::object& ring = std::get<json::value>(answer).as_object();
  if (asking.json)
    print_json(ring);
  else
    print_ring(ring, user);
  return done;
}

int set_ring(const Asking& asking, const std::string& user, const std::vector<std::string>& words, const std::string& fallback,
             const std::string& when) {
  auto plan = plan_of(words, fallback);
  if (!plan) return failed;
  const auto schedule = when.empty() ? std::nullopt : read_when(when);
  if (!schedule && !when.empty()) return failed;
  return change_ring(asking, user, [&](json::object& profile) -> std::optional<int> {
    json::array schedules = std::move(profile["schedules"].as_array());
    if (schedule) {
      auto& made = *plan;
      made["days"] = json::value_from(ringing::names_of(schedule->days));
      made["from"] = ringing::text_of(schedule->from);
      made["to"] = ringing::text_of(schedule->to);
      if (const auto same = find_when(schedules, *schedule); same != schedules.end())
        *same = std::move(made);
      else
        schedules.push_back(std::move(made));
    } else {
      profile = std::move(*plan);
    }
    profile["schedules"] = std::move(schedules);
    return std::nullopt;
  });
}

int remove_ring(const Asking& asking, const std::string& user, const std::string& when) {
  const auto schedule = when.empty() ? std::nullopt : read_when(when);
  if (!schedule && !when.empty()) return failed;
  return change_ring(asking, user, [&](json::object& profile) -> std::optional<int> {
    if (!schedule) {
      profile = {{"mode", "simultaneous"}};
      return std::nullopt;
    }
    json::array& schedules = profile["schedules"].as_array();
    const auto found = find_when(schedules, *schedule);
    if (found == schedules.end()) {
      fmt::print(stderr, "ringhold: {} has nothing set for {}; ringhold ring show {} lists what there is\n", user, text_of_when(*schedule),
                 user);
      return failed;
    }
    schedules.erase(found);
    return std::nullopt;
  });
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
