#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "base/time.hpp"
#include "ringing/terminal_type.hpp"

namespace ringhold::ringing {

/// Terminals of these types ring together for so long (G2).
struct Step {
  std::vector<TypeCode> types;  ///< none: wherever else the user may be, for all the time that is left (X-10)
  Duration ring{};              ///< whole seconds
  Text number{};                ///< instead of types: somebody else, when nobody has answered (G6)
  // Without a profile, instead of types (RNG-18); never in one:
  std::optional<std::uint16_t> q{};  ///< his contacts from this q-value on, in thousandths
  Text contact{};                    ///< this contact of his
  std::uint16_t q_below = 1001;      ///< with `q`: those of the steps before begin there
  bool is_anywhere_else() const { return types.empty() && number.empty() && !q && contact.empty(); }
  friend bool operator==(const Step&, const Step&) = default;
};

inline Step anywhere_else(Duration ring) { return {{}, ring, {}}; }

inline constexpr std::size_t most_steps = 16;
inline constexpr Duration longest_step = 3min;

/// Who rings in which order, and who is called at last. Without steps all terminals ring at once.
struct RingPlan {
  std::vector<Step> steps;
  Text fallback{};  ///< who is called when nobody has answered: the part before @ (voicemail, a number); empty: nobody
  bool is_usual() const { return steps.empty() && fallback.empty(); }
  friend bool operator==(const RingPlan&, const RingPlan&) = default;
};

/// What is wrong with it; empty when nothing is. Types have to be known, each stands once.
Text wrong_with(const RingPlan& plan, const TerminalTypes& types);

/// "0,1:15 2:20": the codes of each step, and its seconds; empty for none.
Text text_of(const std::vector<Step>& steps);
/// What text_of() gave; nothing for what it cannot have given.
std::optional<std::vector<Step>> parse_steps(std::string_view text);

}  // namespace ringhold::ringing
