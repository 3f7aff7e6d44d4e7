#pragma once

#include <optional>
#include <string_view>

#include "sip/message.hpp"

namespace ringhold::sip {

/// Why a request is refused: a status and a reason phrase that names the header. The text has static storage.
struct Malformed {
  int status = 400;
  std::string_view reason;
  std::string_view header;
};

/// RFC 3261 §8.1.1 and §16.3 step 1: the headers that every request has, once, and well formed; the version (505); the body
/// not shorter than Content-Length (§18.3). Schemes and extensions are not looked at: they are the proxy's and registrar's.
std::optional<Malformed> validate_request(const Message& request);

/// The same for responses, which are dropped when malformed. With its first Via, CSeq, From, To and Call-ID in order.
bool is_valid_response(const Message& response);

/// The body as Content-Length cuts it: over UDP what follows is padding (§18.3).
std::string_view framed_body(const Message& message);

}  // namespace ringhold::sip
