#include "sip/via.hpp"

#include "base/scan.hpp"

namespace ringhold::sip {

Result<Via> Via::parse(std::string_view value) {
  Result<Via> via{std::in_place};
  if (const auto wrong = via->read(value); !wrong.empty()) via = std::unexpected(Error{"Via", 0, wrong});
  return via;
}

std::string_view Via::read(std::string_view value) {
  text = trimmed(value);
  std::size_t end = read_usual_head();
  if (end == 0) {
    end = find_byte(text, 0, ';');
    if (const auto wrong = read_head(end); !wrong.empty()) return wrong;
  }
  parameters = Parameters{text.substr(end)};
  const std::size_t unread = read_usual_parameters(end);
  return unread == text.size() ? std::string_view{} : read_parameters(unread);
}

std::size_t Via::read_usual_head() {
  constexpr std::size_t after_protocol = 8;
  if (!begins_with(text, "SIP/2.0/")) return 0;
  const std::size_t blank = find_end_of_word(text, after_protocol);
  if (blank == after_protocol || blank == text.size() || text[blank] != ' ') return 0;
  const std::size_t begin = blank + 1;
  const std::size_t host_end = find_end_of_word(text, begin);
  if (host_end == begin || text[begin] == '.' || text[begin] == '-') return 0;
  std::size_t end = host_end;
  if (end < text.size() && text[end] == ':') {
    ++end;
    while (end < text.size() && is_digit(text[end])) ++end;
    const auto number = parse_number<std::uint16_t>(text.substr(host_end + 1, end - host_end - 1));
    if (!number) return 0;
    port = number;
  }
  if (end < text.size() && text[end] != ';') {
    port.reset();
    return 0;
  }
  version = text.substr(4, 3);
  transport = text.substr(after_protocol, blank - after_protocol);
  host = text.substr(begin, host_end - begin);
  sent_by = text.substr(begin, end - begin);
  return end;
}

std::string_view Via::read_head(std::size_t end) {
  std::string_view rest = trimmed(text.substr(0, end));
  if (const auto error = read_protocol(rest); !error.empty()) return error;
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
  return is_host(host) ? std::string_view{} : "host of sent-by is malformed";
}

std::size_t Via::read_usual_parameters(std::size_t from) {
  while (from < text.size()) {
    const std::string_view rest = text.substr(from);
    std::size_t end = from;
    if (begins_with(rest, ";branch=")) {
      constexpr std::size_t name_size = 8;
      end = find_end_of_word(text, from + name_size);
      if (end < text.size() && text[end] != ';') return from;
      branch = text.substr(from + name_size, end - from - name_size);
    } else if (begins_with(rest, ";rport")) {
      end = from + 6;
      if (end < text.size() && text[end] != ';') return from;
      has_rport = true;
      rport_text = rest.substr(1, 5);
    } else {
      return from;
    }
    from = end;
  }
  return from;
}

std::string_view Via::read_parameters(std::size_t from) {
  bool ports_are_numbers = true;
  const bool valid = Parameters{text.substr(from)}.visit_valid([&](std::string_view name, std::string_view given) {
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

std::string_view Via::read_protocol(std::string_view& rest) {
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
