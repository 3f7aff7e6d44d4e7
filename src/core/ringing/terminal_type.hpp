#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "sip/uri.hpp"

namespace ringhold::ringing {

/// The code of a type of terminal, as it stands in `Tt`: 0 to 999 (RNG-05).
enum class TypeCode : std::uint16_t {};
constexpr std::uint16_t to_number(TypeCode code) { return static_cast<std::uint16_t>(code); }
inline constexpr std::uint16_t highest_type_code = 999;

/// A type of terminal (G1), and how its terminals are known.
struct TerminalType {
  TypeCode code{};
  Text name;                      ///< "ip-phone"
  std::vector<Text> user_agents;  ///< patterns, `*` for any characters; letters of either case
  bool mobile = false;            ///< RFC 3840 `mobility="mobile"` means this one
};

/// IP phones 0, PC clients 1, mobile clients 2, with the User-Agents of common ones.
std::vector<TerminalType> usual_types();

/// Where the type of a terminal was found (RNG-09).
enum class TypeSource : std::uint8_t { administrator, contact_parameter, feature_tag, user_agent, otherwise };
std::string_view name(TypeSource source);

/// The types that there are, in the order of the configuration.
class TerminalTypes {
 public:
  explicit TerminalTypes(std::vector<TerminalType> types) : types_{std::move(types)} {}

  const TerminalType* find(TypeCode code) const;
  const TerminalType* find(std::string_view name) const;
  std::span<const TerminalType> all() const { return types_; }

  struct Found {
    const TerminalType* type = nullptr;  ///< null only when there are no types at all
    TypeSource source = TypeSource::otherwise;
  };
  /// The type of a terminal by the parameters of its Contact and its User-Agent: the parameter `terminal-type` (a name or a
  /// code), then `mobility` (also as `+sip.mobility`), then the first pattern, else the first type.
  Found classify(const sip::Parameters& contact, std::string_view user_agent) const;

 private:
  std::vector<TerminalType> types_;
};

/// Whether a pattern with `*` for any characters fits the whole text, in letters of either case.
bool fits(std::string_view pattern, std::string_view text);

}  // namespace ringhold::ringing
