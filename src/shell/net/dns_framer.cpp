#include "shell/net/dns_framer.hpp"

namespace ringhold::net {

void DnsFramer::feed(std::string_view bytes) {
  buffer_.erase(0, taken_);
  taken_ = 0;
  buffer_.append(bytes);
}

std::optional<std::string_view> DnsFramer::take() {
  const std::string_view rest = std::string_view{buffer_}.substr(taken_);
  if (broken_ || rest.size() < 2) return std::nullopt;
  const std::size_t length = static_cast<std::size_t>(static_cast<unsigned char>(rest[0])) << 8U | static_cast<unsigned char>(rest[1]);
  if (length < header_bytes) {
    broken_ = true;
    return std::nullopt;
  }
  if (rest.size() < length + 2) return std::nullopt;
  taken_ += length + 2;
  return rest.substr(2, length);
}

}  // namespace ringhold::net
