#include "proxy/loop_check.hpp"

#include <optional>

#include "base/hash.hpp"

namespace ringhold::proxy {

namespace {

constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuv";

constexpr unsigned worker_shift = 60;   // of a branch's number
constexpr std::size_t last_digit = 19;  // of that number in its text: the highest

void write_digits(char* at, std::size_t count, std::uint64_t value) {
  for (std::size_t i = 0; i < count; ++i, value >>= 5U) at[i] = digits[value & 31U];
}

std::uint64_t mixed(std::uint64_t hash, std::string_view text) {
  hash ^= quick_hash(text);
  hash *= 0x9e3779b97f4a7c15U;
  return hash ^ (hash >> 29U);
}

}  // namespace

Branch::Branch(std::uint64_t number, std::uint32_t loop_hash) {
  sip::branch_cookie.copy(text_, 7);
  write_digits(text_ + 7, 13, number);
  text_[20] = '.';
  write_digits(text_ + 21, 7, loop_hash);
}

Tag::Tag(std::uint64_t number) { write_digits(text_, sizeof text_, number); }

std::uint64_t Branch::first_number(WorkerNumber worker, std::uint64_t seed) {
  return static_cast<std::uint64_t>(worker) << worker_shift | (seed & ((1ULL << worker_shift) - 1));
}

std::optional<WorkerNumber> worker_of_branch(std::string_view branch) {
  if (!branch.starts_with(sip::branch_cookie) || branch.size() <= 7) return std::nullopt;
  // A branch of another capability begins with its worker's digit: "0p…" of a probe, "0e…" of a NOTIFY.
  const bool of_proxy = branch.size() == Branch{0, 0}.text().size() && branch[20] == '.';
  const auto digit = digits.find(branch[of_proxy ? last_digit : 7]);
  if (digit >= most_workers) return std::nullopt;
  return static_cast<WorkerNumber>(digit);
}

std::uint32_t LoopCheck::hash(const sip::Message& request, std::string_view request_uri) const {
  std::uint64_t hash = mixed(secret_, request_uri);
  hash = mixed(hash, request.from_tag());
  hash = mixed(hash, request.to_tag());
  hash = mixed(hash, request.call_id());
  hash = mixed(hash, request.value(sip::Header::cseq));
  request.for_each_value(sip::Header::route, [&](std::string_view value, const sip::HeaderLine&) {
    hash = mixed(hash, value);
    return true;
  });
  hash = mixed(hash, request.value(sip::Header::proxy_require));
  hash = mixed(hash, request.value(sip::Header::proxy_authorization));
  return static_cast<std::uint32_t>(hash >> 16U);
}

bool LoopCheck::has_looped(const sip::Message& request, const Preprocessed& way, const Identity& identity) const {
  bool looped = false;
  std::optional<Branch> own;
  request.for_each_value(sip::Header::via, [&](std::string_view value, const sip::HeaderLine&) {
    const bool top = request.top_via() && request.top_via()->text.data() == value.data();
    const auto via = top ? request.top_via() : sip::Via::parse(value);
    if (!via || !identity.is_ours(via->host, via->port.value_or(5060))) return true;
    if (!own) own.emplace(0, hash(request, way.request_uri()));
    looped = via->branch.size() == own->text().size() && via->branch.ends_with(own->loop_part());
    return !looped;
  });
  return looped;
}

}  // namespace ringhold::proxy
