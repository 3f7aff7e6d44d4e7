#include "auth/nonce.hpp"

#include <charconv>

namespace ringhold::auth {

namespace {

constexpr std::size_t time_digits = 12;
constexpr std::size_t serial_digits = 8;
constexpr std::size_t hashed_digits = time_digits + serial_digits;
constexpr std::size_t hash_digits = Nonces::size - hashed_digits;

void write_hex(char* end, std::size_t digits, std::uint64_t value) {
  for (; digits > 0; --digits, value >>= 4U) *--end = "0123456789abcdef"[value & 15U];
}

std::optional<std::uint64_t> read_hex(std::string_view digits) {
  std::uint64_t value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (read.ec != std::errc{} || read.ptr != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

Nonces::Written Nonces::write(const Nonce& nonce) const {
  Written text;
  write_hex(text.data() + time_digits, time_digits, static_cast<std::uint64_t>(nonce.issued_ms));
  write_hex(text.data() + hashed_digits, serial_digits, nonce.serial);
  write_hex(text.data() + size, hash_digits, hash_({text.data(), hashed_digits}));
  return text;
}

Nonces::Written Nonces::issue(Instant now) { return write({to_unix_ms(now), serial_++}); }

std::optional<Nonce> Nonces::read(std::string_view text) const {
  if (text.size() != size) return std::nullopt;
  const auto time = read_hex(text.substr(0, time_digits));
  const auto serial = read_hex(text.substr(time_digits, serial_digits));
  if (!time || !serial) return std::nullopt;
  const Nonce nonce{static_cast<std::int64_t>(*time), static_cast<std::uint32_t>(*serial)};
  // Compared as a whole, in a time that does not tell where it differs.
  const Written ours = write(nonce);
  unsigned difference = 0;
  for (std::size_t i = 0; i < size; ++i) difference |= static_cast<unsigned>(ours[i] ^ text[i]);
  if (difference != 0) return std::nullopt;
  return nonce;
}

NonceCounts::Taken NonceCounts::take(const Nonce& nonce, std::uint32_t count, std::uint64_t request, Instant now) {
  if (entries_.empty()) entries_.resize(places_);
  Entry& entry = entries_[nonce.serial % entries_.size()];
  if (entry.nonce == nonce) {
    if (count == entry.count && request == entry.request && now < entry.taken_at + retransmission_time) return Taken::retransmission;
    if (count <= entry.count) return Taken::replayed;
  } else if (entry.nonce.issued_ms >= nonce.issued_ms) {
    return Taken::replayed;
  }
  entry = {nonce, count, request, now};
  return Taken::fresh;
}

}  // namespace ringhold::auth
