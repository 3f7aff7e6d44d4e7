#include "stun/binding.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace ringhold::stun {

namespace {

constexpr std::size_t header_bytes = 20;
constexpr std::size_t max_unknown = 8;  ///< more are not listed: the answer stays short
constexpr std::uint32_t magic_cookie = 0x2112a442;

enum class Type : std::uint16_t { binding_request = 0x0001, binding_success = 0x0101, binding_error = 0x0111 };
enum class Attribute : std::uint16_t {
  username = 0x0006,
  message_integrity = 0x0008,
  error_code = 0x0009,
  unknown_attributes = 0x000a,
  message_integrity_sha256 = 0x001c,
  xor_mapped_address = 0x0020,
};
constexpr std::uint16_t comprehension_optional = 0x8000;

std::uint16_t number(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8U | static_cast<unsigned char>(bytes[at + 1]));
}

void put(std::string& out, std::uint16_t value) {
  out.push_back(static_cast<char>(value >> 8U));
  out.push_back(static_cast<char>(value & 0xffU));
}

/// Credentials are not asked for, so they are not looked at (RFC 8489 §9 is for servers that agree on some).
bool is_understood(std::uint16_t attribute) {
  return attribute >= comprehension_optional || attribute == std::to_underlying(Attribute::username) ||
         attribute == std::to_underlying(Attribute::message_integrity) ||
         attribute == std::to_underlying(Attribute::message_integrity_sha256);
}

/// False: the attributes do not add up. `unknown` takes those that we must understand and do not.
bool read_attributes(std::string_view attributes, std::vector<std::uint16_t>& unknown) {
  while (!attributes.empty()) {
    if (attributes.size() < 4) return false;
    const std::uint16_t type = number(attributes, 0);
    const std::size_t padded = (std::size_t{number(attributes, 2)} + 3U) / 4U * 4U;
    if (attributes.size() - 4 < padded) return false;
    if (!is_understood(type) && unknown.size() < max_unknown) unknown.push_back(type);
    attributes.remove_prefix(4 + padded);
  }
  return true;
}

void put_header(std::string& out, Type type, std::size_t length, std::string_view request) {
  put(out, std::to_underlying(type));
  put(out, static_cast<std::uint16_t>(length));
  out.append(request.substr(4, header_bytes - 4));
}

void put_address(std::string& out, std::string_view request, const Endpoint& source) {
  const auto address = source.address.bytes();
  put_header(out, Type::binding_success, 8 + address.size(), request);
  put(out, std::to_underlying(Attribute::xor_mapped_address));
  put(out, static_cast<std::uint16_t>(4 + address.size()));
  put(out, source.address.is_v4() ? 1 : 2);
  put(out, static_cast<std::uint16_t>(to_number(source.port) ^ (magic_cookie >> 16U)));
  // Cookie and transaction, one after the other: so that no NAT takes the address for one that it should translate.
  const std::string_view mask = request.substr(4, 16);
  for (std::size_t i = 0; i < address.size(); ++i) out.push_back(static_cast<char>(address[i] ^ static_cast<unsigned char>(mask[i])));
}

void put_unknown(std::string& out, std::string_view request, const std::vector<std::uint16_t>& unknown) {
  constexpr std::string_view reason = "Unknown Attribute";
  constexpr std::size_t padded_reason = (reason.size() + 3) / 4 * 4;
  const std::size_t list = unknown.size() * 2;
  const std::size_t padded_list = (list + 3) / 4 * 4;
  put_header(out, Type::binding_error, 8 + padded_reason + 4 + padded_list, request);
  put(out, std::to_underlying(Attribute::error_code));
  put(out, static_cast<std::uint16_t>(4 + reason.size()));
  put(out, 0);
  put(out, 4 << 8U | 20);
  out.append(reason).append(padded_reason - reason.size(), '\0');
  put(out, std::to_underlying(Attribute::unknown_attributes));
  put(out, static_cast<std::uint16_t>(list));
  for (const std::uint16_t type : unknown) put(out, type);
  out.append(padded_list - list, '\0');
}

}  // namespace

bool is_stun(std::string_view datagram) {
  return datagram.size() >= header_bytes && (static_cast<unsigned char>(datagram[0]) & 0xc0U) == 0 &&
         (std::uint32_t{number(datagram, 4)} << 16U | number(datagram, 6)) == magic_cookie;
}

bool append_answer(std::string& out, std::string_view datagram, const Endpoint& source) {
  if (!is_stun(datagram) || number(datagram, 0) != std::to_underlying(Type::binding_request)) return false;
  const std::string_view attributes = datagram.substr(header_bytes);
  std::vector<std::uint16_t> unknown;
  if (number(datagram, 2) != attributes.size() || !read_attributes(attributes, unknown)) return false;
  if (unknown.empty())
    put_address(out, datagram, source);
  else
    put_unknown(out, datagram, unknown);
  return true;
}

}  // namespace ringhold::stun
