#include "delivery/policy.hpp"

namespace ringhold::delivery {

std::string_view name(Strategy strategy) {
  switch (strategy) {
    case Strategy::one_by_one: return "one-by-one";
    case Strategy::all_at_once: return "all-at-once";
  }
  return "";
}

std::optional<Strategy> parse_strategy(std::string_view text) {
  for (const Strategy one : {Strategy::one_by_one, Strategy::all_at_once})
    if (name(one) == text) return one;
  return std::nullopt;
}

std::string_view name(Method method) {
  switch (method) {
    case Method::message: return "MESSAGE";
    case Method::notify: return "NOTIFY";
    case Method::notify_or_message: return "NOTIFY,MESSAGE";
  }
  return "";
}

std::optional<Method> parse_method(std::string_view text) {
  for (const Method one : {Method::message, Method::notify, Method::notify_or_message})
    if (name(one) == text) return one;
  return std::nullopt;
}

}  // namespace ringhold::delivery
