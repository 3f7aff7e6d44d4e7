#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/team.hpp"
#include "proxy/route_preprocessing.hpp"
#include "sip/message.hpp"

namespace ringhold::proxy {

/// A Via branch of ours: the cookie, a number that is never used twice, and the loop hash (RFC 3261 §16.6 step 8).
class Branch {
 public:
  Branch(std::uint64_t number, std::uint32_t loop_hash);
  /// Where a worker's numbers begin: its own number stands in the highest digit.
  static std::uint64_t first_number(WorkerNumber worker, std::uint64_t seed);
  std::string_view text() const { return {text_, sizeof text_}; }
  std::string_view loop_part() const { return text().substr(20); }

 private:
  char text_[7 + 13 + 1 + 7];
};

/// A number as the To tag of an answer of ours.
class Tag {
 public:
  explicit Tag(std::uint64_t number);
  std::string_view text() const { return {text_, sizeof text_}; }

 private:
  char text_[13];
};

/// The worker that made a branch; nothing when it is none of ours.
std::optional<WorkerNumber> worker_of_branch(std::string_view branch);

/// The loop check by hash of RFC 5393 §4.2, over all that our routing looks at: a request that comes back with one of
/// these changed is a spiral. Its secret is its own: the hash is quick, and who sees many may find it out, which gains him
/// nothing but refusals of his own requests.
class LoopCheck {
 public:
  explicit LoopCheck(std::uint64_t secret) : secret_{secret} {}

  std::uint32_t hash(const sip::Message& request, std::string_view request_uri) const;
  /// Whether a Via of ours in the request carries the hash that we would give it now.
  bool has_looped(const sip::Message& request, const Preprocessed& way, const Identity& identity) const;

 private:
  std::uint64_t secret_;
};

}  // namespace ringhold::proxy
