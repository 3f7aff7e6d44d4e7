#pragma once

#include <expected>
#include <string_view>
#include <vector>

#include "ringing/terminal_type.hpp"
#include "sip/message.hpp"

namespace ringhold::ringing {

/// The codes of all `Tt` lines of a request (RNG-05): `Tt = "Tt" HCOLON code *(COMMA code)`, code = 1*3DIGIT. Each once, in
/// order. An error says what is wrong: a malformed list, more than 16 of them, or a code that is no type's.
std::expected<std::vector<TypeCode>, std::string_view> read_tt(const sip::Message& request, const TerminalTypes& types);

}  // namespace ringhold::ringing
