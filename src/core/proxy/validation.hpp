#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "sip/message.hpp"

namespace ringhold::proxy {

/// A final response that we make ourselves.
struct Refusal {
  int status = 500;
  Text reason;   ///< reason phrase that names what is wrong; empty: the standard one
  Text headers;  ///< whole header lines to add, each with CRLF: "Unsupported: foo\r\n"
};

/// RFC 3261 §16.3 without the loop check: scheme (416), Max-Forwards (483), Proxy-Require (420). The structure of the
/// message was validated before (sip/validation).
std::optional<Refusal> validate(const sip::Message& request);

}  // namespace ringhold::proxy
