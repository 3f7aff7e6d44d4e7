#include "app/commands.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/dhcp_snippet.hpp"
#include "app/settings_file.hpp"
#include "app/toml_section.hpp"
#include "shell/http/server.hpp"
#include "shell/http/text.hpp"

namespace ringhold::app {

namespace {

namespace json = boost::json;

constexpr int done = 0;
constexpr int failed = 1;
constexpr int invalid_configuration = 3;

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

/// Asks the running program; prints what went wrong. An exit code when there is no answer to show.
std::variant<json::value, int> ask(const Asking& asking, std::string_view method, const std::string& target, const std::string& body) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  const auto fetched = http::fetch(configuration->http, method, target, body, configuration->http_token);
  if (!fetched.error.empty()) {
    fmt::print(stderr, "ringhold: no answer from http://{} ({}). Is `ringhold serve -c {}` running?\n", configuration->http.text(),
               fetched.error, asking.settings_file);
    return failed;
  }
  boost::system::error_code error;
  json::value answer = json::parse(fetched.body, error);
  if (fetched.status != 200 || error) {
    const json::object* problem = error ? nullptr : answer.if_object();
    const json::value* detail = problem == nullptr ? nullptr : problem->if_contains("detail");
    fmt::print(stderr, "ringhold: refused with {}: {}\n", fetched.status,
               detail != nullptr && detail->is_string() ? detail->as_string().c_str() : fetched.body);
    return failed;
  }
  return answer;
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

/// Rows as columns of the needed width.
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

int show_rows(const Asking& asking, const std::string& target, const std::vector<std::string>& keys) {
  const auto answer = ask(asking, "GET", target, {});
  if (const int* code = std::get_if<int>(&answer)) return *code;
  const json::value& value = std::get<json::value>(answer);
  if (asking.json)
    print_json(value);
  else
    print_table(value.as_array(), keys);
  return done;
}

/// Escaped for a query (RFC 3986 §2.1).
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

}  // namespace

int show_status(const Asking& asking) {
  const auto answer = ask(asking, "GET", "/api/v1/status", {});
  if (const int* code = std::get_if<int>(&answer)) return *code;
  const json::object& status = std::get<json::value>(answer).as_object();
  if (asking.json) {
    print_json(status);
    return done;
  }
  const bool pinned = word(status, "pinned") == "true";
  fmt::print("mode           {}{}\nsince          {}\ncause          {}\nevidence       {}\n", word(status, "mode"),
             pinned ? "  PINNED by the administrator (ringhold mode auto frees it)" : "", word(status, "since"), word(status, "cause"),
             word(status, "evidence"));
  fmt::print("registrations  {}\ncalls          {}\nstore          {}\nversion        {}\n", word(status, "registrations"),
             word(status, "calls"), word(status.at("store").as_object(), "state"), word(status, "version"));
  fmt::print("\n");
  print_table(status.at("central").as_array(), {"target", "name", "health", "rtt_ms"});
  return done;
}

int show_registrations(const Asking& asking, const std::string& aor) {
  return show_rows(asking, aor.empty() ? "/api/v1/registrations" : "/api/v1/registrations?aor=" + escaped(aor),
                   {"aor", "contact", "expires_in", "source", "user_agent"});
}

int show_calls(const Asking& asking) { return show_rows(asking, "/api/v1/calls", {"caller", "callee", "state", "since", "call_id"}); }

int set_mode(const Asking& asking, const std::string& mode) {
  const auto answer = ask(asking, "PUT", "/api/v1/mode", json::serialize(json::object{{"mode", mode}}));
  if (const int* code = std::get_if<int>(&answer)) return *code;
  const json::value& value = std::get<json::value>(answer);
  if (asking.json) {
    print_json(value);
    return done;
  }
  fmt::print("{}\n", mode == "auto" ? "The mode follows the central site again."
                                    : "The mode is pinned to " + mode + "; ringhold mode auto frees it.");
  if (word(value.as_object(), "kept") != "true") fmt::print(stderr, "ringhold: this could not be written to disk, a restart forgets it\n");
  return done;
}

int check(const Asking& asking) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  const auto& settings = configuration->branch;
  const auto texts = [](const auto& values) {
    json::array array;
    for (const auto& value : values) array.emplace_back(value.text());
    return array;
  };
  const auto listen = texts(settings.sip.listen), dns = texts(settings.dns.listen), networks = texts(settings.branch.networks),
             address = texts(settings.branch.addresses), upstream = texts(settings.dns.upstream), servers = texts(settings.central.servers);
  const json::array remarks = json::value_from(configuration->remarks).as_array();
  if (asking.json) {
    print_json({{"valid", true},
                {"file", configuration->file},
                {"domain", settings.branch.domain},
                {"name", settings.branch.name},
                {"address", address},
                {"networks", networks},
                {"sip", listen},
                {"dns", dns},
                {"upstream", upstream},
                {"central", servers},
                {"store", configuration->store_path},
                {"http", configuration->http.text()},
                {"remarks", remarks}});
    return done;
  }
  const auto join = [](const json::array& array, const char* none) {
    std::string text;
    for (const json::value& value : array) text += (text.empty() ? "" : ", ") + word(value);
    return text.empty() ? std::string{none} : text;
  };
  fmt::print("{} is valid.\n", configuration->file);
  fmt::print("  adds itself to   the SRV records of {}, as {} ({})\n", settings.branch.domain, settings.branch.name,
             join(address, "no address"));
  fmt::print("  serves           {}\n  listens for SIP  {}\n  listens for DNS  {}\n  asks upstream    {}\n", join(networks, "nobody"),
             join(listen, "nowhere"), join(dns, "nowhere"), join(upstream, "nobody"));
  fmt::print("  central servers  {}\n", join(servers, "found by SRV through the upstream"));
  fmt::print("  keeps state in   {}\n", configuration->store_path.empty() ? "memory only" : configuration->store_path);
  fmt::print("  status page      http://{}/\n", configuration->http.text());
  for (const std::string& remark : configuration->remarks) fmt::print("  note: {}\n", remark);
  return done;
}

int dhcp_snippet(const Asking& asking, const std::string& server) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  const auto lines = dhcp_lines(server, configuration->branch.branch.domain, configuration->branch.dns.listen);
  if (!lines) {
    fmt::print(stderr, "ringhold: {}\n", lines.error());
    return failed;
  }
  if (asking.json)
    print_json({{"for", server}, {"lines", json::value_from(*lines)}});
  else
    for (const std::string& line : *lines) fmt::print("{}\n", line);
  return done;
}

}  // namespace ringhold::app
