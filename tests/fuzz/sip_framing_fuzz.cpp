// The stream framer gives the same pieces however the bytes come (X1). The last byte of the input chooses the chunks, so that
// a file with SIP messages is a seed as it is.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "base/random.hpp"
#include "sip/framing.hpp"

using namespace ringhold;

namespace {

using Kind = sip::StreamFramer::Kind;

struct Piece {
  Kind kind;
  std::string bytes;
  friend bool operator==(const Piece&, const Piece&) = default;
};

/// Takes all pieces that are there; the text of an error may depend on where the bytes end, that it is one may not.
bool take_all(sip::StreamFramer& framer, std::vector<Piece>& pieces) {
  for (;;) {
    const auto piece = framer.take();
    if (piece.kind == Kind::nothing) return true;
    if (piece.kind == Kind::message && piece.bytes.size() > limits::sip_message_bytes) std::abort();
    pieces.push_back({piece.kind, piece.kind == Kind::message ? std::string{piece.bytes} : std::string{}});
    if (piece.kind == Kind::error) return false;
  }
}

template <typename NextChunk>
std::vector<Piece> cut(std::string_view stream, NextChunk next_chunk) {
  sip::StreamFramer framer;
  std::vector<Piece> pieces;
  while (!stream.empty()) {
    const auto chunk = stream.substr(0, next_chunk());
    stream.remove_prefix(chunk.size());
    framer.feed(chunk);
    if (!take_all(framer, pieces)) break;
  }
  // What is kept is what has not been given away: a peer cannot make it grow beyond one message.
  if (framer.buffered() > limits::sip_message_bytes + stream.size() + 4096) std::abort();
  return pieces;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view stream{reinterpret_cast<const char*>(data), size - 1};
  SeededRandom random{data[size - 1]};
  const unsigned longest = data[size - 1] % 2 == 0 ? 4 : 400;
  const auto whole = cut(stream, [&] { return stream.size(); });
  if (whole != cut(stream, [&] { return std::size_t{1} + random.below(longest); })) std::abort();
  if (size < 1000 && whole != cut(stream, [] { return std::size_t{1}; })) std::abort();
  return 0;
}
