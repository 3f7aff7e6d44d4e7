#include "dhcp/message.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace ringhold::dhcp {

namespace {

/// RFC 2131 §2, figure 1.
namespace at {
constexpr std::size_t xid = 4, seconds = 8, ciaddr = 12, yiaddr = 16, chaddr = 28, sname = 44, file = 108, cookie = 236, options = 240;
}
constexpr std::size_t chaddr_bytes = 16;
constexpr std::string_view magic_cookie{"\x63\x82\x53\x63", 4};
constexpr std::uint8_t ethernet = 1;           // RFC 1700: hardware type, and the first byte of a client identifier
constexpr std::size_t smallest_message = 300;  // BOOTP's (RFC 951); relays drop what is shorter
constexpr std::uint16_t largest_answer = 1'500;

/// The values of overload (RFC 2132 §9.3).
constexpr std::uint8_t in_file = 1;
constexpr std::uint8_t in_sname = 2;

Error bad(std::string_view where, std::size_t offset, std::string_view what) {
  return Error{where, static_cast<std::uint32_t>(offset), what};
}

std::uint8_t byte(std::string_view bytes, std::size_t offset) { return static_cast<std::uint8_t>(bytes[offset]); }

std::uint16_t read_word(std::string_view bytes, std::size_t offset) {
  return static_cast<std::uint16_t>(byte(bytes, offset) << 8U | byte(bytes, offset + 1));
}

std::uint32_t read_long(std::string_view bytes, std::size_t offset) {
  return static_cast<std::uint32_t>(read_word(bytes, offset)) << 16U | read_word(bytes, offset + 2);
}

Address read_address(std::string_view bytes, std::size_t offset) {
  return Address::v4({byte(bytes, offset), byte(bytes, offset + 1), byte(bytes, offset + 2), byte(bytes, offset + 3)});
}

void put(std::string& out, std::size_t value, std::size_t size) {
  for (std::size_t i = size; i > 0; --i) out.push_back(static_cast<char>(value >> (8U * (i - 1)) & 0xffU));
}

void put_option(std::string& out, std::uint8_t code, std::string_view data) {
  put(out, code, 1);
  put(out, data.size(), 1);
  out.append(data);
}

/// A part of the message that holds options.
struct Field {
  std::string_view name;
  std::size_t begin;
  std::size_t end;
};

/// Adds the options of `field` to those that are known: a code that is known already continues it (RFC 3396 §7).
std::optional<Error> read_options(std::string_view bytes, const Field& field, std::vector<Option>& options) {
  std::size_t offset = field.begin;
  while (offset < field.end) {
    const std::uint8_t code = byte(bytes, offset);
    // An end that is missing at the very end of the field does no harm.
    if (code == option::end) return std::nullopt;
    if (code == option::pad) {
      ++offset;
      continue;
    }
    if (offset + 1 >= field.end) return bad(field.name, offset, "option has no length");
    const std::size_t length = byte(bytes, offset + 1);
    if (offset + 2 + length > field.end) return bad(field.name, offset, "option goes past the end");
    auto known = std::ranges::find(options, code, &Option::code);
    if (known == options.end()) known = options.insert(known, {code, {}, static_cast<std::uint32_t>(offset)});
    known->data.append(bytes.substr(offset + 2, length));
    offset += 2 + length;
  }
  return std::nullopt;
}

/// Takes overload out of the options and says what it says.
Result<std::uint8_t> take_overload(std::vector<Option>& options) {
  const auto found = std::ranges::find(options, option::overload, &Option::code);
  if (found == options.end()) return std::uint8_t{0};
  const Option overload = std::move(*found);
  options.erase(found);
  const std::uint8_t value = overload.data.size() == 1 ? byte(overload.data, 0) : std::uint8_t{0};
  if (value < in_file || value > (in_file | in_sname)) return std::unexpected(bad("overload", overload.offset, "is not 1, 2 or 3"));
  return value;
}

}  // namespace

