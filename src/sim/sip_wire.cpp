#include "sim/sip_wire.hpp"

#include <array>
#include <charconv>

#include "base/text.hpp"

namespace ringhold::sim {

namespace {

std::string long_name(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> compact{{{"v", "Via"},
                                                                                  {"f", "From"},
                                                                                  {"t", "To"},
                                                                                  {"i", "Call-ID"},
                                                                                  {"m", "Contact"},
                                                                                  {"l", "Content-Length"},
                                                                                  {"c", "Content-Type"},
                                                                                  {"k", "Supported"}}};
  for (const auto& [abbreviation, full] : compact)
    if (equal_ignoring_case(name, abbreviation)) return std::string{full};
  return std::string{name};
}

bool is_list(std::string_view name) {
  for (const std::string_view list : {"Via", "Route", "Record-Route", "Contact", "Path"})
    if (equal_ignoring_case(name, list)) return true;
  return false;
}

template <typename Take>
void split_list(std::string_view value, Take&& take) {
  bool quoted = false;
  bool in_angle = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == '"')
      quoted = !quoted;
    else if (c == '\\' && quoted)
      ++i;
    else if (!quoted && c == '<')
      in_angle = true;
    else if (!quoted && c == '>')
      in_angle = false;
    else if (!quoted && !in_angle && c == ',') {
      take(trimmed(value.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  take(trimmed(value.substr(begin)));
}

bool parse_start(std::string_view line, SipMessage& message) {
  if (line.starts_with("SIP/2.0 ")) {
    if (line.size() < 11) return false;
    const auto status = parse_number(line.substr(8, 3));
    if (!status) return false;
    message.status = static_cast<int>(*status);
    message.reason = line.size() > 12 ? std::string{line.substr(12)} : std::string{};
    return true;
  }
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || last == first || line.substr(last + 1) != "SIP/2.0") return false;
  message.method = std::string{line.substr(0, first)};
  message.uri = std::string{line.substr(first + 1, last - first - 1)};
  return true;
}

}  // namespace

std::string_view SipMessage::get(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (equal_ignoring_case(key, name)) return value;
  return {};
}

std::vector<std::string> SipMessage::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : headers)
    if (equal_ignoring_case(key, name)) values.push_back(value);
  return values;
}

std::string SipMessage::cseq_method() const {
  const std::string_view cseq = get("CSeq");
  const auto blank = cseq.find(' ');
  return blank == std::string_view::npos ? std::string{} : std::string{trimmed(cseq.substr(blank))};
}

unsigned SipMessage::cseq_number() const {
  const std::string_view cseq = get("CSeq");
  return parse_number(cseq.substr(0, cseq.find(' '))).value_or(0);
}

void SipMessage::prepend(std::string_view name, std::string value) {
  for (auto at = headers.begin(); at != headers.end(); ++at) {
    if (!equal_ignoring_case(at->first, name)) continue;
    headers.insert(at, {std::string{name}, std::move(value)});
    return;
  }
  headers.insert(headers.begin(), {std::string{name}, std::move(value)});
}

void SipMessage::set(std::string_view name, std::string value) {
  for (auto& [key, old] : headers) {
    if (!equal_ignoring_case(key, name)) continue;
    old = std::move(value);
    return;
  }
  add(name, std::move(value));
}

void SipMessage::remove_first(std::string_view name) {
  for (auto at = headers.begin(); at != headers.end(); ++at) {
    if (!equal_ignoring_case(at->first, name)) continue;
    headers.erase(at);
    return;
  }
}

std::string SipMessage::text() const {
  std::string out;
  if (is_request())
    out.append(method).append(" ").append(uri).append(" SIP/2.0\r\n");
  else
    out.append("SIP/2.0 ").append(std::to_string(status)).append(" ").append(reason).append("\r\n");
  for (const auto& [name, value] : headers)
    if (!equal_ignoring_case(name, "Content-Length")) out.append(name).append(": ").append(value).append("\r\n");
  out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  return out;
}

