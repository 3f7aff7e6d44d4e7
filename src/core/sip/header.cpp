#include "sip/header.hpp"

#include <array>
#include <utility>

#include "base/known_words.hpp"
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
    Name{Header::accept_contact, "Accept-Contact"},
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
    Name{Header::reject_contact, "Reject-Contact"},
    Name{Header::replaces, "Replaces"},
    Name{Header::request_disposition, "Request-Disposition"},
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
    Name{Header::tt, "Tt"},
    Name{Header::unsupported, "Unsupported"},
    Name{Header::user_agent, "User-Agent"},
    Name{Header::via, "Via"},
    Name{Header::warning, "Warning"},
    Name{Header::www_authenticate, "WWW-Authenticate"},
};

consteval bool stand_in_order_of_the_enum() {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (std::to_underlying(names[i].header) != i + 1) return false;
  return true;
}
static_assert(stand_in_order_of_the_enum());

constexpr Header compact(char letter) {
  switch (to_lower(letter)) {
    case 'a': return Header::accept_contact;
    case 'c': return Header::content_type;
    case 'd': return Header::request_disposition;
    case 'f': return Header::from;
    case 'i': return Header::call_id;
    case 'j': return Header::reject_contact;
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

constexpr std::array<std::string_view, names.size()> header_texts = [] {
  std::array<std::string_view, names.size()> texts;
  for (std::size_t i = 0; i < names.size(); ++i) texts[i] = names[i].text;
  return texts;
}();
constexpr KnownWords<names.size(), Letters::of_either_case> known_headers{header_texts};

constexpr std::array<std::string_view, 14> method_names{"INVITE",    "ACK",    "BYE",  "CANCEL", "REGISTER", "OPTIONS", "MESSAGE",
                                                        "SUBSCRIBE", "NOTIFY", "INFO", "UPDATE", "PRACK",    "REFER",   "PUBLISH"};
constexpr KnownWords<method_names.size(), Letters::as_they_are> known_methods{method_names};

}  // namespace

Header parse_header(std::string_view text) {
  if (text.size() == 1) return compact(text.front());
  const auto known = known_headers.find(text);
  return known ? static_cast<Header>(*known + 1) : Header::other;
}

std::string_view name(Header header) { return header == Header::other ? std::string_view{} : names[std::to_underlying(header) - 1U].text; }

Method parse_method(std::string_view text) {
  const auto known = known_methods.find(text);
  return known ? static_cast<Method>(*known) : Method::other;
}

std::string_view name(Method method) {
  const auto i = static_cast<std::size_t>(std::to_underlying(method));
  return i < method_names.size() ? method_names[i] : std::string_view{};
}

}  // namespace ringhold::sip
