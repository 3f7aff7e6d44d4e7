#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dhcp/message.hpp"

namespace ringhold::dhcp {

inline constexpr HardwareAddress our_hardware{0x02, 0, 0, 0x77, 0, 0x31};
inline const Address our_address = *Address::parse("10.77.0.31");

/// An option as it stands in a message.
inline std::string option_of(std::uint8_t code, std::string_view data) {
  return std::string{static_cast<char>(code), static_cast<char>(data.size())}.append(data);
}

/// The labels of a name, with the root.
inline std::string labels(std::string_view name) {
  std::string wire;
  while (!name.empty()) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    wire.append(1, static_cast<char>(dot)).append(name.substr(0, dot));
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  return wire.append(1, '\0');
}

/// A message of a server: fixed fields, type, then `options` as they are, then the end.
struct Reply {
  std::uint32_t xid = 0;
  MessageType type = MessageType::ack;
  Operation operation = Operation::reply;
  HardwareAddress hardware = our_hardware;
  std::string options = {};
  std::string sname = {};  ///< at most 64 bytes
  std::string file = {};   ///< at most 128 bytes

  std::string bytes() const {
    std::string out(240, '\0');
    out[0] = static_cast<char>(operation);
    out[1] = 1;
    out[2] = 6;
    for (unsigned i = 0; i < 4; ++i) out[4 + i] = static_cast<char>(xid >> (24 - 8 * i) & 0xffU);
    for (std::size_t i = 0; i < hardware.size(); ++i) out[28 + i] = static_cast<char>(hardware[i]);
    out.replace(44, sname.size(), sname);
    out.replace(108, file.size(), file);
    out.replace(236, 4, "\x63\x82\x53\x63");
    return out + option_of(option::message_type, std::string(1, static_cast<char>(type))) + options + '\xff';
  }
};

}  // namespace ringhold::dhcp
