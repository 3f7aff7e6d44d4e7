// The stream framer cuts the same messages however the bytes come (X1). The first byte chooses the chunks.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "sip/framing.hpp"

using namespace ringhold;

namespace {

struct Cut {
  std::vector<std::string> messages;
  bool failed = false;
  friend bool operator==(const Cut&, const Cut&) = default;
};

Cut cut(std::string_view stream, std::uint64_t seed, bool whole) {
  SeededRandom random{seed};
  sip::StreamFramer framer;
  Cut result;
  for (std::size_t at = 0; at < stream.size() && !result.failed;) {
    const std::size_t chunk = whole ? stream.size() : 1 + random.below(40);
    framer.feed(stream.substr(at, chunk));
    at += chunk;
    for (auto piece = framer.take(); piece.kind != sip::StreamFramer::Kind::nothing; piece = framer.take()) {
      if (piece.kind == sip::StreamFramer::Kind::error) result.failed = true;
      if (piece.kind == sip::StreamFramer::Kind::message) result.messages.emplace_back(piece.bytes);
      if (result.failed) break;
    }
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view stream{reinterpret_cast<const char*>(data) + 1, size - 1};
  if (!(cut(stream, data[0], true) == cut(stream, data[0], false))) std::abort();
  return 0;
}
