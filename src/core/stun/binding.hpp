#pragma once

#include <string>
#include <string_view>

#include "base/address.hpp"

namespace ringhold::stun {

/// Whether a datagram of a SIP port is STUN's: the two highest bits are zero and the magic cookie stands there (RFC 8489 §6.3).
bool is_stun(std::string_view datagram);

/// Appends the answer to a binding request: where it came from, or 420 with what we do not understand and must. False for
/// all else, indications and malformed requests among it: then nothing was appended.
bool append_answer(std::string& out, std::string_view datagram, const Endpoint& source);

}  // namespace ringhold::stun
