#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "base/text.hpp"

namespace ringhold::dhcp {

/// An Ethernet address.
using HardwareAddress = std::array<std::uint8_t, 6>;

inline constexpr Port client_port{68};
inline constexpr Port server_port{67};

/// The field op (RFC 2131 §2). Hostile bytes may hold others.
enum class Operation : std::uint8_t { request = 1, reply = 2 };

/// RFC 2132 §9.6. Hostile bytes may hold others.
enum class MessageType : std::uint8_t { discover = 1, offer, request, decline, ack, nak, release, inform };

/// Codes that we use (RFC 2132, RFC 3361).
namespace option {
inline constexpr std::uint8_t pad = 0, nameservers = 6, domain = 15, overload = 52, message_type = 53, server_identifier = 54,
                              parameter_request_list = 55, max_message_size = 57, client_identifier = 61, sip_servers = 120, end = 255;
}

/// One option, joined if it came in several pieces (RFC 3396).
struct Option {
  std::uint8_t code = 0;
  Text data;
  std::uint32_t offset = 0;  ///< where the first piece begins in the message
};

/// What can be said of a message at a glance; enough to pass over those that are for others.
struct Head {
  Operation operation = Operation::request;
  std::uint32_t xid = 0;
};
std::optional<Head> read_head(std::string_view bytes);

struct Message {
  Operation operation = Operation::request;
  std::uint32_t xid = 0;
  std::uint16_t seconds = 0;
  Address ciaddr;  ///< the client's own address
  Address yiaddr;  ///< the address that is given to the client; none in answer to DHCPINFORM
  std::uint8_t hardware_type = 0;
  Text hardware;                ///< chaddr, as long as hlen says
  std::vector<Option> options;  ///< in order of their first pieces, without overload (52)

  /// Reads a whole message; also the options in file and sname, if overload says so (RFC 2131 §4.1, RFC 3396 §5).
  static Result<Message> parse(std::string_view bytes);
  /// Nothing when it is missing, or malformed.
  std::optional<MessageType> type() const;
  const Option* find(std::uint8_t code) const;
  bool is_for(const HardwareAddress& address) const;
};

/// What a client asks that has an address and wants the rest (RFC 2131 §3.4).
struct Inform {
  std::uint32_t xid = 0;
  std::uint16_t seconds = 0;  ///< since it began to ask
  Address ciaddr;             ///< IPv4
  HardwareAddress chaddr{};
};
/// Appends a DHCPINFORM that asks for nameservers, domain and SIP servers.
void append_inform(std::string& out, const Inform& inform);

}  // namespace ringhold::dhcp
