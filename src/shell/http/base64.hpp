#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ringhold::http {

/// RFC 4648 §4, with padding and without line breaks.
std::string to_base64(std::string_view bytes);
/// Nothing when it is not that.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace ringhold::http
