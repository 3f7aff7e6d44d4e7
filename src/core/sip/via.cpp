#include "sip/via.hpp"

namespace ringhold::sip {

Result<Via> Via::parse(std::string_view value) {
  Result<Via> via{std::in_place};
  if (const auto wrong = via->read(value); !wrong.empty()) via = std::unexpected(Error{"Via", 0, wrong});
  return via;
}

std::string_view Via::read(std::string_view value) {
  text = trimmed(value);
  const auto semicolon = std::min(text.find(';'), text.size());
  std::string_view rest = trimmed(text.substr(0, semicolon));
  parameters = Parameters{text.substr(semicolon)};
  // SIP / 2.0 / UDP host:port, with white space allowed around each slash and before the host (§25.1).
  constexpr std::string_view usual = "SIP/2.0/";
  if (rest.starts_with(usual)) {
    version = rest.substr(4, 3);
    rest.remove_prefix(usual.size());
  } else if (const auto error = read_odd_protocol(rest); !error.empty()) {
    return error;
  }
  const auto blank = white_space.find_in(rest);
  if (blank == rest.size()) return "no sent-by after the transport";
  transport = rest.substr(0, blank);
  if (!is_token(transport)) return "transport is malformed";
  sent_by = trimmed(rest.substr(blank));
  host = sent_by;
  const auto bracket = host.front() == '[' ? host.find(']') : 0;
  if (bracket == std::string_view::npos) return "IPv6 reference is not closed";
  if (const auto colon = host.find(':', bracket); colon != std::string_view::npos) {
    port = parse_number<std::uint16_t>(trimmed(host.substr(colon + 1)));
    if (!port) return "port of sent-by is not a number up to 65535";
    host = trimmed(host.substr(0, colon));
  }
  if (!is_host(host)) return "host of sent-by is malformed";
  bool ports_are_numbers = true;
  const bool valid = parameters.visit_valid([&](std::string_view name, std::string_view given) {
    if (equal_ignoring_case(name, "branch"))
      branch = given;
    else if (equal_ignoring_case(name, "received")) {
      received = given;
      received_text = Parameters::text_of(name, given);
    } else if (equal_ignoring_case(name, "rport")) {
      has_rport = true;
      rport_text = Parameters::text_of(name, given);
      if (!given.empty()) ports_are_numbers = (rport = parse_number<std::uint16_t>(given)).has_value();
    } else if (equal_ignoring_case(name, "maddr")) {
      maddr = given;
    }
  });
  if (!valid) return "parameters are malformed";
  if (!ports_are_numbers) return "rport is not a number up to 65535";
  return {};
}

std::string_view Via::read_odd_protocol(std::string_view& rest) {
  const auto first = rest.find('/');
  const auto second = first == std::string_view::npos ? first : rest.find('/', first + 1);
  if (second == std::string_view::npos) return "protocol is not SIP/2.0/transport";
  if (!equal_ignoring_case(trimmed(rest.substr(0, first)), "SIP")) return "protocol is not SIP";
  version = trimmed(rest.substr(first + 1, second - first - 1));
  if (!is_token(version)) return "version is malformed";
  rest = trimmed(rest.substr(second + 1));
  return {};
}

}  // namespace ringhold::sip
