#pragma once

#include <optional>
#include <string_view>

#include "base/address.hpp"
#include "base/text.hpp"
#include "location/binding.hpp"
#include "sip/uri.hpp"

namespace ringhold::location {

/// What a REGISTER tells of the device it comes from.
struct DeviceTraits {
  std::string_view aor;
  std::string_view instance;  ///< +sip.instance; empty: none
  std::uint32_t reg_id = 0;   ///< RFC 5626: several flows of one instance are several bindings; zero: none
  std::string_view contact_user;
  Address source;
  std::string_view user_agent;

  friend bool operator==(const DeviceTraits& a, const DeviceTraits& b);
};

/// What stands for the user in a Contact: of a URI that is not SIP all of it.
inline std::string_view contact_user(const sip::Uri& uri) { return uri.is_sip() ? uri.user : uri.text; }

/// Whose contact a binding is. Views into it.
DeviceTraits traits_of(const Binding& binding);

/// The device's key (R2, RST-07): AOR and instance (and reg-id), else AOR, Contact user, source address and User-Agent. The
/// AOR is part of it because some softphones send one instance for every account.
Text device_key(const DeviceTraits& traits);

}  // namespace ringhold::location
