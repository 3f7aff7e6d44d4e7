#pragma once

#include <string_view>

namespace ringhold::sip {

/// The reason phrase of RFC 3261 §21 and its extensions; that of the class for codes that are not registered.
std::string_view reason_phrase(int status);

}  // namespace ringhold::sip
