#include "sip/via.hpp"

namespace ringhold::sip {

Result<Via> Via::parse(std::string_view value) {
  const auto bad = [](std::string_view what) { return std::unexpected(Error{"Via", 0, what}); };
  Via via;
  via.text = trimmed(value);
  const auto semicolon = std::min(via.text.find(';'), via.text.size());
  std::string_view rest = trimmed(via.text.substr(0, semicolon));
  via.parameters = Parameters{via.text.substr(semicolon)};
  // SIP / 2.0 / UDP host:port, with white space allowed around each slash and before the host (§25.1).
  constexpr std::string_view usual = "SIP/2.0/";
  if (rest.starts_with(usual)) {
    via.version = rest.substr(4, 3);
    rest.remove_prefix(usual.size());
  } else if (const auto error = via.read_odd_protocol(rest); !error.empty()) {
    return bad(error);
  }
  const auto blank = white_space.find_in(rest);
  if (blank == rest.size()) return bad("no sent-by after the transport");
  via.transport = rest.substr(0, blank);
  if (!is_token(via.transport)) return bad("transport is malformed");
  via.sent_by = trimmed(rest.substr(blank));
  std::string_view host = via.sent_by;
  const auto bracket = host.front() == '[' ? host.find(']') : 0;
  if (bracket == std::string_view::npos) return bad("IPv6 reference is not closed");
  if (const auto colon = host.find(':', bracket); colon != std::string_view::npos) {
    via.port = parse_number<std::uint16_t>(trimmed(host.substr(colon + 1)));
    if (!via.port) return bad("port of sent-by is not a number up to 65535");
    host = trimmed(host.substr(0, colon));
  }
  via.host = host;
  if (!is_host(via.host)) return bad("host of sent-by is malformed");
  bool ports_are_numbers = true;
  const bool valid = via.parameters.visit_valid([&](std::string_view name, std::string_view text) {
    if (equal_ignoring_case(name, "branch"))
      via.branch = text;
    else if (equal_ignoring_case(name, "received")) {
      via.received = text;
      via.received_text = Parameters::text_of(name, text);
    } else if (equal_ignoring_case(name, "rport")) {
      via.has_rport = true;
      via.rport_text = Parameters::text_of(name, text);
      if (!text.empty()) ports_are_numbers = (via.rport = parse_number<std::uint16_t>(text)).has_value();
    }
  });
  if (!valid) return bad("parameters are malformed");
  if (!ports_are_numbers) return bad("rport is not a number up to 65535");
  return via;
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
