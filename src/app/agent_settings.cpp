#include "app/agent_settings.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "app/ring_when.hpp"
#include "app/setting_values.hpp"
#include "app/settings_sense.hpp"
#include "app/time_zones.hpp"
#include "base/text.hpp"
#include "sip/uri.hpp"

namespace ringhold::app {

namespace {

constexpr std::size_t most_accounts = 50'000;
constexpr std::string_view default_store = "sqlite:/var/lib/ringhold/agent.db";

/// An account's password: the first line of its file.
Text password_of(TomlSection& table, const std::string& path) {
  const auto file = table.text("password_file");
  if (!file || file->empty()) return {};
  std::vector<SettingError> unreadable;
  const std::string text = file_text(beside(path, *file), unreadable);
  if (!unreadable.empty()) table.error("password_file", unreadable.front().text());
  return Text{trimmed(std::string_view{text}.substr(0, text.find('\n')))};
}

void read_account(TomlSection& table, const std::string& path, std::vector<agent::AccountSettings>& accounts) {
  agent::AccountSettings account;
  if (const auto text = table.text("aor")) {
    const auto uri = sip::Uri::parse(*text);
    const auto aor = uri && uri->is_sip() && !uri->user.empty() ? sip::address_of_record(*uri) : std::nullopt;
    if (!aor || !sip::is_plain(*text))
      table.error("aor", fmt::format("\"{}\": expected an address-of-record, such as \"sip:alice@example.com\"", *text));
    else if (std::ranges::find(accounts, *aor, &agent::AccountSettings::aor) != accounts.end())
      table.error("aor", fmt::format("\"{}\": it stands here twice", *text));
    else
      account.aor = *aor;
    account.username = table.text("username").value_or(uri && uri->is_sip() ? std::string{uri->user} : std::string{});
  } else {
    table.error("aor", "missing: expected an address-of-record, such as \"sip:alice@example.com\"");
    (void)table.text("username");
  }
  account.password = password_of(table, path);
  account.type = table.text("type").value_or("");
  const bool is_type = std::ranges::all_of(account.type, [](char c) { return is_alpha(c) || is_digit(c) || c == '-'; });
  if (!is_type) table.error("type", fmt::format("\"{}\": expected a type of terminal, such as \"pc-client\" or \"1\"", account.type));
  if (account.username.find_first_of("\"\\\r\n") != Text::npos) table.error("username", "expected a name without quotes and backslashes");
  table.finish();
  accounts.push_back(std::move(account));
}

template <typename Value, typename Parse>
std::vector<Value> values(TomlSection& table, std::string_view key, Parse&& parse, std::string_view expected) {
  std::vector<Value> found;
  for (const TomlItem& item : table.texts(key).value_or(std::vector<TomlItem>{})) {
    if (const auto value = parse(std::string_view{item.text}))
      found.push_back(*value);
    else
      table.error(key, item.line, fmt::format("\"{}\": expected {}", item.text, expected));
  }
  return found;
}

void read_switch(TomlSection table, switching::Settings& settings) {
  settings.heartbeat = table.duration("heartbeat", settings.heartbeat, 1s, 10min);
  settings.retry_all = table.duration("retry_all", settings.retry_all, 1s, 30min);
  settings.retry_single = table.duration("retry_single", settings.retry_single, 1s, 30min);
  settings.return_after = table.duration("return_after", settings.return_after, 0s, 1h);
  table.finish();
}

/// By which of its addresses the machine would be reached from there: that of the same network, else one that is not loopback.
Address own_address(const Surroundings& machine, const std::optional<Address>& towards) {
  const bool v4 = !towards || towards->is_v4();
  if (towards)
    for (const auto& interface : machine.interfaces)
      if (interface.address.is_v4() == v4 && network_of(interface).contains(*towards)) return interface.address;
  for (const auto& interface : machine.interfaces)
    if (interface.address.is_v4() == v4 && !interface.address.is_loopback()) return interface.address;
  return *Address::parse(v4 ? "127.0.0.1" : "::1");
}

void read_uplinks(TomlSection& table, const Surroundings& machine, AgentConfiguration& configuration) {
  agent::Settings& mind = configuration.mind;
  constexpr std::string_view expected = "\"TRANSPORT:ADDRESS:PORT\" with udp, tcp or tls";
  const auto parse = [](std::string_view text) {
    const auto target = Target::parse(text);
    const bool fits =
        target && (target->transport == Transport::udp || target->transport == Transport::tcp || target->transport == Transport::tls);
    return fits && !target->endpoint.address.is_unspecified() ? target : std::nullopt;
  };
  mind.uplinks = values<Target>(table, "uplink", parse, expected);
  if (mind.uplinks.empty()) {
    std::optional<Address> towards;
    if (!mind.nameservers.empty()) towards = mind.nameservers.front().address;
    if (!mind.servers.empty()) towards = mind.servers.front().endpoint.address;
    if (configuration.listening.dhcp) towards = configuration.listening.dhcp->address;
    const Address own = own_address(machine, towards);
    for (const Transport transport : {Transport::udp, Transport::tcp}) mind.uplinks.push_back({transport, {own, Port{0}}});
  }
  std::ranges::copy_if(mind.uplinks, std::back_inserter(configuration.listening.sip),
                       [](const Target& one) { return !is_secure(one.transport); });
  configuration.listening.sip_keys.assign(configuration.listening.sip.size(), "agent.uplink");
}

/// TLS towards servers: their certificates are checked against the domain (RFC 5922); we show none. So nobody listens at the uplink of
/// TLS: connections leave from its port, where servers find them that look for one by the address in our Contact.
void read_tls(TomlSection& table, const std::string& path, AgentConfiguration& configuration) {
  agent::Settings& mind = configuration.mind;
  const auto authorities = table.text("tls_ca");
  const auto has_tls = [](const std::vector<Target>& some) {
    return std::ranges::find(some, Transport::tls, &Target::transport) != some.end();
  };
  if (!authorities && !has_tls(mind.servers) && !has_tls(mind.uplinks)) return;
  configuration.listening.tls = net::TlsFiles{
      .certificate = {}, .key = {}, .authorities = authorities ? beside(path, *authorities) : std::string{}, .domain = mind.domain};
  if (const auto context = net::TlsContext::load(*configuration.listening.tls); !context) table.error("tls_ca", context.error());
  if (has_tls(mind.uplinks)) return;
  for (const bool v4 : {true, false}) {
    const auto is_of_family = [&](const Target& one) { return one.endpoint.address.is_v4() == v4; };
    const auto one = std::ranges::find_if(mind.uplinks, is_of_family);
    if (one != mind.uplinks.end()) mind.uplinks.push_back({Transport::tls, {Address{one->endpoint.address}, Port{0}}});
  }
}

/// Whether DHCP is to say it.
bool read_domain(TomlSection& table, Text& domain) {
  const auto text = table.text("domain");
  if (!text) return false;
  if (*text == "dhcp") return true;
  if (const auto name = domain_name(*text))
    domain = *name;
  else
    table.error("domain",
                fmt::format("\"{}\": expected \"dhcp\", or the domain whose SIP servers are looked up, such as \"example.com\"", *text));
  return false;
}

bool read_nameserver(TomlSection& table, std::vector<Endpoint>& nameservers) {
  const auto text = table.text("nameserver");
  if (!text) return false;
  if (*text == "dhcp") return true;
  if (const auto endpoint = Endpoint::parse(*text, Port{53}))
    nameservers = {*endpoint};
  else
    table.error("nameserver", fmt::format("\"{}\": expected \"dhcp\", or an address", *text));
  return false;
}

/// The interface that DHCP is asked on.
void read_interface(TomlSection& table, const Surroundings& machine, AgentConfiguration& configuration) {
  const auto named = table.text("interface");
  if (!configuration.mind.discovery.is_wanted()) {
    if (named) table.error("interface", "it is for DHCP: expected domain = \"dhcp\" or nameserver = \"dhcp\" beside it");
    return;
  }
  const std::string name = named.value_or(machine.default_interface);
  const auto found = std::ranges::find_if(machine.interfaces, [&](const auto& one) { return one.name == name && one.address.is_v4(); });
  const bool is_ethernet = found != machine.interfaces.end() && found->hardware != std::array<std::uint8_t, 6>{};
  if (!is_ethernet) {
    table.error("interface", name.empty()
                                 ? std::string{"there is no default route: expected the name of the interface that DHCP is asked on"}
                                 : fmt::format("\"{}\": expected an Ethernet interface with an IPv4 address", name));
    return;
  }
  configuration.mind.discovery.interface.hardware = found->hardware;
  configuration.mind.discovery.interface.address = found->address;
  configuration.listening.dhcp = net::DhcpInterface{name, found->address};
}

/// Where phones reach us, and which phones may (T14).
void read_edge(TomlSection& table, const Surroundings& machine, AgentConfiguration& configuration) {
  agent::Settings& mind = configuration.mind;
  mind.listen = table.has("listen") ? values<Target>(table, "listen", Target::parse, "\"TRANSPORT:ADDRESS:PORT\" with udp or tcp")
                                    : std::vector{*Target::parse("udp:127.0.0.1:5080"), *Target::parse("tcp:127.0.0.1:5080")};
  for (const Target& one : mind.listen)
    if (one.transport != Transport::udp && one.transport != Transport::tcp)
      table.error("listen", fmt::format("\"{}\": expected udp or tcp", one.text()));
  mind.networks = values<Network>(table, "networks", Network::parse, "a network such as \"192.168.1.0/24\"");
  if (!table.has("networks"))
    for (const auto& interface : machine.interfaces)
      if (is_private(interface.address) || interface.address.is_loopback()) mind.networks.push_back(network_of(interface));
  mind.names = {"localhost"};
  if (!machine.host_name.empty()) mind.names.push_back(machine.host_name);
  mind.listen = spelt_out(mind.listen, machine);
  configuration.listening.sip.insert(configuration.listening.sip.end(), mind.listen.begin(), mind.listen.end());
  configuration.listening.sip_keys.resize(configuration.listening.sip.size(), "agent.listen");
}

void read_rule(TomlSection table, std::vector<agent::PushRule>& rules) {
  agent::PushRule rule;
  const auto list = [&](std::string_view key) {
    std::vector<Text> texts;
    for (const TomlItem& item : table.texts(key).value_or(std::vector<TomlItem>{})) texts.push_back(item.text);
    return texts;
  };
  if (const auto type = table.text("content_type")) rule.content_types = {*type};
  rule.accounts = list("accounts");
  rule.larger_than = table.count("larger_than", 0, 0, 1'000'000'000);
  if (const auto text = table.text("when")) {
    if (const auto when = parse_when(*text))
      rule.when = *when;
    else
      table.error("when", when.error());
  }
  rule.status = static_cast<int>(table.count("status", 302, 300, 499));
  const bool redirects = rule.status >= 300 && rule.status <= 302;
  if (!redirects && (rule.status < 400 || rule.status == 401 || rule.status == 407))
    table.error("status", "expected 300, 301 or 302, or 4xx but 401 and 407");
  rule.contacts = list("contacts");
  for (const Text& contact : rule.contacts) {
    const auto uri = sip::Uri::parse(contact);
    if (!uri || !uri->is_sip() || !sip::is_plain(contact)) table.error("contacts", fmt::format("\"{}\": expected a SIP URI", contact));
  }
  if (!redirects && !rule.contacts.empty()) table.error("contacts", "they belong to a status of 300, 301 or 302");
  rule.lasts = table.duration("lasts", rule.lasts, 0s, 24h * 365);
  if (rule.lasts > 0s && rule.status != 302) table.error("lasts", "it belongs to a status of 302");
  table.finish();
  rules.push_back(std::move(rule));
}

/// The table [agent.push] (T15).
void read_push(TomlSection table, const std::string& path, const Surroundings& machine, AgentConfiguration& configuration) {
  agent::PushSettings& push = configuration.mind.push;
  const auto command = table.text("handler");
  const auto socket = table.text("socket");
  push.time_limit = table.duration("time_limit", push.time_limit, 100ms, 25s);
  if (command && socket) table.error("socket", "expected either agent.push.handler or agent.push.socket");
  push.has_handler = command || socket;
  if (command) {
    configuration.handler.command = beside(path, *command);
    if (access(configuration.handler.command.c_str(), X_OK) != 0)
      table.error("handler", fmt::format("\"{}\": expected a file that this user may execute", configuration.handler.command));
  }
  if (socket) configuration.handler.socket = beside(path, *socket);
  configuration.handler.time_limit = push.time_limit;
  for (TomlSection& rule : table.tables("redirect")) read_rule(std::move(rule), push.rules);
  if (!machine.time_zone.empty()) push.calendar.zone = read_time_zone(machine.time_zone).value_or(ringing::TimeZone{});
  table.finish();
}

void read_store(TomlSection& table, const std::string& path, AgentConfiguration& configuration) {
  const std::string url = table.text("store").value_or(std::string{default_store});
  constexpr std::string_view scheme = "sqlite:";
  if (url.starts_with(scheme) && url.size() > scheme.size())
    configuration.store_path = beside(path, url.substr(scheme.size()));
  else if (url != "memory:")
    table.error("store", fmt::format("\"{}\": expected \"sqlite:PATH\" or \"memory:\"", url));
}

}  // namespace

AgentConfiguration read_agent(TomlSection table, const std::string& path, const std::string& branch_domain, const Surroundings& machine) {
  AgentConfiguration configuration;
  configuration.file = path;
  agent::Settings& mind = configuration.mind;
  for (TomlSection& one : table.tables("accounts")) read_account(one, path, mind.accounts);
  if (mind.accounts.empty()) table.error("accounts", "expected at least one: [{ aor = \"sip:alice@example.com\", password_file = \"…\" }]");
  if (mind.accounts.size() > most_accounts) table.error("accounts", fmt::format("expected at most {}", most_accounts));
  mind.domain = branch_domain;
  mind.nameservers = machine.resolvers;
  mind.discovery.domain = read_domain(table, mind.domain);
  mind.servers = values<Target>(table, "servers", Target::parse, "\"TRANSPORT:ADDRESS:PORT\" with udp, tcp or tls");
  if (mind.domain.empty() && mind.servers.empty() && !mind.discovery.domain)
    table.error("domain", "missing: expected the domain whose SIP servers are looked up, \"dhcp\", or agent.servers");
  mind.discovery.nameserver = read_nameserver(table, mind.nameservers);
  if (mind.servers.empty() && mind.nameservers.empty() && !mind.discovery.nameserver)
    table.error("nameserver", "missing, and the system has none: expected the address of a DNS server, or \"dhcp\"");
  read_interface(table, machine, configuration);
  mind.expires = table.duration("expires", mind.expires, 10s, 24h);
  read_switch(table.table("switch"), mind.switching);
  read_uplinks(table, machine, configuration);
  read_tls(table, path, configuration);
  read_edge(table, machine, configuration);
  read_push(table.table("push"), path, machine, configuration);
  read_store(table, path, configuration);
  table.finish();
  return configuration;
}

}  // namespace ringhold::app
