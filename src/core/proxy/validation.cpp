#include "proxy/validation.hpp"

#include "sip/uri.hpp"

namespace ringhold::proxy {

std::optional<Refusal> validate(const sip::Message& request) {
  const auto& uri = request.uri();
  if (!uri) return Refusal{400, "Malformed Request-URI", {}};
  if (uri->scheme == sip::Scheme::other) return Refusal{416, {}, {}};
  if (request.max_forwards() == 0U) return Refusal{483, {}, {}};
  Text unsupported;
  if (request.method() != sip::Method::ack && request.method() != sip::Method::cancel)
    request.for_each_value(sip::Header::proxy_require, [&](std::string_view option, const sip::HeaderLine&) {
      if (!option.empty()) unsupported += (unsupported.empty() ? "Unsupported: " : ", ") + Text{option};
      return true;
    });
  if (!unsupported.empty()) return Refusal{420, {}, unsupported + "\r\n"};
  return std::nullopt;
}

}  // namespace ringhold::proxy
