#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ringhold::http {

/// Without the '%' escapes of RFC 3986 §2.1; what is no escape stays.
std::string decoded(std::string_view text);
/// The value of one parameter of a query, decoded; empty if it is not there.
std::string parameter(std::string_view query, std::string_view name);
/// How many rows are asked for by "limit", 100 when nothing is said; nothing when that is no number from 1 to `most`.
std::optional<std::size_t> limit_of(std::string_view query, std::size_t most);
/// With every byte that is not UTF-8 replaced by U+FFFD: what phones send must not make our JSON unreadable.
std::string valid_utf8(std::string_view text);

}  // namespace ringhold::http
