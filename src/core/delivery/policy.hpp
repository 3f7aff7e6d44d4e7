#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "base/time.hpp"

namespace ringhold::delivery {

/// In what order the addresses of a user are served (PSH-07, PSH-10).
enum class Strategy : std::uint8_t {
  one_by_one,   ///< the next when one has failed
  all_at_once,  ///< the first terminal, then all others together
};
std::string_view name(Strategy strategy);
std::optional<Strategy> parse_strategy(std::string_view text);

/// How a message is sent (PSH-15).
enum class Method : std::uint8_t {
  message,
  notify,            ///< only to who has subscribed, or is configured to take it
  notify_or_message  ///< to others as MESSAGE
};
std::string_view name(Method method);  ///< "MESSAGE", "NOTIFY", "NOTIFY,MESSAGE"
std::optional<Method> parse_method(std::string_view text);

inline constexpr std::size_t largest_body = 65'536;    ///< bytes of content; more is refused
inline constexpr std::size_t largest_datagram = 1300;  ///< bytes of a whole request (RFC 3428 §8); more goes over a stream, or not at all
inline constexpr unsigned most_hops = 5;               ///< P6
inline constexpr unsigned most_steps = 32;             ///< requests of one delivery; then it has failed

struct Settings {
  Strategy strategy = Strategy::one_by_one;
  Duration attempt = 10s;                            ///< an answer is waited for so long; the transaction lives on (5-i)
  Duration store_for = std::chrono::hours{24 * 7};   ///< zero: what nobody takes now has failed
  std::size_t store_messages = 10'000;               ///< more are refused
  std::size_t store_bytes = std::size_t{64} << 20U;  ///< of contents; more is refused
};

}  // namespace ringhold::delivery
