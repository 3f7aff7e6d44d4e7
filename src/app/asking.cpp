#include "app/asking.hpp"

#include <fmt/format.h>

#include "app/toml_section.hpp"
#include "base/text.hpp"
#include "shell/http/text.hpp"

namespace ringhold::app {

namespace json = boost::json;

void print_json(const json::value& value) { fmt::print("{}\n", http::valid_utf8(json::serialize(value))); }

std::optional<Configuration> configuration_of(const Asking& asking) {
  auto configuration = read_settings(asking.settings_file, look_around());
  if (configuration) return std::move(*configuration);
  json::array errors;
  for (const SettingError& error : configuration.error()) {
    if (asking.json)
      errors.push_back({{"file", error.file}, {"line", error.line}, {"key", error.key}, {"expected", error.expected}});
    else
      fmt::print(stderr, "{}\n", error.text());
  }
  if (asking.json) print_json({{"valid", false}, {"errors", errors}});
  return std::nullopt;
}

std::variant<json::value, int> ask(const Asking& asking, const Configuration& configuration, std::string_view method,
                                   const std::string& target, const std::string& body, std::chrono::seconds patience) {
  const auto fetched = http::fetch(configuration.http, method, target, body, configuration.http_token, patience);
  if (!fetched.error.empty()) {
    fmt::print(stderr, "ringhold: no answer from http://{} ({}). Is `ringhold serve -c {}` running?\n", configuration.http.text(),
               fetched.error, asking.settings_file);
    return failed;
  }
  boost::system::error_code error;
  json::value answer = json::parse(fetched.body, error);
  if (fetched.status / 100 != 2 || error) {
    const json::object* problem = error ? nullptr : answer.if_object();
    const json::value* detail = problem == nullptr ? nullptr : problem->if_contains("detail");
    fmt::print(stderr, "ringhold: refused with {}: {}\n", fetched.status,
               detail != nullptr && detail->is_string() ? detail->as_string().c_str() : fetched.body);
    return failed;
  }
  return answer;
}

void warn_unless_kept(const json::value& answer) {
  if (word(answer.as_object(), "kept") != "true") fmt::print(stderr, "ringhold: this could not be written to disk, a restart forgets it\n");
}

std::string word(const json::value& value) {
  if (value.is_string()) return std::string{value.as_string()};
  if (value.is_null()) return "-";
  return json::serialize(value);
}

std::string word(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? "-" : word(*value);
}

void print_table(const json::array& rows, const std::vector<std::string>& keys) {
  std::vector<std::size_t> widths;
  for (const std::string& key : keys) {
    std::size_t width = key.size();
    for (const json::value& row : rows) width = std::max(width, word(row.as_object(), key).size());
    widths.push_back(width);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) fmt::print("{:<{}}", keys[i], widths[i] + 2);
  fmt::print("\n");
  for (const json::value& row : rows) {
    for (std::size_t i = 0; i < keys.size(); ++i) fmt::print("{:<{}}", word(row.as_object(), keys[i]), widths[i] + 2);
    fmt::print("\n");
  }
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~')
      out.push_back(c);
    else
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return out;
}

}  // namespace ringhold::app
