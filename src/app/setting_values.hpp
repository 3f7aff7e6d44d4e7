#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/toml_section.hpp"

namespace ringhold::app {

/// A host or domain name (RFC 1035 §2.3.1 and RFC 2782's underscore), without the final dot, lower case; no address.
std::optional<std::string> domain_name(std::string_view text);
/// A file that another file names: beside that one, unless its path begins with a slash.
std::string beside(const std::string& file, const std::string& path);
/// The whole file; empty with an error when it cannot be read.
std::string file_text(const std::string& path, std::vector<SettingError>& errors);

}  // namespace ringhold::app
