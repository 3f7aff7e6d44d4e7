#pragma once

#include <cstdint>
#include <string_view>

namespace ringhold::sip {

/// Methods that somebody here treats apart; all others are `other` and pass (C7).
enum class Method : std::uint8_t {
  invite,
  ack,
  bye,
  cancel,
  register_,
  options,
  message,
  subscribe,
  notify,
  info,
  update,
  prack,
  refer,
  publish,
  other
};

/// Case-sensitive, as RFC 3261 §7.1 has it.
Method parse_method(std::string_view name);
std::string_view name(Method method);
/// Whether a request of this method can make a dialog, and so carries our Record-Route (RFC 3261 §16.6 step 4, RFC 6665, RFC 3515).
constexpr bool makes_dialog(Method method) {
  return method == Method::invite || method == Method::subscribe || method == Method::refer || method == Method::notify;
}

}  // namespace ringhold::sip
