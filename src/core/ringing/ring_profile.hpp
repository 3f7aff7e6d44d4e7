#pragma once

#include <expected>
#include <optional>
#include <string_view>
#include <vector>

#include "base/journal.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "ringing/terminal_type.hpp"

namespace ringhold::ringing {

/// Terminals of these types ring together for so long (G2).
struct Step {
  std::vector<TypeCode> types;  ///< none: wherever else the user may be, for all the time that is left (X-10)
  Duration ring{};              ///< whole seconds
  Text number{};                ///< instead of types: somebody else, when nobody has answered (G6)
  bool is_anywhere_else() const { return types.empty() && number.empty(); }
  friend bool operator==(const Step&, const Step&) = default;
};

inline Step anywhere_else(Duration ring) { return {{}, ring, {}}; }

inline constexpr std::size_t most_steps = 16;
inline constexpr Duration longest_step = 3min;

/// How a user wants to be called. Without steps all his terminals ring at once; without a fallback either, that needs no profile.
struct RingProfile {
  Text user;  ///< the part before @ of his AOR, unescaped
  std::vector<Step> steps;
  Text fallback{};  ///< who is called when nobody has answered: the part before @ (voicemail, a number); empty: nobody
  bool is_usual() const { return steps.empty() && fallback.empty(); }
  friend bool operator==(const RingProfile&, const RingProfile&) = default;
};

/// What is wrong with it; empty when nothing is. Types have to be known, each stands once.
Text wrong_with(const RingProfile& profile, const TerminalTypes& types);

/// As the store keeps it; nothing for a row that is no profile.
Change put(const RingProfile& profile);
Change removed(std::string_view user);
std::optional<RingProfile> from_row(const Row& row);

}  // namespace ringhold::ringing
