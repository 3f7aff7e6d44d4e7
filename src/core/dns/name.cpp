#include "dns/name.hpp"

namespace ringhold::dns {

namespace {
constexpr std::size_t longest_name = 255;
constexpr std::size_t longest_label = 63;
constexpr std::size_t header_bytes = 12;
constexpr std::size_t most_jumps = 127;  // a name has no more labels; without it a chain of pointers costs us its length
Error bad(std::size_t offset, std::string_view what) { return Error{"name", static_cast<std::uint32_t>(offset), what}; }
std::size_t byte(char c) { return static_cast<unsigned char>(c); }
}  // namespace

std::optional<Name> Name::from_text(std::string_view text) {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  Text wire;
  while (!text.empty()) {
    const auto dot = std::min(text.find('.'), text.size());
    if (dot == 0 || dot > longest_label) return std::nullopt;
    wire.push_back(static_cast<char>(dot));
    wire.append(text.substr(0, dot));
    if (dot + 1 == text.size()) return std::nullopt;  // two dots at the end
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  wire.push_back('\0');
  if (wire.size() > longest_name) return std::nullopt;
  return Name{std::move(wire)};
}

Result<Name> Name::read(std::string_view message, std::size_t& offset) {
  Text wire;
  std::size_t at = offset;
  std::size_t lowest = offset;
  std::size_t jumps = 0;
  for (;;) {
    if (at >= message.size()) return std::unexpected(bad(at, "name goes past the end"));
    const std::size_t length = byte(message[at]);
    if (length == 0) break;
    if (length >= 0xc0) {
      if (at + 1 >= message.size()) return std::unexpected(bad(at, "pointer goes past the end"));
      const std::size_t target = (length & 0x3fU) << 8U | byte(message[at + 1]);
      // Strictly backwards, so it ends: no loop is possible.
      if (target >= lowest) return std::unexpected(bad(at, "pointer does not go backwards"));
      if (target < header_bytes) return std::unexpected(bad(at, "pointer goes into the header"));
      if (jumps == most_jumps) return std::unexpected(bad(at, "too many pointers"));
      if (jumps++ == 0) offset = at + 2;
      lowest = target;
      at = target;
      continue;
    }
    if (length > longest_label) return std::unexpected(bad(at, "label type is unknown"));
    if (at + 1 + length > message.size()) return std::unexpected(bad(at, "label goes past the end"));
    wire.append(message.substr(at, length + 1));
    if (wire.size() + 1 > longest_name) return std::unexpected(bad(at, "name is longer than 255 bytes"));
    at += length + 1;
  }
  if (jumps == 0) offset = at + 1;
  wire.push_back('\0');
  return Name{std::move(wire)};
}

Text Name::text() const {
  if (is_root()) return ".";
  Text text;
  for (std::size_t at = 0; wire_[at] != '\0';) {
    const std::size_t length = byte(wire_[at]);
    if (!text.empty()) text.push_back('.');
    for (std::size_t i = at + 1; i <= at + length; ++i) {
      const std::size_t c = byte(wire_[i]);
      if (c > 0x20 && c < 0x7f && c != '.' && c != '\\') {
        text.push_back(wire_[i]);
      } else {
        text.push_back('\\');
        for (const std::size_t unit : {100U, 10U, 1U}) text.push_back(static_cast<char>('0' + c / unit % 10));
      }
    }
    at += length + 1;
  }
  return text;
}

std::string_view Name::first_label() const { return std::string_view{wire_}.substr(1, byte(wire_[0])); }

Name Name::parent() const { return is_root() ? Name{} : Name{wire_.substr(byte(wire_[0]) + 1)}; }

bool Name::ends_with(const Name& suffix) const {
  for (std::size_t at = 0;; at += byte(wire_[at]) + 1) {
    if (equal_ignoring_case(std::string_view{wire_}.substr(at), suffix.wire_)) return true;
    if (wire_[at] == '\0') return false;
  }
}

}  // namespace ringhold::dns
