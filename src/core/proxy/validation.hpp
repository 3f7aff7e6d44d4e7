#pragma once

#include <cstdint>
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

/// RFC 3261 §16.3 steps 1 and 2: the Request-URI can be read (400) and its scheme is known (416). The rest of the message
/// was validated before (sip/validation).
std::optional<Refusal> validate_request_uri(const sip::Message& request);
/// §16.3 step 3: Max-Forwards is used up (483).
std::optional<Refusal> validate_max_forwards(const sip::Message& request);
/// §16.3 step 5: extensions that a proxy must have and we have not (420); not for ACK and CANCEL, which nobody could answer.
std::optional<Refusal> validate_proxy_require(const sip::Message& request);

/// RFC 5393 §5.3: over how many branches the request may still be forked; without the header, or with one that is no
/// number, 60.
std::uint16_t max_breadth(const sip::Message& request);
/// The part of `breadth` for branch `index` of `count` parallel ones; zero when there are too few.
std::uint16_t share_of_breadth(std::uint16_t breadth, std::size_t index, std::size_t count);

}  // namespace ringhold::proxy
