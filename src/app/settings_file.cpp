#include "app/settings_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/agent_settings.hpp"
#include "app/push_settings.hpp"
#include "app/ringing_settings.hpp"
#include "app/setting_values.hpp"
#include "app/settings_sense.hpp"
#include "app/toml_section.hpp"
#include "base/text.hpp"
#include "sip/uri.hpp"

namespace ringhold::app {

namespace {

/// Tables of the interface that belong to later features.
const std::set<std::string, std::less<>> later_tables{"route"};
const std::set<std::string, std::less<>> known_tables{"branch",  "sip",  "dns",   "central", "registrar", "restart",
                                                      "ringing", "push", "store", "http",    "agent"};

/// As a browser writes it (RFC 6454 §6.1).
std::optional<std::string> web_origin(std::string_view text) {
  const bool whole = (text.starts_with("https://") || text.starts_with("http://")) && !text.ends_with('/');
  return text == "*" || whole ? std::optional{std::string{text}} : std::nullopt;
}

/// Turns the tables into settings; each function reads one.
class Reader {
 public:
  Reader(const toml::table& file, const std::string& path, const Surroundings& machine, std::vector<SettingError>& errors)
      : file_{file}, path_{path}, machine_{machine}, errors_{errors} {
    configuration_.file = path;
  }

  Configuration read() {
    read_branch();
    read_sip();
    read_dns();
    read_central();
    read_registrar();
    read_restart();
    read_ringing(section("ringing"), machine_, configuration_.branch.ringing);
    read_push(section("push"), path_, configuration_.branch.ringing.types, configuration_.branch.push);
    read_store();
    read_http();
    refuse_unknown_tables();
    if (file_.contains("agent")) (void)read_agent(configuration_.branch.branch.domain);
    return std::move(configuration_);
  }

  /// For `ringhold agent`: what stands beside its table is looked at when it is there.
  AgentConfiguration read_for_agent() {
    if (!file_.contains("branch")) {
      refuse_unknown_tables();
      return read_agent({});
    }
    const std::string domain = read().branch.branch.domain;
    if (!file_.contains("agent")) errors_.push_back({path_, 0, "agent", "missing: expected a table [agent] with agent.accounts"});
    return errors_.empty() ? read_agent(domain) : AgentConfiguration{};
  }

 private:
  AgentConfiguration read_agent(const std::string& domain) { return app::read_agent(section("agent"), path_, domain, machine_); }

  TomlSection section(std::string_view name) { return {file_, name, path_, errors_}; }

  template <typename Value, typename Parse>
  std::optional<std::vector<Value>> list(TomlSection& table, std::string_view key, Parse&& parse, std::string_view expected) {
    const auto items = table.texts(key);
    if (!items) return std::nullopt;
    std::vector<Value> values;
    for (const TomlItem& item : *items) {
      if (const auto value = parse(std::string_view{item.text}))
        values.push_back(*value);
      else
        table.error(key, item.line, fmt::format("\"{}\": expected {}", item.text, expected));
    }
    return values;
  }

  void read_branch() {
    auto table = section("branch");
    auto& branch = configuration_.branch.branch;
    if (const auto text = table.text("domain")) {
      if (const auto domain = domain_name(*text))
        branch.domain = *domain;
      else
        table.error("domain", fmt::format("\"{}\": expected the SIP domain of the central site, such as \"example.com\"", *text));
    } else if (errors_.empty()) {
      table.error("domain", "missing: expected the SIP domain of the central site, such as \"example.com\"");
    }
    branch.name = "ringhold." + branch.domain;
    if (const auto text = table.text("name")) {
      if (const auto name = domain_name(*text))
        branch.name = *name;
      else
        table.error("name", fmt::format("\"{}\": expected a host name, such as \"ringhold.example.com\"", *text));
      if (branch.name == branch.domain)
        table.error("name", "expected another name than branch.domain: its addresses would be hidden by ours");
    }
    if (auto addresses = list<Address>(table, "address", Address::parse, "an IP address")) branch.addresses = std::move(*addresses);
    if (auto networks = list<Network>(table, "networks", Network::parse, "a network such as \"10.77.0.0/24\""))
      branch.networks = std::move(*networks);
    table.finish();
  }

