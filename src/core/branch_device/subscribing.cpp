#include "branch_device/state.hpp"

namespace ringhold::branch_device {

bool BranchDevice::State::on_subscribe(const sip::Message& request, const Packet& packet, const sip::Uri& uri, Instant now,
                                       Outbox& outbox) {
  const auto refuse = [&](const proxy::Refusal& refusal) {
    proxy.refuse_without_state(request, packet, refusal, outbox);
    return true;
  };
  if (!request.to_tag().empty()) {
    if (notifier.knows(request)) {
      notifier.refresh(request, packet, location, layer, now, outbox);
      return true;
    }
    return uri.user.empty() && refuse({481, {}, {}});
  }
  const bool is_known = notifier.has_package(events::package_of(request));
  if (uri.user.empty()) {
    if (is_known) return refuse({404, "No user in the Request-URI", {}});
    return refuse({489, {}, notifier.allow_events_line()});
  }
  // What else a user's terminals know they tell themselves (C7).
  const Text aor = is_known && !uri.parameters.has("gr") ? aor_of(uri) : Text{};
  if (aor.empty()) return false;
  const bool from_central = central.is_central(packet.remote);
  // C3: who is registered at the central site is known there.
  if (!from_central && location.find(aor, now).empty() && !hops_to_central().empty()) return false;
  if (!from_central && party_of(request.from()) != aor) return refuse({403, "Registrations of others are not shown", {}});
  if (!from_central && !may_register(request, packet, aor, now, outbox)) return true;  // who may change it may see it
  notifier.subscribe(request, packet, aor, location, layer, now, outbox);
  pushes.wake(aor, now, outbox);
  return true;
}

}  // namespace ringhold::branch_device
