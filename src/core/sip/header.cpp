#include "sip/header.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/text.hpp"
#include "sip/method.hpp"

namespace ringhold::sip {

namespace {

struct Name {
  Header header;
  std::string_view text;
};
constexpr std::array names{
    Name{Header::accept, "Accept"},
    Name{Header::allow, "Allow"},
    Name{Header::authorization, "Authorization"},
    Name{Header::call_id, "Call-ID"},
    Name{Header::contact, "Contact"},
    Name{Header::content_length, "Content-Length"},
    Name{Header::content_type, "Content-Type"},
    Name{Header::cseq, "CSeq"},
    Name{Header::date, "Date"},
    Name{Header::event, "Event"},
    Name{Header::expires, "Expires"},
    Name{Header::from, "From"},
    Name{Header::max_breadth, "Max-Breadth"},
    Name{Header::max_forwards, "Max-Forwards"},
    Name{Header::min_expires, "Min-Expires"},
    Name{Header::path, "Path"},
    Name{Header::proxy_authenticate, "Proxy-Authenticate"},
    Name{Header::proxy_authorization, "Proxy-Authorization"},
    Name{Header::proxy_require, "Proxy-Require"},
    Name{Header::reason, "Reason"},
    Name{Header::record_route, "Record-Route"},
    Name{Header::refer_to, "Refer-To"},
    Name{Header::replaces, "Replaces"},
    Name{Header::require, "Require"},
    Name{Header::retry_after, "Retry-After"},
    Name{Header::route, "Route"},
    Name{Header::server, "Server"},
    Name{Header::service_route, "Service-Route"},
    Name{Header::session_expires, "Session-Expires"},
    Name{Header::subject, "Subject"},
    Name{Header::subscription_state, "Subscription-State"},
    Name{Header::supported, "Supported"},
    Name{Header::timestamp, "Timestamp"},
    Name{Header::to, "To"},
    Name{Header::unsupported, "Unsupported"},
    Name{Header::user_agent, "User-Agent"},
    Name{Header::via, "Via"},
    Name{Header::warning, "Warning"},
    Name{Header::www_authenticate, "WWW-Authenticate"},
};

constexpr Header compact(char letter) {
  switch (to_lower(letter)) {
    case 'c': return Header::content_type;
    case 'f': return Header::from;
    case 'i': return Header::call_id;
    case 'k': return Header::supported;
    case 'l': return Header::content_length;
    case 'm': return Header::contact;
    case 'o': return Header::event;
    case 'r': return Header::refer_to;
    case 's': return Header::subject;
    case 't': return Header::to;
    case 'v': return Header::via;
    case 'x': return Header::session_expires;
    default: return Header::other;
  }
}

/// Length, first and last letter leave few names to compare, mostly one.
constexpr std::size_t slot(std::string_view text) {
  return (text.size() * 7 + static_cast<std::size_t>(text.front() & 31) * 5 + static_cast<std::size_t>(text.back() & 31) * 11) % 128;
}

/// Several bytes at once, with the case bit set in those of 0x40 and above: then letters of either case are the same, and no
/// other byte becomes a letter or a hyphen.
template <typename Word>
Word folded(const char* at) {
  Word bytes = 0;
  std::memcpy(&bytes, at, sizeof bytes);
  constexpr auto bit_6 = static_cast<Word>(0x4040404040404040U);
  return static_cast<Word>(bytes | ((bytes & bit_6) >> 1U));
}

/// Of texts of the same size, from one to two words long: the first and the last word, which may overlap.
template <typename Word>
bool same_ends(const char* a, const char* b, std::size_t size) {
  const std::size_t last = size - sizeof(Word);
  return folded<Word>(a) == folded<Word>(b) && folded<Word>(a + last) == folded<Word>(b + last);
}

bool is_name(std::string_view text, std::string_view name) {
  const std::size_t size = name.size();
  if (text.size() != size) return false;
  if (size < 4) return same_ends<std::uint16_t>(text.data(), name.data(), size);
  if (size < 8) return same_ends<std::uint32_t>(text.data(), name.data(), size);
  for (std::size_t at = 8; at + 8 < size; at += 8)
    if (folded<std::uint64_t>(text.data() + at) != folded<std::uint64_t>(name.data() + at)) return false;
  return same_ends<std::uint64_t>(text.data(), name.data(), size);
}

struct Index {
  std::array<std::uint8_t, 128> first{};  // 1 + position in `names`
  std::array<std::uint8_t, names.size()> next{};
};
constexpr Index make_index() {
  Index index;
  for (std::size_t i = 0; i < names.size(); ++i) {
    index.next[i] = index.first[slot(names[i].text)];
    index.first[slot(names[i].text)] = static_cast<std::uint8_t>(i + 1);
  }
  return index;
}
constexpr Index index = make_index();

constexpr std::array<std::string_view, 14> method_names{"INVITE",    "ACK",    "BYE",  "CANCEL", "REGISTER", "OPTIONS", "MESSAGE",
                                                        "SUBSCRIBE", "NOTIFY", "INFO", "UPDATE", "PRACK",    "REFER",   "PUBLISH"};

}  // namespace

Header parse_header(std::string_view text) {
  if (text.empty()) return Header::other;
  if (text.size() == 1) return compact(text.front());
  for (std::size_t i = index.first[slot(text)]; i != 0; i = index.next[i - 1])
    if (is_name(text, names[i - 1].text)) return names[i - 1].header;
  return Header::other;
}

std::string_view name(Header header) {
  for (const Name& entry : names)
    if (entry.header == header) return entry.text;
  return {};
}

Method parse_method(std::string_view text) {
  for (std::size_t i = 0; i < method_names.size(); ++i)
    if (method_names[i] == text) return static_cast<Method>(i);
  return Method::other;
}

std::string_view name(Method method) {
  const auto i = static_cast<std::size_t>(std::to_underlying(method));
  return i < method_names.size() ? method_names[i] : std::string_view{};
}

}  // namespace ringhold::sip
