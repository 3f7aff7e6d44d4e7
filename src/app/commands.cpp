#include "app/commands.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/dhcp_snippet.hpp"
#include "app/user_command.hpp"

namespace ringhold::app {

namespace {

namespace json = boost::json;

std::variant<json::value, int> ask(const Asking& asking, std::string_view method, const std::string& target, const std::string& body) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  return ask(asking, *configuration, method, target, body);
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
                   {"aor", "contact", "type", "expires_in", "source", "user_agent"});
}

int show_calls(const Asking& asking) { return show_rows(asking, "/api/v1/calls", {"caller", "callee", "state", "since", "call_id"}); }

int show_past_calls(const Asking& asking, unsigned limit) {
  const auto answer = ask(asking, "GET", "/api/v1/calls/past?limit=" + std::to_string(limit), {});
  if (const int* code = std::get_if<int>(&answer)) return *code;
  const json::array& calls = std::get<json::value>(answer).as_array();
  if (asking.json) {
    print_json(calls);
    return done;
  }
  if (calls.empty()) fmt::print("no call has ended yet\n");
  for (const json::value& value : calls) {
    const json::object& call = value.as_object();
    const bool answered = !call.at("answered").is_null();
    fmt::print("{}  {} -> {}  {}{}  ({}, ended by {})\n", word(call, "began"), word(call, "caller"), word(call, "callee"),
               answered ? "answered " + word(call, "answered") + ", ended " + word(call, "ended") : "not answered: " + word(call, "status"),
               word(call, "how") == "lost"               ? ", nobody said BYE"
               : word(call, "how") == "terminal-restart" ? ", a terminal was restarted"
                                                         : "",
               word(call, "mode"), word(call, "ended_by"));
    for (const json::value& one : call.at("legs").as_array()) {
      const json::object& leg = one.as_object();
      fmt::print("    {:>7.1f} s to {:>6.1f} s  {:<10} {:>3}  {}\n", leg.at("after_ms").to_number<double>() / 1000,
                 leg.at("until_ms").to_number<double>() / 1000, word(leg, "why"), word(leg, "status"), word(leg, "uri"));
    }
  }
  return done;
}

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
  warn_unless_kept(value);
  return done;
}

namespace {

/// Who may register, for `check`.
struct Registrants {
  std::string auth;
  json::value users;  ///< how many; null when nobody counts them
  std::string text;
  int code = done;
};

Registrants registrants_of(const Configuration& configuration) {
  if (configuration.branch.registrar.auth == branch_device::Auth::network)
    return {"network", nullptr, "whoever is in these networks", done};
  const auto users = count_usable_users(configuration);
  if (!users) return {"digest", nullptr, "users with their passwords; how many there are cannot be read", done};
  if (*users > 0) return {"digest", *users, fmt::format("{} users, with their passwords", *users), done};
  fmt::print(stderr,
             "ringhold: registrar.auth is \"digest\", but no user of {} has a password here: until there is one, NOBODY IS ASKED FOR A "
             "PASSWORD. Use: ringhold user add NAME, or ringhold user import FILE\n",
             configuration.branch.branch.domain);
  return {"digest", 0, "whoever is in these networks, until there is a user", failed};
}

}  // namespace

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
  const Registrants registrants = registrants_of(*configuration);
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
                {"auth", registrants.auth},
                {"users", registrants.users},
                {"remarks", remarks}});
    return registrants.code;
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
  fmt::print("  who may register {}\n", registrants.text);
  fmt::print("  status page      http://{}/\n", configuration->http.text());
  for (const std::string& remark : configuration->remarks) fmt::print("  note: {}\n", remark);
  return registrants.code;
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
