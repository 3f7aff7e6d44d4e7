#include "sip/framing.hpp"

#include "base/limits.hpp"
#include "base/text.hpp"
#include "sip/header.hpp"
#include "sip/uri.hpp"

namespace ringhold::sip {

namespace {

/// The value of Content-Length in a head; nothing when it is absent, doubled with another value or no number.
std::optional<std::size_t> length_of_body(std::string_view head) {
  std::optional<std::size_t> length;
  std::size_t at = head.find('\n');
  while (at != std::string_view::npos && at + 1 < head.size()) {
    const auto begin = at + 1;
    at = head.find('\n', begin);
    const auto line = head.substr(begin, at == std::string_view::npos ? at : at - begin);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || line.front() == ' ' || line.front() == '\t') continue;
    const auto name = trimmed(line.substr(0, colon));
    if (!is_token(name) || parse_header(name) != Header::content_length) continue;
    const auto number = parse_number<std::size_t>(trimmed(line.substr(colon + 1)));
    if (!number || (length && *length != *number)) return std::nullopt;
    length = number;
  }
  return length;
}

}  // namespace

void StreamFramer::feed(std::string_view bytes) {
  if (failed_) return;
  if (taken_ > 0) {
    buffer_.erase(0, taken_);
    taken_ = 0;
  }
  buffer_.append(bytes);
}

StreamFramer::Piece StreamFramer::fail(std::string_view why) {
  failed_ = true;
  return {Kind::error, why};
}

StreamFramer::Piece StreamFramer::take() {
  if (failed_) return {Kind::nothing, {}};
  // A ping is four bytes; a single CRLF answers one, or stands between messages (§7.5). Byte by byte, because whether four
  // bytes are a ping must not depend on how the bytes before them came.
  while (searched_ == 0 && taken_ < buffer_.size() && (buffer_[taken_] == '\r' || buffer_[taken_] == '\n')) {
    constexpr std::string_view ping = "\r\n\r\n";
    const std::string_view head = std::string_view{buffer_}.substr(taken_, ping.size());
    if (head == ping) {
      taken_ += ping.size();
      return {Kind::keep_alive, {}};
    }
    if (ping.starts_with(head)) return {Kind::nothing, {}};
    ++taken_;
  }
  const std::string_view rest = std::string_view{buffer_}.substr(taken_);
  if (rest.empty()) return {Kind::nothing, {}};
  const auto from = searched_ > 3 ? searched_ - 3 : 0;
  const auto end = rest.find("\r\n\r\n", from);
  if (end == std::string_view::npos) {
    if (rest.size() > limits::sip_message_bytes) return fail("head without end");
    searched_ = rest.size();
    return {Kind::nothing, {}};
  }
  const auto head = rest.substr(0, end + 4);
  const auto body = length_of_body(head);
  if (!body) return fail("no usable Content-Length");
  if (*body > limits::sip_message_bytes || head.size() + *body > limits::sip_message_bytes) return fail("message longer than 65535 bytes");
  if (rest.size() < head.size() + *body) {
    searched_ = end;
    return {Kind::nothing, {}};
  }
  const auto message = rest.substr(0, head.size() + *body);
  taken_ += message.size();
  searched_ = 0;
  return {Kind::message, message};
}

}  // namespace ringhold::sip
