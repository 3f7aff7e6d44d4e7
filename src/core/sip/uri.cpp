#include "sip/uri.hpp"

#include <algorithm>

#include "base/scan.hpp"

namespace ringhold::sip {

namespace {

constexpr Characters user_characters = Characters::alphanumeric_and("-_.!~*'()&=+$,;?/#");
constexpr Characters not_in_a_scheme = Characters::alphanumeric_and("+-.").complement();
constexpr Characters never_in_a_uri = Characters::controls_blank_and("<>\"");
constexpr Characters ends_a_value{";<>\" \t\r\n,"};
constexpr Characters after_the_host{":;?"};
constexpr Characters after_the_port{";?"};

std::optional<int> hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  if (lower >= 'a' && lower <= 'f') return lower - 'a' + 10;
  return std::nullopt;
}

/// Mostly it stands where the user's word ends.
std::size_t find_at_sign(std::string_view text, std::size_t from) {
  return from < text.size() && text[from] == '@' ? from : find_byte(text, from, '@');
}

/// RFC 3261 §25.1 `user`: unreserved, escaped and user-unreserved characters.
bool is_user(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !hex_digit(text[i + 1]) || !hex_digit(text[i + 2])) return false;
      i += 2;
    } else if (!user_characters.contains(c)) {
      return false;
    }
  }
  return !text.empty();
}

/// Parts that must agree only if both have them: unknown parameters; others must agree always (§19.1.4).
bool always_compared(std::string_view name) {
  for (const std::string_view known : {"user", "ttl", "method", "maddr", "transport"})
    if (equal_ignoring_case(name, known)) return true;
  return false;
}

bool parameters_agree(const Parameters& a, const Parameters& b) {
  bool agree = true;
  a.for_each([&](std::string_view name, std::string_view value) {
    const auto other = b.find(name);
    if (other ? !equal_ignoring_case(*other, value) : always_compared(name)) agree = false;
    return agree;
  });
  return agree;
}

bool equal_unescaped(std::string_view a, std::string_view b) {
  if (a == b) return true;
  const auto left = unescaped(a);
  const auto right = unescaped(b);
  return left && right && *left == *right;
}

bool headers_agree(std::string_view a, std::string_view b) {
  // Order does not matter; each of a must stand in b, and the lengths must agree.
  const auto count = [](std::string_view text) { return text.empty() ? 0 : std::ranges::count(text, '&') + 1; };
  if (count(a) != count(b)) return false;
  while (!a.empty()) {
    const auto end = std::min(a.find('&'), a.size());
    const auto one = a.substr(0, end);
    bool found = false;
    for (std::string_view rest = b; !rest.empty() && !found;) {
      const auto cut = std::min(rest.find('&'), rest.size());
      found = equal_ignoring_case(rest.substr(0, cut), one);
      rest.remove_prefix(std::min(cut + 1, rest.size()));
    }
    if (!found) return false;
    a.remove_prefix(std::min(end + 1, a.size()));
  }
  return true;
}

}  // namespace

bool Parameters::next(std::string_view& rest, std::string_view& name, std::string_view& value) {
  std::size_t start = 0;
  while (start < rest.size() && rest[start] != ';') ++start;
  if (start == rest.size()) return false;
  rest.remove_prefix(start + 1);
  std::size_t end = 0;
  bool quoted = false;
  std::size_t equals = std::string_view::npos;
  for (; end < rest.size(); ++end) {
    const char c = rest[end];
    if (quoted) {
      if (c == '\\')
        ++end;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == ';') {
      break;
    } else if (c == '=' && equals == std::string_view::npos) {
      equals = end;
    }
  }
  end = std::min(end, rest.size());
  const auto one = rest.substr(0, end);
  rest.remove_prefix(end);
  name = trimmed(one.substr(0, std::min(equals, one.size())));
  value = equals == std::string_view::npos ? std::string_view{} : trimmed(one.substr(equals + 1));
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
  return true;
}

std::optional<std::string_view> Parameters::find(std::string_view wanted) const {
  std::optional<std::string_view> found;
  for_each([&](std::string_view name, std::string_view value) {
    if (!equal_ignoring_case(name, wanted)) return true;
    found = value;
    return false;
  });
  return found;
}

std::string_view Parameters::text_of(std::string_view name, std::string_view value) {
  if (value.empty()) return name;
  const bool quoted = value.data()[-1] == '"';
  return {name.data(), static_cast<std::size_t>(value.data() + value.size() + (quoted ? 1 : 0) - name.data())};
}

bool Parameters::is_valid() const {
  return visit_valid([](std::string_view, std::string_view) {});
}

