#include "sip/name_addr.hpp"

#include "base/scan.hpp"

namespace ringhold::sip {

namespace {

constexpr Characters needs_brackets{",?"};

/// Where a quoted string that opens at `text[0]` ends (index of the closing quote), or npos.
std::size_t closing_quote(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i;
  }
  return std::string_view::npos;
}

bool is_display_name(std::string_view text) {
  for (const char c : text)
    if (!token_characters.contains(c) && !is_white_space(c) && static_cast<unsigned char>(c) < 0x80) return false;
  return true;
}

/// RFC 3261 §25.1 qvalue in thousandths.
std::optional<std::uint16_t> parse_q(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1') || text.size() > 5) return std::nullopt;
  unsigned value = static_cast<unsigned>(text[0] - '0') * 1000;
  if (text.size() > 1) {
    if (text[1] != '.') return std::nullopt;
    unsigned unit = 100;
    for (const char c : text.substr(2)) {
      if (!is_digit(c)) return std::nullopt;
      value += static_cast<unsigned>(c - '0') * unit;
      unit /= 10;
    }
  }
  if (value > 1000) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

}  // namespace

Result<NameAddr> NameAddr::parse(std::string_view value, std::string_view header_name) {
  Result<NameAddr> address{std::in_place};
  if (const auto wrong = address->read(value); !wrong.empty()) address = std::unexpected(Error{header_name, 0, wrong});
  return address;
}

std::string_view NameAddr::read(std::string_view value) {
  std::string_view rest = trimmed(value);
  if (!rest.empty() && rest.front() == '"') {
    const auto end = closing_quote(rest);
    if (end == std::string_view::npos) return "quoted display name is not closed";
    display_name = rest.substr(1, end - 1);
    rest = trimmed(rest.substr(end + 1));
    if (rest.empty() || rest.front() != '<') return "no <address> after the display name";
  }
  const std::size_t open = !rest.empty() && rest.front() == '<' ? 0 : find_byte(rest, 0, '<');
  const bool bracketed = open < rest.size() && (open == 0 || find_byte(rest.substr(0, open), 0, ';') == open);
  if (bracketed) {
    if (open > 0) {
      display_name = trimmed(rest.substr(0, open));
      if (!is_display_name(display_name)) return "display name needs quotes";
    }
    const auto close = find_byte(rest, open, '>');
    if (close == rest.size()) return "< is not closed";
    uri_text = trimmed(rest.substr(open + 1, close - open - 1));
    rest = trimmed(rest.substr(close + 1));
  } else {
    // Without <> the URI's own parameters belong to the header (§20), and ',' and '?' are not allowed in it.
    const auto end = std::min(rest.find(';'), rest.size());
    uri_text = trimmed(rest.substr(0, end));
    if (needs_brackets.contain_any(uri_text)) return "address with , or ? needs <>";
    rest = rest.substr(end);
  }
  if (!rest.empty() && rest.front() != ';') return "text after the address";
  parameters = Parameters{rest};
  if (read_usual_tag(rest)) return uri.read(uri_text);
  const bool valid = parameters.visit_valid([&](std::string_view name, std::string_view text) {
    if (tag_.empty() && equal_ignoring_case(name, "tag")) tag_ = text;
  });
  if (!valid) return "parameters are malformed";
  return uri.read(uri_text);
}

bool NameAddr::read_usual_tag(std::string_view rest) {
  constexpr std::size_t name_size = 5;
  if (rest.empty()) return true;
  if (!begins_with(rest, ";tag=") || find_end_of_word(rest, name_size) < rest.size()) return false;
  tag_ = rest.substr(name_size);
  return true;
}

Result<Contact> Contact::parse(std::string_view value) {
  Result<Contact> contact{std::in_place};
  if (const auto wrong = contact->read(value); !wrong.empty()) contact = std::unexpected(Error{"Contact", 0, wrong});
  return contact;
}

std::string_view Contact::read(std::string_view value) {
  if (is_literal(trimmed(value), "*")) {
    star = true;
    return {};
  }
  if (const auto wrong = address.read(value); !wrong.empty()) return wrong;
  const Parameters& parameters = address.parameters;
  if (parameters.text().empty()) return {};
  if (const auto given = parameters.find("q")) {
    const auto number = parse_q(*given);
    if (!number) return "q is not a number from 0 to 1";
    q = *number;
  }
  // RFC 3261 §10.2.1.1: a malformed expires is as if it were 3600; a larger one than we can hold is the largest.
  if (const auto given = parameters.find("expires")) {
    const auto number = parse_number<std::uint64_t>(*given);
    expires = number ? static_cast<std::uint32_t>(std::min<std::uint64_t>(*number, UINT32_MAX)) : 3600U;
  }
  if (const auto given = parameters.find("+sip.instance")) instance = *given;
  if (const auto given = parameters.find("reg-id")) reg_id = parse_number<std::uint32_t>(*given);
  return {};
}

}  // namespace ringhold::sip
