#include "sip/name_addr.hpp"

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
  const auto open = rest.find('<');
  const bool bracketed = open != std::string_view::npos && rest.substr(0, open).find(';') == std::string_view::npos;
  if (bracketed) {
    if (open > 0) {
      display_name = trimmed(rest.substr(0, open));
      if (!is_display_name(display_name)) return "display name needs quotes";
    }
    const auto close = rest.find('>', open);
    if (close == std::string_view::npos) return "< is not closed";
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
  const bool valid = parameters.visit_valid([&](std::string_view name, std::string_view text) {
    if (tag_.empty() && equal_ignoring_case(name, "tag")) tag_ = text;
  });
  if (!valid) return "parameters are malformed";
  return uri.read(uri_text);
}

Result<Contact> Contact::parse(std::string_view value) {
  Contact contact;
  if (trimmed(value) == "*") {
    contact.star = true;
    return contact;
  }
  const auto address = NameAddr::parse(value, "Contact");
  if (!address) return std::unexpected(address.error());
  contact.address = *address;
  const Parameters& parameters = contact.address.parameters;
  if (const auto q = parameters.find("q")) {
    const auto number = parse_q(*q);
    if (!number) return std::unexpected(Error{"Contact", 0, "q is not a number from 0 to 1"});
    contact.q = *number;
  }
  // RFC 3261 §10.2.1.1: a malformed expires is as if it were 3600; a larger one than we can hold is the largest.
  if (const auto expires = parameters.find("expires")) {
    const auto number = parse_number<std::uint64_t>(*expires);
    contact.expires = number ? static_cast<std::uint32_t>(std::min<std::uint64_t>(*number, UINT32_MAX)) : 3600U;
  }
  if (const auto instance = parameters.find("+sip.instance")) contact.instance = *instance;
  if (const auto reg_id = parameters.find("reg-id")) contact.reg_id = parse_number<std::uint32_t>(*reg_id);
  return contact;
}

}  // namespace ringhold::sip
