#include "app/push_command.hpp"

#include <fmt/format.h>

#include <array>
#include <iostream>
#include <iterator>
#include <utility>

#include "app/push_report.hpp"
#include "app/setting_values.hpp"
#include "base/text.hpp"
#include "delivery/policy.hpp"
#include "shell/http/base64.hpp"

namespace ringhold::app {

namespace {

namespace json = boost::json;

constexpr std::string_view all_pushes = "/api/v1/pushes";
constexpr std::string_view all_redirects = "/api/v1/redirects";
constexpr std::chrono::seconds spare_patience{10};

std::string below(std::string_view all, std::string_view name) { return fmt::format("{}/{}", all, escaped(name)); }

/// The content; nothing when it cannot be read, which has been said.
std::optional<std::string> content_of(const PushOptions& options) {
  std::string content;
  if (options.text) {
    content = *options.text;
  } else if (options.file == "-") {
    content.assign(std::istreambuf_iterator<char>{std::cin}, {});
  } else if (!options.file.empty()) {
    std::vector<SettingError> unreadable;
    content = file_text(options.file, unreadable);
    if (!unreadable.empty()) {
      fmt::print(stderr, "ringhold: {}\n", unreadable.front().text());
      return std::nullopt;
    }
  }
  if (content.size() <= delivery::largest_body) return content;
  fmt::print(stderr, "ringhold: the content has {} bytes, at most {} can be pushed: send a link to it\n", content.size(),
             delivery::largest_body);
  return std::nullopt;
}

json::object order_of(const PushOptions& options, const std::string& content) {
  const bool any = options.text || !options.file.empty();
  std::string guessed = options.content_type;
  if (guessed.empty() && any) guessed = options.text ? "text/plain;charset=UTF-8" : content_type_of(options.file);
  const std::string& type = guessed;
  json::object order{{"to", options.to}, {"wait", options.wait.value_or("0s")}};
  if (any) order["body_base64"] = http::to_base64(content);
  for (const auto& [key, value] : {std::pair{"content_type", &type}, std::pair{"from", &options.from}, std::pair{"method", &options.method},
                                   std::pair{"event", &options.event}, std::pair{"strategy", &options.strategy},
                                   std::pair{"keep_for", &options.keep_for}, std::pair{"key", &options.key}})
    if (!value->empty()) order[key] = *value;
  return order;
}

/// A user as the API names him; what is no user of the domain stays as it was said.
std::string aor_of(const std::string& user, const Configuration& configuration) {
  std::string aor = branch_device::aor_named(user, configuration.branch);
  return aor.empty() ? user : aor;
}

/// A DELETE, and what to say when it is done.
int remove(const Asking& asking, const Configuration& configuration, const std::string& target, const std::string& what) {
  const auto answer = ask(asking, configuration, "DELETE", target, {});
  if (const int* code = std::get_if<int>(&answer)) return *code;
  warn_unless_kept(std::get<json::value>(answer));
  if (asking.json)
    print_json(std::get<json::value>(answer));
  else
    fmt::print("{}\n", what);
  return done;
}

}  // namespace

std::string_view content_type_of(std::string_view file) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 10> types{{{"txt", "text/plain;charset=UTF-8"},
                                                                                 {"xml", "application/xml"},
                                                                                 {"html", "text/html;charset=UTF-8"},
                                                                                 {"htm", "text/html;charset=UTF-8"},
                                                                                 {"json", "application/json"},
                                                                                 {"png", "image/png"},
                                                                                 {"jpg", "image/jpeg"},
                                                                                 {"jpeg", "image/jpeg"},
                                                                                 {"pdf", "application/pdf"},
                                                                                 {"vcf", "text/vcard"}}};
  if (const auto dot = file.rfind('.'); dot != std::string_view::npos)
    for (const auto& [ending, type] : types)
      if (equal_ignoring_case(file.substr(dot + 1), ending)) return type;
  return "application/octet-stream";
}

int push(const Asking& asking, const PushOptions& options) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  const auto content = content_of(options);
  if (!content) return failed;
  const auto waits = parse_duration(options.wait.value_or("0s")).value_or(Duration{});
  const auto answer = ask(asking, *configuration, "POST", "/api/v1/push", json::serialize(order_of(options, *content)),
                          std::chrono::ceil<std::chrono::seconds>(waits) + spare_patience);
  if (const int* code = std::get_if<int>(&answer)) return *code;
  const json::object& report = std::get<json::value>(answer).as_object();
  const std::string result = word(report, "result");
  if (asking.json)
    print_json(report);
  else if (options.wait || result == "failed")
    print_push(report);
  else
    fmt::print("{}  {}\n", word(report, "id"), result);
  if (result == "pending")
    fmt::print(stderr, "ringhold: {}; later: ringhold push show {}\n",
               options.wait ? "it is still under way" : "it could not be written to disk yet", word(report, "id"));
  return result == "failed" ? failed : done;
}

int list_pushes(const Asking& asking, unsigned limit) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  const auto answer = ask(asking, *configuration, "GET", fmt::format("{}?limit={}", all_pushes, limit), {});
  if (const int* code = std::get_if<int>(&answer)) return *code;
  const json::array& pushes = std::get<json::value>(answer).as_array();
  if (asking.json)
    print_json(pushes);
  else if (pushes.empty())
    fmt::print("nothing was pushed yet\n");
  else
    print_table(pushes, {"id", "accepted", "to", "method", "content_type", "size", "result", "reason"});
  return done;
}

int show_push(const Asking& asking, const std::string& id) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  const auto answer = ask(asking, *configuration, "GET", below(all_pushes, id), {});
  if (const int* code = std::get_if<int>(&answer)) return *code;
  if (asking.json)
    print_json(std::get<json::value>(answer));
  else
    print_push(std::get<json::value>(answer).as_object());
  return done;
}

int cancel_push(const Asking& asking, const std::string& id) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  return remove(asking, *configuration, below(all_pushes, id), id + " will not be delivered.");
}

int list_redirects(const Asking& asking, const std::string& user) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  const std::string target = user.empty() ? std::string{all_redirects} : below(all_redirects, aor_of(user, *configuration));
  const auto answer = ask(asking, *configuration, "GET", target, {});
  if (const int* code = std::get_if<int>(&answer)) return *code;
  json::array redirects = std::get<json::value>(answer).as_array();
  if (asking.json) {
    print_json(redirects);
    return done;
  }
  if (redirects.empty()) {
    fmt::print("no terminal{} has asked for redirection\n", user.empty() ? "" : " of " + user);
    return done;
  }
  for (json::value& row : redirects) row.as_object()["to"] = redirect_target(row.as_object());
  print_table(redirects, {"aor", "device", "status", "to", "since", "failures", "asks_again"});
  return done;
}

int remove_redirects(const Asking& asking, const std::string& user, const std::string& device) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  const std::string target =
      below(all_redirects, aor_of(user, *configuration)) + (device.empty() ? std::string{} : "?device=" + escaped(device));
  return remove(asking, *configuration, target, (device.empty() ? "The terminals of " + user : device) + " will be asked again.");
}

}  // namespace ringhold::app