bool Parameters::read_valid(std::string_view& rest, std::string_view& name, std::string_view& value) {
  const auto skip_blanks = [&](std::size_t at) {
    while (at < rest.size() && is_white_space(rest[at])) ++at;
    return at;
  };
  if (rest.front() != ';') return false;
  const std::size_t begin = skip_blanks(1);
  std::size_t at = not_in_a_token.find_in(rest, begin);
  name = rest.substr(begin, at - begin);
  value = {};
  if (name.empty()) return false;
  at = skip_blanks(at);
  if (at < rest.size() && rest[at] == '=') {
    at = skip_blanks(at + 1);
    if (at < rest.size() && rest[at] == '"') {
      const std::size_t open = ++at;
      while (at < rest.size() && rest[at] != '"') at += rest[at] == '\\' ? 2 : 1;
      if (at >= rest.size()) return false;
      value = rest.substr(open, at - open);
      ++at;
    } else {
      const std::size_t end = ends_a_value.find_in(rest, find_end_of_word(rest, at));
      value = rest.substr(at, end - at);
      at = end;
    }
    at = skip_blanks(at);
  }
  rest.remove_prefix(at);
  return rest.empty() || rest.front() == ';';
}

bool is_host(std::string_view text) {
  if (text.empty()) return false;
  if (text.front() == '[') return Address::parse(text).has_value();
  return find_end_of_word(text, 0) == text.size() && text.front() != '.' && text.front() != '-';
}

Result<Uri> Uri::parse(std::string_view text) {
  Result<Uri> uri{std::in_place};
  if (const auto wrong = uri->read(text); !wrong.empty()) uri = std::unexpected(Error{"URI", 0, wrong});
  return uri;
}

std::string_view Uri::read(std::string_view whole) {
  text = whole;
  if (const auto rest = read_usual_user_and_host()) return read_after_host(*rest);
  std::string_view rest;
  if (const auto wrong = read_scheme(rest); !wrong.empty()) return wrong;
  if (!is_sip()) {
    if (never_in_a_uri.contain_any(rest)) return "URI holds a blank, a quote or <>";
    if (scheme == Scheme::tel) {
      const auto semicolon = std::min(rest.find(';'), rest.size());
      user = rest.substr(0, semicolon);
      parameters = Parameters{rest.substr(semicolon)};
    }
    return {};
  }
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    if (!read_userinfo(rest.substr(0, at))) return "user part of the URI is malformed";
    rest.remove_prefix(at + 1);
  }
  if (const auto wrong = read_host(rest); !wrong.empty()) return wrong;
  return read_after_host(rest);
}

std::optional<std::string_view> Uri::read_usual_user_and_host() {
  constexpr std::size_t after_scheme = 4;
  if (!begins_with(text, "sip:")) return std::nullopt;
  std::size_t begin = after_scheme;
  std::size_t end = find_end_of_word(text, begin);
  if (const std::size_t at = find_at_sign(text, end); at < text.size()) {
    if (at > end && !is_user(text.substr(begin, at - begin))) return std::nullopt;
    begin = at + 1;
    end = find_end_of_word(text, begin);
  }
  const bool has_user = begin > after_scheme;
  const bool is_usual_end = end == text.size() || after_the_host.contains(text[end]);
  if (begin == end || begin == after_scheme + 1 || !is_usual_end || text[begin] == '.' || text[begin] == '-') return std::nullopt;
  scheme = Scheme::sip;
  scheme_name = text.substr(0, after_scheme - 1);
  if (has_user) user = text.substr(after_scheme, begin - after_scheme - 1);
  host = text.substr(begin, end - begin);
  return text.substr(end);
}

std::string_view Uri::read_scheme(std::string_view& rest) {
  const std::size_t colon = not_in_a_scheme.find_in(text);
  if (colon == text.size() || text[colon] != ':' || colon == 0 || !is_alpha(text.front())) return "URI has no scheme";
  scheme_name = text.substr(0, colon);
  rest = text.substr(colon + 1);
  if (equal_ignoring_case(scheme_name, "sip"))
    scheme = Scheme::sip;
  else if (equal_ignoring_case(scheme_name, "sips"))
    scheme = Scheme::sips;
  else if (equal_ignoring_case(scheme_name, "tel"))
    scheme = Scheme::tel;
  return rest.empty() ? "URI is empty after its scheme" : std::string_view{};
}