std::optional<SipMessage> parse_sip(std::string_view bytes) {
  // A lone LF ends a line too: what others let pass must not be read otherwise here.
  std::vector<std::string> lines;
  bool complete = false;
  while (!complete) {
    const auto eol = bytes.find('\n');
    if (eol == std::string_view::npos) return std::nullopt;
    std::string_view line = bytes.substr(0, eol);
    while (line.ends_with('\r')) line.remove_suffix(1);
    bytes.remove_prefix(eol + 1);
    const bool is_folded = lines.size() > 1 && (line.starts_with(' ') || line.starts_with('\t'));
    if (line.empty()) {
      complete = !lines.empty();  // RFC 3261 §7.5: empty lines before the start line do not count
    } else if (is_folded) {
      lines.back().append(" ").append(trimmed(line));
    } else {
      lines.emplace_back(line);
    }
  }
  SipMessage message;
  message.body = std::string{bytes};
  if (lines.empty() || !parse_start(lines.front(), message)) return std::nullopt;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string name = long_name(trimmed(line.substr(0, colon)));
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (is_list(name))
      split_list(value, [&](std::string_view part) { message.add(name, std::string{part}); });
    else
      message.add(name, std::string{value});
  }
  return message;
}

std::string describe_sip(std::string_view bytes) {
  const auto message = parse_sip(bytes);
  if (!message) return "(not SIP: " + std::to_string(bytes.size()) + " bytes)";
  std::string line = message->is_request() ? message->method + " " + message->uri : std::to_string(message->status) + " " + message->reason;
  line.append("  [").append(message->get("CSeq")).append(", ").append(message->get("Call-ID")).append("]");
  return line;
}

std::optional<std::string> parameter(std::string_view value, std::string_view name) {
  const auto angle = value.find('>');
  if (angle != std::string_view::npos) value = value.substr(angle + 1);
  for (auto semicolon = value.find(';'); semicolon != std::string_view::npos;) {
    const auto next = value.find(';', semicolon + 1);
    std::string_view part = trimmed(value.substr(semicolon + 1, next == std::string_view::npos ? next : next - semicolon - 1));
    const auto equals = part.find('=');
    if (equal_ignoring_case(trimmed(part.substr(0, equals)), name))
      return equals == std::string_view::npos ? std::string{} : std::string{trimmed(part.substr(equals + 1))};
    semicolon = next;
  }
  return std::nullopt;
}

std::string uri_of(std::string_view name_addr) {
  const auto open = name_addr.find('<');
  if (open != std::string_view::npos) return std::string{name_addr.substr(open + 1, name_addr.find('>', open) - open - 1)};
  return std::string{trimmed(name_addr.substr(0, name_addr.find(';')))};
}

std::string user_of(std::string_view uri) {
  const auto colon = uri.find(':');
  const auto at = uri.find('@');
  return at == std::string_view::npos ? std::string{} : std::string{uri.substr(colon + 1, at - colon - 1)};
}

std::string host_of(std::string_view uri) {
  const auto at = uri.find('@');
  std::string_view rest = uri.substr(at == std::string_view::npos ? uri.find(':') + 1 : at + 1);
  return std::string{rest.substr(0, rest.find_first_of(":;?"))};
}

std::optional<Endpoint> endpoint_of(std::string_view uri) {
  const auto at = uri.find('@');
  std::string_view rest = uri.substr(at == std::string_view::npos ? uri.find(':') + 1 : at + 1);
  return Endpoint::parse(rest.substr(0, rest.find_first_of(";?")), Port{5060});
}

std::optional<Endpoint> response_target(const SipMessage& response) {
  const std::string_view via = response.get("Via");
  const auto blank = via.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const std::string_view sent_by = trimmed(via.substr(blank + 1, via.find(';') - blank - 1));
  auto target = Endpoint::parse(sent_by, Port{5060});
  if (const auto received = parameter(via, "received")) {
    const auto address = Address::parse(*received);
    if (!address) return std::nullopt;
    if (!target) target = Endpoint{*address, Port{5060}};
    target->address = *address;
  }
  if (const auto rport = parameter(via, "rport"); rport && !rport->empty() && target)
    target->port = Port{parse_number<std::uint16_t>(*rport).value_or(5060)};
  return target;
}

SipMessage make_response(const SipMessage& request, int status, std::string_view reason, std::string_view to_tag) {
  SipMessage response;
  response.status = status;
  response.reason = std::string{reason};
  for (auto& via : request.all("Via")) response.add("Via", via);
  for (auto& route : request.all("Record-Route")) response.add("Record-Route", route);
  response.add("From", std::string{request.get("From")});
  std::string to{request.get("To")};
  if (!parameter(to, "tag") && !to_tag.empty()) to.append(";tag=").append(to_tag);
  response.add("To", to);
  response.add("Call-ID", std::string{request.get("Call-ID")});
  response.add("CSeq", std::string{request.get("CSeq")});
  return response;
}

}  // namespace ringhold::sim
