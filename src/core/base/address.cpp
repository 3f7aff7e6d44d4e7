#include "base/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "base/hash.hpp"

namespace ringhold {

namespace {

/// Four decimal numbers of one to three digits, as inet_pton takes them; written out because each message asks many times.
std::optional<std::array<std::uint8_t, 4>> parse_v4(std::string_view text) {
  std::array<std::uint8_t, 4> bytes{};
  std::size_t at = 0;
  for (std::size_t part = 0; part < bytes.size(); ++part) {
    if (part > 0) {
      if (at >= text.size() || text[at] != '.') return std::nullopt;
      ++at;
    }
    const std::size_t begin = at;
    unsigned value = 0;
    while (at < text.size() && is_digit(text[at]) && at - begin < 3) value = value * 10 + static_cast<unsigned>(text[at++] - '0');
    if (at == begin || value > 255 || (text[begin] == '0' && at - begin > 1)) return std::nullopt;
    bytes[part] = static_cast<std::uint8_t>(value);
  }
  if (at != text.size()) return std::nullopt;
  return bytes;
}

}  // namespace

Address Address::v4(std::array<std::uint8_t, 4> bytes) {
  Address address;
  std::ranges::copy(bytes, address.bytes_.begin());
  return address;
}

Address Address::v6(std::array<std::uint8_t, 16> bytes) {
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(mapped.begin(), mapped.end(), bytes.begin())) return v4({bytes[12], bytes[13], bytes[14], bytes[15]});
  Address address;
  address.v6_ = true;
  address.bytes_ = bytes;
  return address;
}

std::optional<Address> Address::parse(std::string_view text) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
    if (text.find(':') == std::string_view::npos) return std::nullopt;
  }
  if (const auto four = parse_v4(text)) return v4(*four);
  if (text.find(':') == std::string_view::npos) return std::nullopt;
  char buffer[INET6_ADDRSTRLEN + 1];
  if (text.empty() || text.size() >= sizeof buffer) return std::nullopt;
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  if (std::strlen(buffer) != text.size()) return std::nullopt;
  std::array<std::uint8_t, 16> sixteen{};
  if (inet_pton(AF_INET6, buffer, sixteen.data()) == 1) return v6(sixteen);
  return std::nullopt;
}

bool Address::is_unspecified() const {
  return std::ranges::all_of(bytes_, [](std::uint8_t byte) { return byte == 0; });
}

bool Address::is_loopback() const {
  if (!v6_) return bytes_[0] == 127;
  return bytes_[15] == 1 && std::all_of(bytes_.begin(), bytes_.end() - 1, [](std::uint8_t byte) { return byte == 0; });
}

std::span<const std::uint8_t> Address::bytes() const { return {bytes_.data(), v6_ ? 16U : 4U}; }

AddressText::AddressText(const Address& address) {
  static_assert(sizeof characters_ == INET6_ADDRSTRLEN);
  if (!address.is_v4()) {
    inet_ntop(AF_INET6, address.bytes().data(), characters_.data(), INET6_ADDRSTRLEN);
    size_ = std::strlen(characters_.data());
    return;
  }
  char* to = characters_.data();
  for (const std::uint8_t number : address.bytes()) {
    if (number >= 100) *to++ = static_cast<char>('0' + number / 100);
    if (number >= 10) *to++ = static_cast<char>('0' + number / 10 % 10);
    *to++ = static_cast<char>('0' + number % 10);
    *to++ = '.';
  }
  size_ = static_cast<std::size_t>(to - characters_.data()) - 1;
}

Text Address::text() const { return Text{AddressText{*this}.text()}; }

Text Address::host_text() const { return v6_ ? "[" + text() + "]" : text(); }

std::optional<Endpoint> Endpoint::parse(std::string_view text, Port default_port) {
  if (const auto whole = Address::parse(text)) return Endpoint{*whole, default_port};
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto host = text.substr(0, colon);
  const bool bracketed = !host.empty() && host.front() == '[';
  const auto address = Address::parse(host);
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  if (!address || !port || (!address->is_v4() && !bracketed)) return std::nullopt;
  return Endpoint{*address, Port{*port}};
}

Text Endpoint::text() const {
  Text text = address.host_text();
  text.append(":").append(Decimal{to_number(port)});
  return text;
}

std::string_view name(Transport transport) {
  switch (transport) {
    case Transport::udp: return "udp";
    case Transport::tcp: return "tcp";
    case Transport::tls: return "tls";
    case Transport::ws: return "ws";
    case Transport::wss: return "wss";
  }
  return "";
}

std::string_view uri_name(Transport transport) { return name(transport == Transport::wss ? Transport::ws : transport); }

std::string_view via_name(Transport transport) {
  switch (transport) {
    case Transport::udp: return "UDP";
    case Transport::tcp: return "TCP";
    case Transport::tls: return "TLS";
    case Transport::ws: return "WS";
    case Transport::wss: return "WSS";
  }
  return "";
}

std::optional<Transport> parse_transport(std::string_view text) {
  for (const Transport transport : {Transport::udp, Transport::tcp, Transport::tls, Transport::ws, Transport::wss})
    if (equal_ignoring_case(text, name(transport))) return transport;
  return std::nullopt;
}

std::optional<Target> Target::parse(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto transport = parse_transport(text.substr(0, colon));
  if (!transport) return std::nullopt;
  const auto endpoint = Endpoint::parse(text.substr(colon + 1), default_port(*transport));
  if (!endpoint) return std::nullopt;
  return Target{*transport, *endpoint};
}

Text Target::text() const { return Text{name(transport)} + ":" + endpoint.text(); }

std::optional<Network> Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const auto bits = static_cast<std::uint8_t>(address->bytes().size() * 8);
  if (slash == std::string_view::npos) return Network{*address, bits};
  const auto prefix = parse_number<std::uint8_t>(text.substr(slash + 1), bits);
  if (!prefix) return std::nullopt;
  return Network{*address, *prefix};
}

bool Network::contains(const Address& other) const {
  if (other.is_v4() != address.is_v4()) return false;
  const auto ours = address.bytes();
  const auto theirs = other.bytes();
  const std::size_t whole = prefix / 8U;
  if (!std::equal(ours.begin(), ours.begin() + static_cast<std::ptrdiff_t>(whole), theirs.begin())) return false;
  const unsigned rest = prefix % 8U;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff00U >> rest);
  return (ours[whole] & mask) == (theirs[whole] & mask);
}

Text Network::text() const { return address.text() + "/" + std::to_string(prefix); }

std::size_t EndpointHash::operator()(const Endpoint& endpoint) const {
  const auto bytes = endpoint.address.bytes();
  const std::string_view view{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  return quick_hash(view) * 31U + to_number(endpoint.port);
}

}  // namespace ringhold
