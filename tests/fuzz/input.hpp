#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringhold {

/// What libFuzzer made, taken piece by piece; where nothing is left, zeros and empty texts.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_{reinterpret_cast<const char*>(data), size} {}
  bool empty() const { return rest_.empty(); }
  std::uint8_t byte() { return rest_.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(bytes(1).front()); }
  /// So many, or what is left.
  std::string_view bytes(std::size_t most) {
    const auto taken = rest_.substr(0, most);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  /// A byte says how many: up to 255.
  std::string_view counted() { return bytes(byte()); }
  /// Two bytes say how many: up to 2 047.
  std::string_view counted_long() {
    const std::size_t high = byte() % 8;
    return bytes(high << 8U | byte());
  }
  /// One of `values`, as a byte says.
  template <typename Values>
  auto pick(const Values& values) {
    return values[byte() % values.size()];
  }

 private:
  std::string_view rest_;
};

}  // namespace ringhold
