#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ringhold::net {

/// Cuts a byte stream into DNS messages: two bytes of length before each (RFC 1035 §4.2.2, RFC 7766 §8).
class DnsFramer {
 public:
  void feed(std::string_view bytes);
  /// The next whole message, valid until the next call of feed() or take(); nothing when bytes are missing.
  std::optional<std::string_view> take();
  /// A length that no DNS message can have: close the stream.
  bool broken() const { return broken_; }
  std::size_t buffered() const { return buffer_.size() - taken_; }

 private:
  static constexpr std::size_t header_bytes = 12;
  std::string buffer_;
  std::size_t taken_ = 0;
  bool broken_ = false;
};

}  // namespace ringhold::net
