#include "calls/policy.hpp"

#include <array>

#include "base/named.hpp"

namespace ringhold::calls {

std::string_view name(Policy policy) {
  switch (policy) {
    case Policy::confirm: return "confirm";
    case Policy::immediate: return "immediate";
    case Policy::log: return "log";
  }
  return "";
}

std::optional<Policy> parse_policy(std::string_view text) {
  return named(std::array{Policy::confirm, Policy::immediate, Policy::log}, text);
}

}  // namespace ringhold::calls
