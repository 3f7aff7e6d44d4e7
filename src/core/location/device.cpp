#include "location/device.hpp"

namespace ringhold::location {

bool operator==(const DeviceTraits& a, const DeviceTraits& b) {
  if (a.aor != b.aor || a.instance != b.instance) return false;
  if (!a.instance.empty()) return a.reg_id == b.reg_id;
  return a.contact_user == b.contact_user && a.source == b.source && a.user_agent == b.user_agent;
}

DeviceTraits traits_of(const Binding& binding) {
  DeviceTraits traits{binding.aor(), binding.instance(), binding.reg_id, {}, binding.source.address, binding.user_agent()};
  if (const auto uri = sip::Uri::parse(binding.contact())) traits.contact_user = contact_user(*uri);
  return traits;
}

Text device_key(const DeviceTraits& traits) {
  Text key{traits.aor};
  if (!traits.instance.empty()) {
    key.append(" ").append(traits.instance);
    if (traits.reg_id != 0) key.append(" ").append(Decimal{traits.reg_id});
    return key;
  }
  key.append(" ").append(traits.contact_user).append(" ").append(traits.source.text()).append(" ").append(traits.user_agent);
  return key;
}

}  // namespace ringhold::location
