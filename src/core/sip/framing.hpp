#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ringhold::sip {

/// Cuts a byte stream into messages (RFC 3261 §18.3). Feed bytes, then take until `nothing`.
class StreamFramer {
 public:
  enum class Kind : std::uint8_t {
    nothing,     ///< more bytes are needed
    message,     ///< `bytes` is one whole message
    keep_alive,  ///< a double CRLF: answer with one CRLF (RFC 5626 §4.4.1)
    error,       ///< the stream cannot be understood any more: close it; `bytes` says why
  };
  struct Piece {
    Kind kind;
    std::string_view bytes;
  };

  void feed(std::string_view bytes);
  /// `bytes` of the piece are valid until the next call of feed() or take().
  Piece take();
  std::size_t buffered() const { return buffer_.size() - taken_; }

 private:
  Piece fail(std::string_view why);
  std::string buffer_;
  std::size_t taken_ = 0;     ///< bytes given away already
  std::size_t searched_ = 0;  ///< from taken_, where the search for the empty line goes on
  bool failed_ = false;
};

}  // namespace ringhold::sip
