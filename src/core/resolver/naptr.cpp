#include "resolver/naptr.hpp"

#include "base/text.hpp"

namespace ringhold::resolver {

namespace {

std::uint16_t word(std::string_view data, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(data[at]) << 8U | static_cast<unsigned char>(data[at + 1]));
}

std::optional<std::string_view> character_string(std::string_view data, std::size_t& offset) {
  if (offset >= data.size()) return std::nullopt;
  const std::size_t size = static_cast<unsigned char>(data[offset]);
  if (data.size() - offset - 1 < size) return std::nullopt;
  const auto text = data.substr(offset + 1, size);
  offset += 1 + size;
  return text;
}

}  // namespace

std::optional<Naptr> Naptr::parse(std::string_view data) {
  if (data.size() < 4) return std::nullopt;
  std::size_t offset = 4;
  const auto flags = character_string(data, offset);
  const auto service = flags ? character_string(data, offset) : std::nullopt;
  const auto expression = service ? character_string(data, offset) : std::nullopt;
  if (!expression) return std::nullopt;
  auto replacement = dns::Name::read(data, offset);
  if (!replacement || offset != data.size()) return std::nullopt;
  return Naptr{word(data, 0), word(data, 2), Text{*flags}, Text{*service}, std::move(*replacement)};
}

std::optional<Transport> Naptr::transport() const {
  if (!equal_ignoring_case(flags, "s") || replacement.is_root()) return std::nullopt;
  if (equal_ignoring_case(service, "SIP+D2U")) return Transport::udp;
  if (equal_ignoring_case(service, "SIP+D2T")) return Transport::tcp;
  if (equal_ignoring_case(service, "SIPS+D2T")) return Transport::tls;
  return std::nullopt;
}

}  // namespace ringhold::resolver
