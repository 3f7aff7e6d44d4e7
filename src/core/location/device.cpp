#include "location/device.hpp"

namespace ringhold::location {

Text device_key(const DeviceTraits& traits) {
  Text key{traits.aor};
  if (!traits.instance.empty()) {
    key.append(" ").append(traits.instance);
    if (traits.reg_id) key.append(" ").append(Decimal{*traits.reg_id});
    return key;
  }
  key.append(" ").append(traits.contact_user).append(" ").append(traits.source.text()).append(" ").append(traits.user_agent);
  return key;
}

}  // namespace ringhold::location
