#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/text.hpp"

namespace ringhold {

/// A worker's place among those of one program, from 0; worker 0 leads (docs/decisions/0009).
using WorkerNumber = std::uint8_t;
inline constexpr WorkerNumber most_workers = 16;

/// Which of how many a mind is.
struct Team {
  WorkerNumber number = 0;
  WorkerNumber size = 1;
  std::uint64_t secret = 0;  ///< the same for all: keys what one worker makes and another has to read

  constexpr bool is_alone() const { return size <= 1; }
  constexpr bool leads() const { return number == 0; }
};

/// What a worker's branches have where the others' have theirs.
constexpr char worker_digit(WorkerNumber worker) { return "0123456789abcdef"[worker]; }
/// "w3~": the user part of our own URIs by which a dialog finds its worker among several, alone or before a flow token.
Text worker_mark(WorkerNumber worker);
/// A user part, and the mark that stood before it.
struct MarkedUser {
  std::optional<WorkerNumber> worker;
  std::string_view rest;
};
MarkedUser read_worker_mark(std::string_view user);

/// What one mind tells another. Immutable, because several may read it at once.
class Word {
 public:
  virtual ~Word() = default;

 protected:
  Word() = default;
  Word(const Word&) = default;
  Word& operator=(const Word&) = default;
};

}  // namespace ringhold
