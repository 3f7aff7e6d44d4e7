#include "app/setting_values.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/address.hpp"
#include "base/text.hpp"

namespace ringhold::app {

std::optional<std::string> domain_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > 253 || Address::parse(text)) return std::nullopt;
  std::size_t label = 0;
  for (const char c : text) {
    if (c == '.') {
      if (label == 0) return std::nullopt;
      label = 0;
    } else if (!(is_alpha(c) || is_digit(c) || c == '-' || c == '_') || ++label > 63) {
      return std::nullopt;
    }
  }
  return label == 0 ? std::nullopt : std::optional{lower_case(text)};
}

std::string beside(const std::string& file, const std::string& path) {
  const std::filesystem::path named{path};
  return named.is_absolute() ? path : (std::filesystem::path{file}.parent_path() / named).lexically_normal().string();
}

std::string file_text(const std::string& path, std::vector<SettingError>& errors) {
  std::ifstream file{path, std::ios::binary};
  if (!file || std::filesystem::is_directory(path)) {
    errors.push_back({path, 0, "", fmt::format("cannot be read: {}", file ? "it is a folder" : std::strerror(errno))});
    return {};
  }
  return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace ringhold::app
