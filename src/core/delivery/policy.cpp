#include "delivery/policy.hpp"

#include <array>

#include "base/named.hpp"

namespace ringhold::delivery {

std::string_view name(Strategy strategy) {
  switch (strategy) {
    case Strategy::one_by_one: return "one-by-one";
    case Strategy::all_at_once: return "all-at-once";
  }
  return "";
}

std::optional<Strategy> parse_strategy(std::string_view text) {
  return named(std::array{Strategy::one_by_one, Strategy::all_at_once}, text);
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
  return named(std::array{Method::message, Method::notify, Method::notify_or_message}, text);
}

}  // namespace ringhold::delivery
