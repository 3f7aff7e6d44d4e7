#include "dhcp/configuration.hpp"

#include <string_view>
#include <utility>

#include "base/characters.hpp"

namespace ringhold::dhcp {

namespace {

constexpr std::size_t longest_name = 255;  // RFC 1035 §2.3.4, with lengths and the root
constexpr std::size_t longest_label = 63;
constexpr std::size_t compression = 0xc0;  // RFC 1035 §4.1.4

enum class Encoding : std::uint8_t { names = 0, addresses = 1 };  // RFC 3361 §3

/// What is wrong with an option; where it stands is said by who knows.
template <typename T>
using Reading = std::expected<T, std::string_view>;

std::size_t byte(std::string_view bytes, std::size_t offset) { return static_cast<unsigned char>(bytes[offset]); }

constexpr Characters of_host_names = Characters::alphanumeric_and("-_");

/// Whether a packet to it goes to one host.
bool is_of_one_host(const Address& address) {
  const std::uint8_t first = address.bytes().front();
  return first != 0 && first < 224;
}

Reading<std::vector<Address>> read_addresses(std::string_view data) {
  if (data.empty()) return std::unexpected{"is empty"};
  if (data.size() % 4 != 0) return std::unexpected{"length is no multiple of four"};
  std::vector<Address> addresses;
  for (; !data.empty() && addresses.size() < most_addresses; data.remove_prefix(4)) {
    const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(data[i]); };
    addresses.push_back(Address::v4({at(0), at(1), at(2), at(3)}));
    if (!is_of_one_host(addresses.back())) return std::unexpected{"holds an address that is no host's"};
  }
  return addresses;
}

/// Takes one name from the front of `data` (RFC 1035 §3.1).
Reading<Text> take_name(std::string_view& data) {
  Text name;
  std::size_t wire_bytes = 1;
  for (;;) {
    if (data.empty()) return std::unexpected{"name does not end with a zero byte"};
    const std::size_t length = byte(data, 0);
    data.remove_prefix(1);
    if (length == 0) break;
    // RFC 3361 §3.1: there is no message that a pointer could point into.
    if (length >= compression) return std::unexpected{"name is compressed"};
    if (length > longest_label) return std::unexpected{"label is longer than 63 bytes"};
    if (length > data.size()) return std::unexpected{"label goes past the end"};
    wire_bytes += 1 + length;
    if (wire_bytes > longest_name) return std::unexpected{"name is longer than 255 bytes"};
    const std::string_view label = data.substr(0, length);
    // It goes into URIs and into the log.
    if (!of_host_names.contain_all(label)) return std::unexpected{"name has a character that no host name has"};
    if (!name.empty()) name.push_back('.');
    name.append(label);
    data.remove_prefix(length);
  }
  if (name.empty()) return std::unexpected{"name is empty"};
  // Nobody would ask for SRV records of it, and why would stay hidden (RFC 3361 §3.2 is for addresses).
  if (Address::parse(name)) return std::unexpected{"name is an address: encoding 1 is for addresses"};
  return name;
}

Reading<std::vector<Text>> read_names(std::string_view data) {
  if (data.empty()) return std::unexpected{"has no name"};
  std::vector<Text> names;
  while (!data.empty() && names.size() < most_names) {
    auto name = take_name(data);
    if (!name) return std::unexpected{name.error()};
    names.push_back(std::move(*name));
  }
  return names;
}

struct SipServers {
  std::vector<Text> domains;
  std::vector<Address> addresses;
};

Reading<SipServers> read_sip_servers(std::string_view data) {
  if (data.empty()) return std::unexpected{"is empty"};
  switch (static_cast<Encoding>(byte(data, 0))) {
    case Encoding::names: {
      auto names = read_names(data.substr(1));
      if (!names) return std::unexpected{names.error()};
      return SipServers{std::move(*names), {}};
    }
    case Encoding::addresses: {
      auto addresses = read_addresses(data.substr(1));
      if (!addresses) return std::unexpected{addresses.error()};
      return SipServers{{}, std::move(*addresses)};
    }
  }
  return std::unexpected{"encoding is neither 0 nor 1"};
}

/// Option 15 is text; some servers end it with a zero byte (RFC 2132 §2), some with a dot.
Reading<Text> read_domain(std::string_view data) {
  while (data.ends_with('\0')) data.remove_suffix(1);
  if (data.ends_with('.')) data.remove_suffix(1);
  if (data.empty()) return std::unexpected{"is empty"};
  if (data.size() > longest_name - 2) return std::unexpected{"name is longer than 255 bytes"};
  std::size_t label = 0;
  for (const char c : data) {
    if (c == '.' && label == 0) return std::unexpected{"label is empty"};
    if (c != '.' && !of_host_names.contains(c)) return std::unexpected{"name has a character that no host name has"};
    label = c == '.' ? 0 : label + 1;
    if (label > longest_label) return std::unexpected{"label is longer than 63 bytes"};
  }
  if (label == 0) return std::unexpected{"label is empty"};
  return Text{data};
}

Reading<std::optional<Address>> read_server(std::string_view data) {
  if (data.size() != 4) return std::unexpected{"is not four bytes"};
  auto addresses = read_addresses(data);
  if (!addresses) return std::unexpected{addresses.error()};
  return addresses->front();
}

/// `value` as the option says, or none when the option is absent. Malformed: it stays, and why is added to `refused`.
template <typename Value>
void take(const Message& ack, std::uint8_t code, std::string_view name, Reading<Value> (*read)(std::string_view), Value& value,
          std::vector<Error>& refused) {
  const Option* option = ack.find(code);
  if (option == nullptr) {
    value = {};
    return;
  }
  auto reading = read(option->data);
  if (reading)
    value = std::move(*reading);
  else
    refused.push_back({name, option->offset, reading.error()});
}

}  // namespace

std::vector<Error> Configuration::update(const Message& ack) {
  std::vector<Error> refused;
  take(ack, option::server_identifier, "option 54", read_server, server, refused);
  take(ack, option::nameservers, "option 6", read_addresses, nameservers, refused);
  take(ack, option::domain, "option 15", read_domain, domain, refused);
  SipServers sip{std::move(sip_domains), std::move(sip_addresses)};
  take(ack, option::sip_servers, "option 120", read_sip_servers, sip, refused);
  sip_domains = std::move(sip.domains);
  sip_addresses = std::move(sip.addresses);
  return refused;
}

}  // namespace ringhold::dhcp
