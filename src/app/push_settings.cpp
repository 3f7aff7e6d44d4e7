#include "app/push_settings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/setting_values.hpp"
#include "base/text.hpp"
#include "sip/uri.hpp"

namespace ringhold::app {

namespace {

using Push = branch_device::Settings::Push;

constexpr unsigned most_stored_messages = 100'000;
constexpr unsigned most_stored_megabytes = 4'096;

/// The part before @ of an address.
bool is_user_name(std::string_view text) {
  return !text.empty() && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || std::string_view{"@:/<>\""}.find(c) != std::string_view::npos;
  });
}

bool is_sip_uri(std::string_view text) {
  const auto uri = sip::Uri::parse(text);
  return uri && uri->is_sip();
}

/// A name that is no mistyped address: its last label has a letter.
std::optional<std::string> host_name(std::string_view text) {
  auto name = domain_name(text);
  if (!name) return std::nullopt;
  const std::string_view last = std::string_view{*name}.substr(name->rfind('.') + 1);
  return std::ranges::all_of(last, is_digit) ? std::nullopt : std::move(name);
}

std::vector<TomlItem> texts(TomlSection& table, std::string_view key) { return table.texts(key).value_or(std::vector<TomlItem>{}); }

void read_store(TomlSection& table, delivery::Settings& delivery) {
  if (const auto text = table.text("strategy")) {
    if (const auto strategy = delivery::parse_strategy(*text))
      delivery.strategy = *strategy;
    else
      table.error("strategy", fmt::format("\"{}\": expected \"one-by-one\" or \"all-at-once\"", *text));
  }
  delivery.attempt = table.duration("attempt", delivery.attempt, 1s, 30s);
  delivery.store_for = table.duration("store_for", delivery.store_for, 0s, 24h * 365);
  delivery.store_messages = table.count("store_messages", static_cast<unsigned>(delivery.store_messages), 1, most_stored_messages);
  const auto megabytes = static_cast<unsigned>(delivery.store_bytes >> 20U);
  delivery.store_bytes = std::size_t{table.count("store_size", megabytes, 1, most_stored_megabytes)} << 20U;
}

void read_senders(TomlSection& table, Push& push) {
  for (const TomlItem& item : texts(table, "senders")) {
    if (const auto network = Network::parse(item.text))
      push.trusted.push_back(*network);
    else if (item.text == "*" || is_user_name(item.text))
      push.senders.push_back(item.text);
    else
      table.error(
          "senders", item.line,
          fmt::format("\"{}\": expected a user, that is the part before @ in his address, \"*\", or an address or a network", item.text));
  }
}

void read_allowed(TomlSection& table, Push& push) {
  for (const TomlItem& item : texts(table, "allowed")) {
    if (const auto network = Network::parse(item.text))
      push.allowed.push_back(*network);
    else if (auto host = host_name(item.text))
      push.allowed_hosts.push_back(*std::move(host));
    else
      table.error("allowed", item.line, fmt::format("\"{}\": expected an address, a network or a host name", item.text));
  }
}

void read_password(TomlSection& table, const std::string& path, Push& push) {
  const auto username = table.text("username");
  const auto file = table.text("password_file");
  if (username.has_value() != file.has_value())
    return table.error(username ? "username" : "password_file",
                       fmt::format("expected push.{} beside it", username ? "password_file" : "username"));
  if (!username) return;
  push.username = *username;
  if (username->empty()) table.error("username", "expected the user name for terminals that challenge a push");
  std::vector<SettingError> unreadable;
  const std::string text = file_text(beside(path, *file), unreadable);
  push.password = trimmed(std::string_view{text}.substr(0, text.find('\n')));
  if (!unreadable.empty())
    table.error("password_file", unreadable.front().text());
  else if (push.password.empty())
    table.error("password_file", "expected a file whose first line is the password");
}

Push::User read_user(TomlSection& table, const std::vector<ringing::TerminalType>& types) {
  Push::User user;
  user.name = table.text("name").value_or("");
  if (!is_user_name(user.name))
    table.error("name", fmt::format("\"{}\": expected a user, that is the part before @ in his address", user.name));
  for (const TomlItem& item : texts(table, "order")) {
    if (std::ranges::find(types, item.text, &ringing::TerminalType::name) != types.end()) {
      user.order.push_back(item.text);
      continue;
    }
    std::string names;
    for (const ringing::TerminalType& type : types) names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", type.name);
    table.error("order", item.line, fmt::format("\"{}\": expected a type of terminal: {}", item.text, names));
  }
  for (const TomlItem& item : texts(table, "addresses")) {
    if (is_sip_uri(item.text))
      user.addresses.push_back(item.text);
    else
      table.error("addresses", item.line, fmt::format("\"{}\": expected a SIP URI, such as \"sip:8002@10.77.0.12\"", item.text));
  }
  table.finish();
  return user;
}

}  // namespace

void read_push(TomlSection table, const std::string& path, const std::vector<ringing::TerminalType>& types, Push& push) {
  read_store(table, push.delivery);
  if (const auto from = table.text("from")) {
    if (is_sip_uri(*from))
      push.from = *from;
    else
      table.error("from", fmt::format("\"{}\": expected a SIP URI, such as \"sip:news@example.com\"", *from));
  }
  read_senders(table, push);
  read_allowed(table, push);
  for (const TomlItem& item : texts(table, "events")) {
    push.events.push_back(lower_case(item.text));
    if (!sip::is_token(item.text) || push.events.back() == "reg")
      table.error("events", item.line, fmt::format("\"{}\": expected an event package other than \"reg\", such as \"x-push\"", item.text));
  }
  for (const TomlItem& item : texts(table, "unsolicited")) {
    push.unsolicited.push_back(item.text);
    if (item.text.empty()) table.error("unsolicited", item.line, "expected a pattern for User-Agents, such as \"snom*\"");
  }
  push.recursion = table.flag("recurse", push.recursion == branch_device::Recursion::follow) ? branch_device::Recursion::follow
                                                                                             : branch_device::Recursion::pass_up;
  read_password(table, path, push);
  for (TomlSection& one : table.tables("user")) {
    Push::User user = read_user(one, types);
    if (std::ranges::find(push.users, user.name, &Push::User::name) != push.users.end())
      one.error("name", fmt::format("\"{}\": expected each user once", user.name));
    push.users.push_back(std::move(user));
  }
  table.finish();
}

}  // namespace ringhold::app