std::string_view Uri::read_host(std::string_view& rest) {
  std::size_t end = 0;
  if (!rest.empty() && rest.front() == '[') {
    end = rest.find(']');
    if (end == std::string_view::npos) return "IPv6 reference in the URI is not closed";
  }
  end = after_the_host.find_in(rest, end);
  host = rest.substr(0, end);
  rest.remove_prefix(end);
  return is_host(host) ? std::string_view{} : "host of the URI is malformed";
}

std::string_view Uri::read_after_host(std::string_view rest) {
  if (!rest.empty() && rest.front() == ':') {
    const auto stop = after_the_port.find_in(rest);
    port = parse_number<std::uint16_t>(rest.substr(1, stop - 1));
    if (!port || *port == 0) return "port of the URI is not a number from 1 to 65535";
    rest.remove_prefix(stop);
  }
  if (rest.empty()) return {};
  if (never_in_a_uri.contain_any(rest)) return "URI holds a blank, a quote or <>";
  const auto question = find_byte(rest, 0, '?');
  parameters = Parameters{rest.substr(0, question)};
  if (question < rest.size()) headers = rest.substr(question + 1);
  return {};
}

bool Uri::read_userinfo(std::string_view userinfo) {
  const auto separator = std::min(userinfo.find(':'), userinfo.size());
  user = userinfo.substr(0, separator);
  if (separator < userinfo.size()) password = userinfo.substr(separator + 1);
  return is_user(user) && (password.empty() || is_user(password));
}

std::optional<Transport> Uri::transport() const {
  const auto value = parameters.find("transport");
  const auto parameter = value ? parse_transport(*value) : std::nullopt;
  if (scheme != Scheme::sips) return parameter;
  return parameter == Transport::ws || parameter == Transport::wss ? Transport::wss : Transport::tls;
}

bool Uri::has_unknown_transport() const {
  const auto value = parameters.find("transport");
  return value && !parse_transport(*value);
}

bool has_sip_scheme(std::string_view uri) {
  const std::string_view scheme = uri.substr(0, uri.find(':'));
  return equal_ignoring_case(scheme, "sip") || equal_ignoring_case(scheme, "sips");
}

bool equivalent(const Uri& a, const Uri& b) {
  // A parameter that stands twice (§19.1.1 forbids it) would make a URI differ from itself, and each refresh a new binding.
  if (a.text == b.text) return true;
  if (a.scheme != b.scheme) return false;
  if (!a.is_sip()) return equal_ignoring_case(a.text, b.text);
  return equal_unescaped(a.user, b.user) && equal_unescaped(a.password, b.password) && equal_ignoring_case(a.host, b.host) &&
         a.port == b.port && parameters_agree(a.parameters, b.parameters) && parameters_agree(b.parameters, a.parameters) &&
         headers_agree(a.headers, b.headers);
}

bool is_plain(std::string_view uri) {
  for (const char c : uri)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '<' || c == '>' || c == '"') return false;
  return !uri.empty();
}

Text escaped_user(std::string_view user) {
  constexpr Characters plain = Characters::alphanumeric_and("-_.!~*'()&=+$,;?/");
  Text text;
  for (const char c : user) {
    if (plain.contain_all({&c, 1})) {
      text += c;
      continue;
    }
    constexpr std::string_view digits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    text += {'%', digits[byte >> 4U], digits[byte & 0xfU]};
  }
  return text;
}

bool is_same_place(std::string_view a, std::string_view b) {
  if (a == b) return !a.empty();
  const auto one = Uri::parse(a);
  const auto other = Uri::parse(b);
  const auto port = [](const Uri& uri) {
    const auto transport = uri.transport();
    return uri.port.value_or(transport && is_secure(*transport) ? 5061 : 5060);
  };
  // A GRUU names one of those that have the same host (RFC 5627).
  return one && other && one->is_sip() && other->is_sip() && equal_unescaped(one->user, other->user) && port(*one) == port(*other) &&
         equal_ignoring_case(one->host, other->host) && one->parameters.find("gr") == other->parameters.find("gr");
}

std::optional<Text> unescaped(std::string_view text) {
  Text plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = hex_digit(text[i + 1]);
    const auto low = hex_digit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    plain.push_back(static_cast<char>(*high * 16 + *low));
    i += 2;
  }
  return plain;
}

std::optional<Text> address_of_record(const Uri& uri) {
  if (uri.scheme == Scheme::other) return std::nullopt;
  const auto user = unescaped(uri.user);
  if (!user) return std::nullopt;
  for (const char c : *user)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
  Text aor = "sip:";
  if (!user->empty()) aor.append(*user).push_back('@');
  for (const char c : uri.host) aor.push_back(to_lower(c));
  return aor;
}

}  // namespace ringhold::sip
