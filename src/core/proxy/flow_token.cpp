#include "proxy/flow_token.hpp"

#include <array>

namespace ringhold::proxy {

namespace {

constexpr std::string_view mark = "f~";
constexpr std::string_view label = "flow";
constexpr std::string_view digits = "0123456789abcdef";
constexpr std::size_t checksum_bytes = 8;

void append_number(std::string& bytes, std::uint64_t number, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(number >> (8 * i) & 0xff));
}

std::uint64_t number_at(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t number = 0;
  for (std::size_t i = size; i > 0; --i) number = number << 8 | static_cast<unsigned char>(bytes[at + i - 1]);
  return number;
}

}  // namespace

Text FlowTokens::make(const Flow& flow) const {
  std::string bytes;
  bytes.push_back(static_cast<char>(flow.listener));
  append_number(bytes, flow.id.number, 8);
  append_number(bytes, to_number(flow.remote.port), 2);
  for (const std::uint8_t byte : flow.remote.address.bytes()) bytes.push_back(static_cast<char>(byte));
  append_number(bytes, hash_({label, bytes}), checksum_bytes);
  Text token{mark};
  for (const char byte : bytes) {
    token.push_back(digits[static_cast<unsigned char>(byte) >> 4U]);
    token.push_back(digits[static_cast<unsigned char>(byte) & 15U]);
  }
  return token;
}

std::optional<Flow> FlowTokens::read(std::string_view token) const {
  if (!is_flow_token(token)) return std::nullopt;
  token.remove_prefix(mark.size());
  const std::size_t size = token.size() / 2;
  constexpr std::size_t fixed = 1 + 8 + 2 + checksum_bytes;
  if (token.size() % 2 != 0 || (size != fixed + 4 && size != fixed + 16)) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < token.size(); i += 2) {
    const auto high = digits.find(token[i]);
    const auto low = digits.find(token[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  const std::string_view content = std::string_view{bytes}.substr(0, size - checksum_bytes);
  if (number_at(bytes, content.size(), checksum_bytes) != hash_({label, content})) return std::nullopt;
  Flow flow{static_cast<std::uint8_t>(content[0]), FlowId{number_at(content, 1, 8)}, {}};
  flow.remote.port = Port{static_cast<std::uint16_t>(number_at(content, 9, 2))};
  const std::string_view address = content.substr(11);
  if (address.size() == 4) {
    std::array<std::uint8_t, 4> v4{};
    for (std::size_t i = 0; i < v4.size(); ++i) v4[i] = static_cast<std::uint8_t>(address[i]);
    flow.remote.address = Address::v4(v4);
  } else {
    std::array<std::uint8_t, 16> v6{};
    for (std::size_t i = 0; i < v6.size(); ++i) v6[i] = static_cast<std::uint8_t>(address[i]);
    flow.remote.address = Address::v6(v6);
  }
  return flow;
}

bool is_flow_token(std::string_view user) { return user.starts_with(mark); }

bool needs_flow(const sip::Uri& contact, const Endpoint& remote) {
  if (!contact.is_sip()) return false;
  const auto host = Address::parse(contact.host);
  return !host || *host != remote.address || contact.parameters.has("ob");
}

}  // namespace ringhold::proxy