std::optional<Head> read_head(std::string_view bytes) {
  if (bytes.size() < at::xid + 4) return std::nullopt;
  return Head{static_cast<Operation>(byte(bytes, 0)), read_long(bytes, at::xid)};
}

Result<Message> Message::parse(std::string_view bytes) {
  if (bytes.size() < at::options) return std::unexpected(bad("message", bytes.size(), "shorter than its fixed fields"));
  if (bytes.substr(at::cookie, magic_cookie.size()) != magic_cookie)
    return std::unexpected(bad("cookie", at::cookie, "is not that of DHCP"));
  const std::size_t hardware_bytes = byte(bytes, 2);
  if (hardware_bytes > chaddr_bytes) return std::unexpected(bad("hlen", 2, "is more than 16"));
  Message message;
  message.operation = static_cast<Operation>(byte(bytes, 0));
  message.hardware_type = byte(bytes, 1);
  message.xid = read_long(bytes, at::xid);
  message.seconds = read_word(bytes, at::seconds);
  message.ciaddr = read_address(bytes, at::ciaddr);
  message.yiaddr = read_address(bytes, at::yiaddr);
  message.hardware = bytes.substr(at::chaddr, hardware_bytes);

  if (const auto error = read_options(bytes, {"options", at::options, bytes.size()}, message.options)) return std::unexpected(*error);
  const auto overload = take_overload(message.options);
  if (!overload) return std::unexpected(overload.error());
  // RFC 3396 §5: file goes before sname, whichever stands first in the message.
  if ((*overload & in_file) != 0)
    if (const auto error = read_options(bytes, {"file", at::file, at::cookie}, message.options)) return std::unexpected(*error);
  if ((*overload & in_sname) != 0)
    if (const auto error = read_options(bytes, {"sname", at::sname, at::file}, message.options)) return std::unexpected(*error);
  // An overload that stands in an overloaded field says nothing.
  std::erase_if(message.options, [](const Option& one) { return one.code == option::overload; });
  return message;
}

const Option* Message::find(std::uint8_t code) const {
  const auto found = std::ranges::find(options, code, &Option::code);
  return found == options.end() ? nullptr : &*found;
}

std::optional<MessageType> Message::type() const {
  const Option* found = find(option::message_type);
  if (found == nullptr || found->data.size() != 1) return std::nullopt;
  return static_cast<MessageType>(byte(found->data, 0));
}

bool Message::is_for(const HardwareAddress& address) const {
  return hardware_type == ethernet && std::ranges::equal(hardware, address, {}, [](char c) { return static_cast<std::uint8_t>(c); });
}

void append_inform(std::string& out, const Inform& inform) {
  const std::size_t begin = out.size();
  const std::string_view hardware{reinterpret_cast<const char*>(inform.chaddr.data()), inform.chaddr.size()};
  put(out, std::to_underlying(Operation::request), 1);
  put(out, ethernet, 1);
  put(out, hardware.size(), 1);
  put(out, 0, 1);  // hops
  put(out, inform.xid, 4);
  put(out, inform.seconds, 2);
  put(out, 0, 2);  // flags: the answer comes to ciaddr (RFC 2131 §4.3.5)
  for (const std::uint8_t one : inform.ciaddr.bytes().first(4)) put(out, one, 1);
  out.append(begin + at::chaddr - out.size(), '\0');
  out.append(hardware);
  out.append(begin + at::cookie - out.size(), '\0');
  out.append(magic_cookie);
  put_option(out, option::message_type, std::string_view{"\x08", 1});
  put_option(out, option::client_identifier, std::string(1, static_cast<char>(ethernet)).append(hardware));
  put(out, option::max_message_size, 1);
  put(out, 2, 1);
  put(out, largest_answer, 2);
  constexpr std::array wanted{static_cast<char>(option::nameservers), static_cast<char>(option::domain),
                              static_cast<char>(option::sip_servers)};
  put_option(out, option::parameter_request_list, {wanted.data(), wanted.size()});
  put(out, option::end, 1);
  out.append(begin + smallest_message - out.size(), '\0');
}

}  // namespace ringhold::dhcp
