#include "sip/validation.hpp"

#include "base/scan.hpp"

namespace ringhold::sip {

namespace {

constexpr Characters never_in_a_request_uri{" \t<>\""};

struct Single {
  Header header;
  std::string_view missing;
  std::string_view doubled;
};
constexpr Single singles[] = {
    {Header::from, "Missing From", "More than one From"},
    {Header::to, "Missing To", "More than one To"},
    {Header::call_id, "Missing Call-ID", "More than one Call-ID"},
    {Header::cseq, "Missing CSeq", "More than one CSeq"},
};
struct Optional {
  Header header;
  std::string_view doubled;
  std::string_view malformed;
};
constexpr Optional numbers[] = {
    {Header::max_forwards, "More than one Max-Forwards", "Max-Forwards is not a number from 0 to 255"},
    {Header::content_length, "More than one Content-Length", "Content-Length is not a number"},
};

std::optional<Malformed> check_single(const Message& message) {
  for (const Single& single : singles) {
    const HeaderLine* line = message.line(single.header);
    if (line == nullptr || line->value.empty()) return Malformed{400, single.missing, name(single.header)};
    if (message.is_repeated(single.header)) return Malformed{400, single.doubled, name(single.header)};
  }
  for (const Optional& number : numbers) {
    const HeaderLine* line = message.line(number.header);
    if (line == nullptr) continue;
    const bool valid = number.header == Header::max_forwards ? message.max_forwards().has_value() : message.content_length().has_value();
    if (!valid) return Malformed{400, number.malformed, name(number.header)};
    if (message.is_repeated(number.header)) return Malformed{400, number.doubled, name(number.header)};
  }
  return std::nullopt;
}

bool is_sip_2(const Message& message) {
  return is_literal(message.version(), "SIP/2.0") || equal_ignoring_case(message.version(), "SIP/2.0");
}

bool has_white_space(std::string_view text) {
  const std::size_t end = find_end_of_visible(text, 0);
  return end < text.size() && white_space.contain_any(text.substr(end));
}

std::optional<Malformed> check_common(const Message& message) {
  if (const auto malformed = check_single(message)) return malformed;
  const auto& via = message.top_via();
  if (!via) return Malformed{400, message.line(Header::via) == nullptr ? "Missing Via" : "Malformed Via", "Via"};
  const auto& from = message.from();
  if (!from) return Malformed{400, "Malformed From", "From"};
  if (!message.to()) return Malformed{400, "Malformed To", "To"};
  if (has_white_space(message.call_id())) return Malformed{400, "Malformed Call-ID", "Call-ID"};
  if (!message.cseq()) return Malformed{400, "Malformed CSeq", "CSeq"};
  const auto length = message.content_length();
  if (length && *length > message.body().size()) return Malformed{400, "Content-Length is larger than the body", "Content-Length"};
  return std::nullopt;
}

}  // namespace

std::optional<Malformed> validate_request(const Message& request) {
  // A URI that can be read holds none of these.
  if (!request.uri() && (request.request_uri().empty() || never_in_a_request_uri.contain_any(request.request_uri())))
    return Malformed{400, "Malformed Request-URI", "request line"};
  if (!is_sip_2(request)) return Malformed{505, "Version Not Supported", "request line"};
  if (const auto malformed = check_common(request)) return malformed;
  if (request.cseq()->method_name != request.method_name()) return Malformed{400, "CSeq method differs from request", "CSeq"};
  return std::nullopt;
}

bool is_valid_response(const Message& response) { return is_sip_2(response) && !check_common(response); }

std::string_view framed_body(const Message& message) {
  const auto length = message.content_length();
  return length && *length <= message.body().size() ? message.body().substr(0, *length) : message.body();
}

}  // namespace ringhold::sip
