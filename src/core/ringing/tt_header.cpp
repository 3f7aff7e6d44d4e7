#include "ringing/tt_header.hpp"

#include <algorithm>

namespace ringhold::ringing {

namespace {

constexpr std::size_t most_codes = 16;

}  // namespace

std::expected<std::vector<TypeCode>, std::string_view> read_tt(const sip::Message& request, const TerminalTypes& types) {
  std::vector<TypeCode> codes;
  std::size_t values = 0;
  std::string_view wrong;
  request.for_each_value(sip::Header::tt, [&](std::string_view value, const sip::HeaderLine&) {
    const auto number = value.size() <= 3 ? parse_number<std::uint16_t>(value, highest_type_code) : std::nullopt;
    if (!number)
      wrong = "Malformed Tt";
    else if (types.find(TypeCode{*number}) == nullptr)
      wrong = "Tt names an unknown type";
    else if (++values > most_codes)
      wrong = "Tt has too many codes";
    else if (std::ranges::find(codes, TypeCode{*number}) == codes.end())
      codes.push_back(TypeCode{*number});
    return wrong.empty();
  });
  if (!wrong.empty()) return std::unexpected(wrong);
  return codes;
}

}  // namespace ringhold::ringing