  void read_sip() {
    auto table = section("sip");
    if (auto listen = list<Target>(table, "listen", Target::parse, "\"TRANSPORT:ADDRESS:PORT\" with udp, tcp, tls, ws or wss")) {
      configuration_.listening.sip = std::move(*listen);
      if (configuration_.listening.sip.empty()) table.error("listen", "expected at least one place to listen");
    } else {
      for (const Address& address : default_addresses(machine_))
        for (const Transport transport : {Transport::udp, Transport::tcp})
          configuration_.listening.sip.push_back({transport, {address, Port{5060}}});
    }
    configuration_.workers = static_cast<WorkerNumber>(table.count("workers", 1, 1, most_workers));
    read_admission(table);
    read_tls(table);
    configuration_.listening.web_origins.domain = configuration_.branch.branch.domain;
    if (auto origins =
            list<std::string>(table, "web_origins", web_origin, "\"https://HOST\", with \":PORT\" where it is unusual, or \"*\""))
      configuration_.listening.web_origins.allowed = std::move(*origins);
    table.finish();
    configuration_.branch.sip.listen = spelt_out(configuration_.listening.sip, machine_);
  }

  void read_admission(TomlSection& table) {
    auto& sip = configuration_.branch.sip;
    if (const auto outside = table.text("outside")) {
      if (*outside == "refuse")
        sip.outside = branch_device::Outside::refuse;
      else if (*outside != "drop")
        table.error("outside", fmt::format("\"{}\": expected \"drop\" or \"refuse\"", *outside));
    }
    sip.admission.rate = table.count("max_rate", sip.admission.rate, 0, 1'000'000);
    sip.admission.rate_per_source = table.count("max_rate_per_source", sip.admission.rate_per_source, 0, 1'000'000);
  }

  void read_tls(TomlSection& table) {
    const auto certificate = table.text("tls_certificate");
    const auto key = table.text("tls_key");
    const auto authorities = table.text("tls_ca");
    const auto secure = [](const Target& target) { return is_secure(target.transport); };
    if (certificate) {
      configuration_.listening.tls = net::TlsFiles{.certificate = beside(path_, *certificate),
                                                   .key = beside(path_, key.value_or(*certificate)),
                                                   .authorities = authorities ? beside(path_, *authorities) : std::string{},
                                                   .domain = configuration_.branch.branch.domain};
    } else if (std::ranges::any_of(configuration_.listening.sip, secure)) {
      table.error("listen", "expected sip.tls_certificate and sip.tls_key beside a tls: or wss: listener");
    } else if (key || authorities) {
      table.error(key ? "tls_key" : "tls_ca", "expected sip.tls_certificate beside it");
    }
  }

  void read_dns() {
    auto table = section("dns");
    auto& dns = configuration_.branch.dns;
    const auto parse = [](std::string_view text) { return Endpoint::parse(text, Port{53}); };
    constexpr std::string_view expected = "\"ADDRESS:PORT\"";
    if (auto listen = list<Endpoint>(table, "listen", parse, expected)) {
      configuration_.listening.dns = std::move(*listen);
    } else {
      for (const Address& address : default_addresses(machine_)) configuration_.listening.dns.push_back({address, Port{53}});
    }
    dns.listen = spelt_out(configuration_.listening.dns, machine_);
    if (auto upstream = list<Endpoint>(table, "upstream", parse, expected)) {
      dns.upstream = std::move(*upstream);
      for (const Endpoint& endpoint : dns.upstream)
        if (std::ranges::find(dns.listen, endpoint) != dns.listen.end())
          table.error("upstream", fmt::format("\"{}\": expected another server than ourselves", endpoint.text()));
    } else {
      for (const Endpoint& endpoint : machine_.resolvers)
        if (std::ranges::find(dns.listen, endpoint) == dns.listen.end()) dns.upstream.push_back(endpoint);
    }
    dns.timeout = table.duration("timeout", dns.timeout, 50ms, 10s);
    dns.ttl_max = table.duration("ttl_max", dns.ttl_max, 1s, 1h);
    if (const auto when = table.text("when_down")) {
      if (*when == "first")
        dns.when_down = branch_device::WhenDown::first;
      else if (*when == "last")
        dns.when_down = branch_device::WhenDown::last;
      else if (*when == "only")
        dns.when_down = branch_device::WhenDown::only;
      else
        table.error("when_down", fmt::format("\"{}\": expected \"first\", \"last\" or \"only\"", *when));
    }
    dns.inject_when_empty = table.flag("inject_when_empty", dns.inject_when_empty);
    table.finish();
  }

