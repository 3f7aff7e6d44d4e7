#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/text.hpp"

namespace ringhold {

/// An IPv4 or IPv6 address. IPv4-mapped IPv6 is turned into IPv4 when parsed, so one host has one spelling.
class Address {
 public:
  constexpr Address() = default;  ///< 0.0.0.0, "no address"
  static Address v4(std::array<std::uint8_t, 4> bytes);
  static Address v6(std::array<std::uint8_t, 16> bytes);
  /// "10.77.0.2", "2001:db8::2" or "[2001:db8::2]"; nothing for names and other text.
  static std::optional<Address> parse(std::string_view text);

  bool is_v4() const { return !v6_; }
  bool is_unspecified() const;  ///< 0.0.0.0 or ::
  bool is_loopback() const;
  std::span<const std::uint8_t> bytes() const;  ///< 4 or 16, network order
  Text text() const;                            ///< without brackets
  Text host_text() const;                       ///< IPv6 in brackets, as in URIs and Via

  friend bool operator==(const Address&, const Address&) = default;
  friend auto operator<=>(const Address&, const Address&) = default;

 private:
  bool v6_ = false;
  std::array<std::uint8_t, 16> bytes_{};
};

/// An address as text() writes it, on the stack.
class AddressText {
 public:
  explicit AddressText(const Address& address);
  std::string_view text() const { return {characters_.data(), size_}; }
  operator std::string_view() const { return text(); }

 private:
  std::array<char, 46> characters_;
  std::size_t size_;
};

enum class Port : std::uint16_t {};
constexpr std::uint16_t to_number(Port port) { return static_cast<std::uint16_t>(port); }

/// Address and port.
struct Endpoint {
  Address address;
  Port port{};

  /// "10.77.0.2:5060", "[::1]:53"; a missing port takes `default_port`.
  static std::optional<Endpoint> parse(std::string_view text, Port default_port);
  Text text() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

enum class Transport : std::uint8_t { udp, tcp, tls, ws, wss };
/// "udp", "tcp", "tls", "ws", "wss": as in the configuration.
std::string_view name(Transport transport);
/// "UDP", "TCP", "TLS", "WS", "WSS": as in Via (RFC 3261 §20.42, RFC 7118 §5.2.1).
std::string_view via_name(Transport transport);
/// As in the transport parameter of a URI: WebSocket is "ws" with and without TLS (RFC 7118 §5.2.2).
std::string_view uri_name(Transport transport);
std::optional<Transport> parse_transport(std::string_view name);  ///< in any letter case
constexpr bool is_reliable(Transport transport) { return transport != Transport::udp; }
constexpr bool is_secure(Transport transport) { return transport == Transport::tls || transport == Transport::wss; }
/// Of a URI or a listener that names none: 5060, with TLS 5061, and with WebSocket that of HTTP (RFC 7118 §5.2.2).
constexpr Port default_port(Transport transport) {
  switch (transport) {
    case Transport::udp:
    case Transport::tcp: return Port{5060};
    case Transport::tls: return Port{5061};
    case Transport::ws: return Port{80};
    case Transport::wss: return Port{443};
  }
  return Port{};
}

/// Where a SIP server listens: address, port and transport. The identity of a central server (S2).
struct Target {
  Transport transport = Transport::udp;
  Endpoint endpoint;

  /// "udp:10.78.0.1:5060" (interfaces.md); a missing port is default_port().
  static std::optional<Target> parse(std::string_view text);
  Text text() const;
  friend bool operator==(const Target&, const Target&) = default;
  friend auto operator<=>(const Target&, const Target&) = default;
};

/// A network in CIDR notation: "10.77.0.0/24"; a bare address is a network of one.
struct Network {
  Address address;
  std::uint8_t prefix = 0;

  static std::optional<Network> parse(std::string_view text);
  bool contains(const Address& other) const;
  Text text() const;
  friend bool operator==(const Network&, const Network&) = default;
};

struct EndpointHash {
  std::size_t operator()(const Endpoint& endpoint) const;
};

}  // namespace ringhold
