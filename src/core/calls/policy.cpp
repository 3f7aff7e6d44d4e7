#include "calls/policy.hpp"

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
  for (const Policy policy : {Policy::confirm, Policy::immediate, Policy::log})
    if (name(policy) == text) return policy;
  return std::nullopt;
}

}  // namespace ringhold::calls
