#include "proxy/validation.hpp"

#include "sip/uri.hpp"

namespace ringhold::proxy {

namespace {

constexpr std::uint16_t default_breadth = 60;  // RFC 5393 §5.3.3

}  // namespace

std::optional<Refusal> validate_request_uri(const sip::Message& request) {
  const auto& uri = request.uri();
  if (!uri) return Refusal{400, "Malformed Request-URI", {}};
  if (uri->scheme == sip::Scheme::other) return Refusal{416, {}, {}};
  return std::nullopt;
}

std::optional<Refusal> validate_max_forwards(const sip::Message& request) {
  if (request.max_forwards() == 0U) return Refusal{483, {}, {}};
  return std::nullopt;
}

std::optional<Refusal> validate_proxy_require(const sip::Message& request) {
  if (request.line(sip::Header::proxy_require) == nullptr) return std::nullopt;
  if (request.method() == sip::Method::ack || request.method() == sip::Method::cancel) return std::nullopt;
  Text unsupported;
  request.for_each_value(sip::Header::proxy_require, [&](std::string_view option, const sip::HeaderLine&) {
    if (!option.empty()) unsupported += (unsupported.empty() ? "Unsupported: " : ", ") + Text{option};
    return true;
  });
  if (unsupported.empty()) return std::nullopt;
  return Refusal{420, {}, unsupported + "\r\n"};
}

std::uint16_t max_breadth(const sip::Message& request) {
  const auto text = request.value(sip::Header::max_breadth);
  if (text.empty()) return default_breadth;
  // More than we could ever use is as good as what we can hold.
  const auto number = parse_number<std::uint64_t>(text);
  return number ? static_cast<std::uint16_t>(std::min<std::uint64_t>(*number, UINT16_MAX)) : default_breadth;
}

std::uint16_t share_of_breadth(std::uint16_t breadth, std::size_t index, std::size_t count) {
  const auto share = breadth / count;
  return static_cast<std::uint16_t>(share + (index < breadth % count ? 1U : 0U));
}

}  // namespace ringhold::proxy
