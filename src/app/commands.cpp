#include "app/commands.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/settings_file.hpp"
#include "app/toml_section.hpp"
#include "shell/http/server.hpp"

namespace ringhold::app {

namespace {

namespace json = boost::json;

constexpr int done = 0;
constexpr int failed = 1;
constexpr int wrong_usage = 2;
constexpr int invalid_configuration = 3;

std::optional<Configuration> configuration_of(const Asking& asking) {
  auto configuration = read_settings(asking.settings_file, look_around());
  if (configuration) return std::move(*configuration);
  for (const SettingError& error : configuration.error()) fmt::print(stderr, "{}\n", error.text());
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
    fmt::print("{}\n", json::serialize(value));
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
    fmt::print("{}\n", json::serialize(status));
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
  if (asking.json)
    fmt::print("{}\n", json::serialize(std::get<json::value>(answer)));
  else
    fmt::print("{}\n", mode == "auto" ? "The mode follows the central site again."
                                      : "The mode is pinned to " + mode + "; ringhold mode auto frees it.");
  return done;
}

int check(const Asking& asking) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  const auto& branch = configuration->branch.branch;
  json::array listen, networks, upstream, remarks;
  for (const Target& target : configuration->branch.sip.listen) listen.emplace_back(target.text());
  for (const Network& network : branch.networks) networks.emplace_back(network.text());
  for (const Endpoint& endpoint : configuration->branch.dns.upstream) upstream.emplace_back(endpoint.text());
  for (const std::string& remark : configuration->remarks) remarks.emplace_back(remark);
  if (asking.json) {
    fmt::print("{}\n", json::serialize(json::object{{"file", configuration->file},
                                                    {"domain", branch.domain},
                                                    {"name", branch.name},
                                                    {"sip", listen},
                                                    {"networks", networks},
                                                    {"upstream", upstream},
                                                    {"remarks", remarks}}));
    return done;
  }
  const auto join = [](const json::array& array) {
    std::string text;
    for (const json::value& value : array) text += (text.empty() ? "" : ", ") + word(value);
    return text.empty() ? std::string{"none"} : text;
  };
  fmt::print("{} is valid.\n", configuration->file);
  fmt::print("  adds itself to   _sip records of {}, as {}\n  serves           {}\n  listens for SIP  {}\n  asks upstream    {}\n",
             branch.domain, branch.name, join(networks), join(listen), join(upstream));
  fmt::print("  keeps state in   {}\n", configuration->store_path.empty() ? "memory only" : configuration->store_path);
  for (const std::string& remark : configuration->remarks) fmt::print("  note: {}\n", remark);
  return done;
}

int dhcp_snippet(const Asking& asking, const std::string& server) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  const auto& branch = configuration->branch.branch;
  std::string addresses;
  for (const Address& address : branch.addresses)
    if (address.is_v4()) addresses += (addresses.empty() ? "" : ",") + address.text();
  // RFC 3361 encoding 0: a zero byte, then the domain in DNS wire form. Only names lead phones to SRV records, and so to us.
  std::string hex = "00";
  std::size_t begin = 0;
  while (begin <= branch.domain.size()) {
    const auto dot = std::min(branch.domain.find('.', begin), branch.domain.size());
    hex += fmt::format(":{:02x}", dot - begin);
    for (std::size_t i = begin; i < dot; ++i)
      hex += fmt::format(":{:02x}", static_cast<unsigned>(static_cast<unsigned char>(branch.domain[i])));
    begin = dot + 1;
  }
  hex += ":00";
  std::string digits;
  for (const char c : hex)
    if (c != ':') digits.push_back(c);
  if (server == "dnsmasq") {
    fmt::print("dhcp-option=option:dns-server,{}\ndhcp-option=120,{}\n", addresses, hex);
  } else if (server == "kea") {
    fmt::print(R"({{ "name": "domain-name-servers", "data": "{}" }},)"
               "\n"
               R"({{ "code": 120, "space": "dhcp4", "csv-format": false, "data": "{}" }})"
               "\n",
               addresses, digits);
  } else if (server == "isc") {
    fmt::print("option sip-servers code 120 = string;\noption domain-name-servers {};\noption sip-servers {};\n", addresses, hex);
  } else {
    fmt::print(stderr, "ringhold: --for takes dnsmasq, kea or isc\n");
    return wrong_usage;
  }
  return done;
}

}  // namespace ringhold::app
