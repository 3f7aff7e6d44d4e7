#pragma once

#include <string>
#include <string_view>

namespace ringhold::http {

/// Without the '%' escapes of RFC 3986 §2.1; what is no escape stays.
std::string decoded(std::string_view text);
/// With every byte that is not UTF-8 replaced by U+FFFD: what phones send must not make our JSON unreadable.
std::string valid_utf8(std::string_view text);

}  // namespace ringhold::http