  void read_central() {
    auto table = section("central");
    auto& central = configuration_.branch.central;
    const auto parse = [](std::string_view text) -> std::optional<Target> {
      const auto target = Target::parse(text);
      return target && target->transport <= Transport::tls ? target : std::nullopt;
    };
    if (auto servers = list<Target>(table, "servers", parse, "\"TRANSPORT:ADDRESS:PORT\" with udp, tcp or tls"))
      central.servers = std::move(*servers);
    for (const Target& server : central.servers)
      if (std::ranges::find(configuration_.branch.sip.listen, server) != configuration_.branch.sip.listen.end())
        table.error("servers", fmt::format("\"{}\": expected another server than ourselves", server.text()));
    const auto& listen = configuration_.branch.sip.listen;
    if (std::ranges::find(central.servers, Transport::tls, &Target::transport) != central.servers.end() &&
        std::ranges::find(listen, Transport::tls, &Target::transport) == listen.end())
      table.error("servers", "expected a tls: listener in sip.listen beside a tls: server");
    central.probe_interval = table.duration("probe_interval", central.probe_interval, 100ms, 10min);
    central.probe_timeout = table.duration("probe_timeout", central.probe_timeout, 50ms, 1min);
    if (central.probe_timeout > central.probe_interval)
      table.error("probe_timeout", fmt::format("expected at most central.probe_interval, \"{}\"", to_text(central.probe_interval)));
    central.down_after = table.count("down_after", central.down_after, 1, 100);
    central.up_after = table.count("up_after", central.up_after, 1, 100);
    central.return_dwell = table.duration("return_dwell", central.return_dwell, 0s, 24h);
    central.return_rate = table.count("return_rate", central.return_rate, 1, 10'000);
    table.finish();
  }

  void read_registrar() {
    auto table = section("registrar");
    auto& registrar = configuration_.branch.registrar;
    if (const auto auth = table.text("auth").value_or("network"); auth == "digest")
      registrar.auth = branch_device::Auth::digest;
    else if (auth != "network")
      table.error("auth", fmt::format("\"{}\": expected \"network\" or \"digest\"", auth));
    if (auto algorithms = list<auth::Algorithm>(table, "algorithms", auth::parse_algorithm, "\"MD5\", \"SHA-256\" or \"SHA-512-256\"")) {
      registrar.algorithms = std::move(*algorithms);
      if (registrar.algorithms.empty()) table.error("algorithms", "expected at least one");
    }
    registrar.nonce_age = table.duration("nonce_age", registrar.nonce_age, 1s, 24h);
    if (const auto numbers = table.texts("emergency")) {
      registrar.emergency.clear();
      for (const TomlItem& number : *numbers) registrar.emergency.push_back(number.text);
    }
    registrar.min_expires = table.duration("min_expires", registrar.min_expires, 1s, 1h);
    registrar.normal_expires = table.duration("normal_expires", registrar.normal_expires, 1s, 24h);
    registrar.survivable_expires = table.duration("survivable_expires", registrar.survivable_expires, 1s, 24h);
    for (const auto& [key, value] :
         {std::pair{"normal_expires", registrar.normal_expires}, std::pair{"survivable_expires", registrar.survivable_expires}})
      if (value < registrar.min_expires)
        table.error(key, fmt::format("expected at least registrar.min_expires, \"{}\"", to_text(registrar.min_expires)));
    registrar.contacts_per_aor = table.count("contacts_per_aor", registrar.contacts_per_aor, 1, 100);
    for (const TomlItem& item : table.texts("service_route").value_or(std::vector<TomlItem>{})) {
      const auto uri = sip::Uri::parse(item.text);
      if (uri && uri->is_sip() && uri->is_loose_router())
        registrar.service_route.push_back(item.text);
      else
        table.error("service_route", item.line, fmt::format("\"{}\": expected a SIP URI with lr, as \"sip:edge.example;lr\"", item.text));
    }
    table.finish();
  }

  void read_restart() {
    auto table = section("restart");
    auto& restart = configuration_.branch.restart;
    if (const auto text = table.text("release")) {
      if (const auto policy = calls::parse_policy(*text))
        restart.policy = *policy;
      else
        table.error("release", fmt::format("\"{}\": expected \"confirm\", \"immediate\" or \"log\"", *text));
    }
    restart.grace = table.duration("grace", restart.grace, 8s, 10min);
    restart.audit = table.flag("audit", restart.audit);
    table.finish();
  }

  void read_store() {
    auto table = section("store");
    const std::string url = table.text("url").value_or("sqlite:/var/lib/ringhold/ringhold.db");
    constexpr std::string_view scheme = "sqlite:";
    if (url.starts_with(scheme) && url.size() > scheme.size())
      configuration_.store_path = beside(path_, url.substr(scheme.size()));
    else if (url.starts_with("redis:"))
      table.error("url", "Redis is not supported by this version: expected \"sqlite:PATH\" or \"memory:\"");
    else if (url != "memory:")
      table.error("url", fmt::format("\"{}\": expected \"sqlite:PATH\" or \"memory:\"", url));
    table.finish();
  }

  void read_http() {
    auto table = section("http");
    const std::string listen = table.text("listen").value_or("127.0.0.1:8070");
    if (const auto endpoint = Endpoint::parse(listen, Port{8070}))
      configuration_.http = *endpoint;
    else
      table.error("listen", fmt::format("\"{}\": expected \"ADDRESS:PORT\"", listen));
    if (const auto file = table.text("token_file"); file && !file->empty()) {
      std::vector<SettingError> unreadable;
      const std::string token{trimmed(file_text(beside(path_, *file), unreadable))};
      if (!unreadable.empty())
        table.error("token_file", unreadable.front().text());
      else if (token.size() < 16)
        table.error("token_file", "expected a file with a token of at least 16 characters");
      configuration_.http_token = token;
    } else if (!configuration_.http.address.is_loopback()) {
      table.error("listen", fmt::format("\"{}\" is not a loopback address: expected http.token_file with it", listen));
    }
    table.finish();
  }

  void refuse_unknown_tables() {
    for (const auto& [key, node] : file_) {
      const std::string_view word = key.str();
      if (known_tables.contains(word)) continue;
      std::string expected = "unknown table";
      const std::string guess = nearest(word, known_tables);
      if (later_tables.contains(word))
        expected += ": not supported by this version";
      else if (!guess.empty())
        expected += fmt::format(": did you mean [{}]?", guess);
      else
        expected += fmt::format(": there are {}", fmt::join(known_tables, ", "));
      errors_.push_back({path_, static_cast<unsigned>(node.source().begin.line), std::string{word}, std::move(expected)});
    }
  }

  const toml::table& file_;
  const std::string& path_;
  const Surroundings& machine_;
  std::vector<SettingError>& errors_;
  Configuration configuration_;
};

toml::table parsed(std::string_view text, const std::string& path, std::vector<SettingError>& errors) {
  try {
    return toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    errors.push_back({path, static_cast<unsigned>(error.source().begin.line), "", fmt::format("not TOML: {}", error.description())});
    return {};
  }
}

}  // namespace

std::expected<Configuration, std::vector<SettingError>> parse_settings(std::string_view text, const std::string& path,
                                                                       const Surroundings& machine) {
  std::vector<SettingError> errors;
  const toml::table file = parsed(text, path, errors);
  if (!errors.empty()) return std::unexpected{std::move(errors)};
  Configuration configuration = Reader{file, path, machine, errors}.read();
  if (!errors.empty()) {
    std::ranges::stable_sort(errors, {}, &SettingError::line);
    return std::unexpected{std::move(errors)};
  }
  complete(configuration, machine);
  inspect_certificate(configuration, machine);
  for (std::string& remark : remarks_on(configuration, machine)) configuration.remarks.push_back(std::move(remark));
  return configuration;
}

std::expected<Configuration, std::vector<SettingError>> read_settings(const std::string& path, const Surroundings& machine) {
  std::vector<SettingError> errors;
  const std::string text = file_text(path, errors);
  if (!errors.empty()) return std::unexpected{std::move(errors)};
  return parse_settings(text, path, machine);
}

std::expected<AgentConfiguration, std::vector<SettingError>> parse_agent_settings(std::string_view text, const std::string& path,
                                                                                  const Surroundings& machine) {
  std::vector<SettingError> errors;
  const toml::table file = parsed(text, path, errors);
  if (!errors.empty()) return std::unexpected{std::move(errors)};
  AgentConfiguration configuration = Reader{file, path, machine, errors}.read_for_agent();
  if (errors.empty()) return configuration;
  std::ranges::stable_sort(errors, {}, &SettingError::line);
  return std::unexpected{std::move(errors)};
}

std::expected<AgentConfiguration, std::vector<SettingError>> read_agent_settings(const std::string& path, const Surroundings& machine) {
  std::vector<SettingError> errors;
  const std::string text = file_text(path, errors);
  if (!errors.empty()) return std::unexpected{std::move(errors)};
  return parse_agent_settings(text, path, machine);
}

}  // namespace ringhold::app
