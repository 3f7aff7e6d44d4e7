#include "shell/http/base64.hpp"

#include <algorithm>
#include <cstdint>

namespace ringhold::http {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(3, bytes.size()))) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) group = group << 8U | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i) text.push_back(i <= bytes.size() ? alphabet[group >> (18 - 6 * i) & 63U] : '=');
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (; !text.empty(); text.remove_prefix(4)) {
    const bool last = text.size() == 4;
    const std::size_t digits = last && text.substr(2, 2) == "==" ? 2 : last && text[3] == '=' ? 3 : 4;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t value = i < digits ? alphabet.find(text[i]) : 0;
      if (value == std::string_view::npos) return std::nullopt;
      group = group << 6U | static_cast<std::uint32_t>(value);
    }
    // What the padding cuts off is zero, so that each content has one form only.
    if ((group & ((1U << (4 - digits) * 8U) - 1U)) != 0) return std::nullopt;
    for (std::size_t i = 0; i + 1 < digits; ++i) bytes.push_back(static_cast<char>(group >> (16 - 8 * i) & 0xffU));
  }
  return bytes;
}

}  // namespace ringhold::http
