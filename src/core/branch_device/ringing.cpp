// A user's terminals one type after another (RNG-03 to RNG-17): the media service says which types, the proxy calls their contacts.
#include <algorithm>

#include "branch_device/state.hpp"
#include "branch_device/team.hpp"
#include "ringing/tt_header.hpp"

namespace ringhold::branch_device {

namespace {

constexpr std::size_t most_challenged = 64;

ringing::SearchKey key_of(proxy::ContextId id) { return std::uint64_t{id.index} << 32U | id.generation; }
proxy::ContextId context_of(ringing::SearchKey search) {
  return {static_cast<std::uint32_t>(search >> 32U), static_cast<std::uint32_t>(search)};
}

}  // namespace

ringing::TerminalTypes::Found BranchDevice::State::type_of(const location::Binding& binding) const {
  return media.type_of(sip::Parameters{binding.parameters()}, binding.user_agent(),
                       [&] { return location::device_key(location::traits_of(binding)); });
}

bool BranchDevice::State::is_in_step(const location::Binding& binding, const ringing::Step& step) const {
  if (step.q) {
    const std::uint16_t q = q_of(binding, location.find(binding.aor(), Instant::min()));
    return q >= *step.q && q < step.q_below;
  }
  if (!step.contact.empty()) return binding.contact() == step.contact;
  const auto* type = type_of(binding).type;
  return type != nullptr && std::ranges::find(step.types, type->code) != step.types.end();
}

bool BranchDevice::State::is_application_server(const Endpoint& remote) const {
  return std::ranges::any_of(settings.ringing.trusted, [&](const Network& network) { return network.contains(remote.address); });
}

std::optional<Way> BranchDevice::State::way_by_types(const sip::Message& request, const Packet& packet, const sip::Uri& uri,
                                                     std::string_view aor, Instant now) const {
  if (request.method() != sip::Method::invite || !request.to_tag().empty()) return std::nullopt;
  if (is_application_server(packet.remote)) {
    // It has decided; without the header all ring at once (RNG-05).
    if (!request.has(sip::Header::tt)) return std::nullopt;
    const auto types = ringing::read_tt(request, media.types());
    if (!types) return Way{{}, {400, Text{types.error()}, {}}};
    return Way{hops_in_step(aor, {*types, {}, {}}, ringing::CallerPreferences{request}, now), {480, {}, {}}};
  }
  const ringing::RingPlan* plan = media.plan(user_of(aor), now);
  if (plan == nullptr) return std::nullopt;
  Way found;
  found.ring = Ring{Text{aor}, *plan, 0};
  auto& steps = found.ring->plan.steps;
  if (steps.empty()) steps.push_back(all_types());
  // X-10: the others may be at the central site; what came from there never goes back.
  if (!central.is_central(packet.remote)) steps.push_back(ringing::anywhere_else(settings.ringing.total));
  // Nobody is here to ring: the fallback is all there is.
  if (!plan->fallback.empty()) steps.push_back({{}, settings.ringing.total, plan->fallback});
  if (was_challenged_elsewhere(request, now))
    while (found.ring->first + 1 < steps.size() && !steps[found.ring->first].is_anywhere_else()) ++found.ring->first;
  found.hops = hops_in_first_step(*found.ring, uri, ringing::CallerPreferences{request}, now);
  if (!found.hops.empty()) {
    // Later on it comes when the time for all others is over, too.
    if (!plan->fallback.empty() && found.ring->first + 1 < steps.size()) steps.pop_back();
    if (found.ring->first + 1 == steps.size() && !steps.back().number.empty()) found.ring->plan.fallback.clear();
    return found;
  }
  found.ring.reset();
  return found;
}

std::vector<proxy::Hop> BranchDevice::State::hops_in_first_step(Ring& ring, const sip::Uri& uri,
                                                                const ringing::CallerPreferences& preferences, Instant now) const {
  for (; ring.first < ring.plan.steps.size(); ++ring.first) {
    auto hops = hops_in_step(ring.aor, ring.plan.steps[ring.first], preferences, now);
    if (uri.scheme == sip::Scheme::sips) hops = proxy::secure_hops(hops);
    if (!hops.empty()) return hops;
  }
  return {};
}

std::vector<proxy::Hop> BranchDevice::State::hops_in_step(std::string_view aor, const ringing::Step& step,
                                                          const ringing::CallerPreferences& preferences, Instant now) const {
  if (step.is_anywhere_else()) return hops_to_central();
  if (step.number.empty()) {
    location::Bindings bindings = location.find(aor, now);
    apply(preferences, bindings);
    // Of a phone with several flows (RFC 5626) one contact stands for all.
    if (!step.contact.empty()) {
      auto hops = hops_to_bindings(bindings);
      std::erase_if(hops, [&](const proxy::Hop& hop) { return hop.request_uri != step.contact; });
      return hops;
    }
    const auto left_out = std::ranges::stable_partition(bindings, [&](const auto* binding) { return is_in_step(*binding, step); });
    bindings.erase(left_out.begin(), left_out.end());
    return hops_to_bindings(bindings);
  }
  const Text other = "sip:" + step.number + "@" + settings.branch.domain;
  auto hops = hops_to_user(other, now);
  if (hops.empty()) hops = hops_to_central();
  for (proxy::Hop& hop : hops)
    if (hop.request_uri.empty()) hop.request_uri = other;
  return hops;
}

ringing::Step BranchDevice::State::all_types() const {
  ringing::Step step{{}, settings.ringing.total, {}};
  for (const auto& type : media.types().all()) step.types.push_back(type.code);
  return step;
}

void BranchDevice::State::start_ringing(proxy::ContextId search, const Ring& ring, Instant now, Outbox& outbox) {
  media.begin(key_of(search), ring.aor, ring.plan, ring.first, now);
  location.watch(ring.aor);
  if (proxy.wants_targets(search)) ring_on(search, now, outbox);
}

void BranchDevice::State::ring_on(proxy::ContextId search, Instant now, Outbox& outbox) {
  const Text aor{media.aor_of(key_of(search))};
  if (const auto invite = sip::Message::parse(proxy.request(search, layer))) {
    const ringing::CallerPreferences preferences{*invite};
    while (const auto step = media.next_step(key_of(search), now)) {
      const auto hops = hops_in_step(aor, *step, preferences, now);
      if (!hops.empty() && proxy.add_targets(search, *invite, hops, layer, now, outbox)) return;
    }
  }
  const auto outcome = proxy.end_search(search, layer, now, outbox);
  // Its final response, now or when the last CANCEL is answered, ends the plan.
  if (!outcome.known) stop_watching(search);
  keep_books(outcome, now, outbox);
}

void BranchDevice::State::note_challenge(const proxy::ResponseOutcome& outcome, Instant now) {
  const ringing::Step* step = media.ringing_step(key_of(outcome.context));
  if (step == nullptr || !step->is_anywhere_else() || (outcome.forwarded_status != 401 && outcome.forwarded_status != 407)) return;
  std::erase_if(challenged_elsewhere, [&](const Challenged& one) { return one.until <= now; });
  if (challenged_elsewhere.size() >= most_challenged) challenged_elsewhere.erase(challenged_elsewhere.begin());
  challenged_elsewhere.push_back({outcome.call_id, outcome.from_tag, now + 32s});
}

bool BranchDevice::State::was_challenged_elsewhere(const sip::Message& request, Instant now) const {
  return std::ranges::any_of(challenged_elsewhere, [&](const Challenged& one) {
    return one.until > now && one.call_id == request.call_id() && one.from_tag == request.from_tag();
  });
}

void BranchDevice::State::stop_watching(proxy::ContextId search) {
  const std::string_view aor = media.aor_of(key_of(search));
  if (aor.empty()) return;
  location.unwatch(aor);
  media.finish(key_of(search));
}

void BranchDevice::State::expire_steps(Instant now, Outbox& outbox) {
  for (const ringing::SearchKey over : media.expire(now)) {
    proxy.stop_ringing(context_of(over), layer, now, outbox);
    ring_on(context_of(over), now, outbox);
  }
}

bool BranchDevice::State::is_another_flow(const location::Binding& binding, Instant now) const {
  if (binding.reach != location::Reach::flow) return false;
  return std::ranges::any_of(location.find(binding.aor(), now), [&](const location::Binding* other) {
    return other != &binding && other->reach == location::Reach::flow && other->instance() == binding.instance();
  });
}

void BranchDevice::State::follow_bindings(std::span<const location::BindingEvent> events, Instant now, Outbox& outbox) {
  if (media.size() == 0) return;
  using location::Happened;
  std::vector<ringing::SearchKey> touched;
  // What is gone stops ringing first: a phone that was restarted in its step is called once (X-09).
  for (const location::BindingEvent& event : events) {
    // One that was not refreshed in time may ring on: somebody may be about to answer it.
    if (event.happened == Happened::registered || event.happened == Happened::expired) continue;
    if (event.happened == Happened::refreshed && !event.is_new_cycle) continue;
    for (const ringing::SearchKey search : media.ringing_for(event.aor)) {
      proxy.stop_ringing(context_of(search), event.contact, layer, now, outbox);
      touched.push_back(search);
    }
  }
  for (const location::BindingEvent& event : events) {
    const bool is_new = event.happened == Happened::registered || event.is_new_cycle;
    const location::Binding* binding = is_new ? location.get(event.id) : nullptr;
    if (binding == nullptr || is_another_flow(*binding, now)) continue;
    for (const ringing::SearchKey search : media.ringing_for(event.aor)) {
      // One that had lapsed and comes again may be ringing still.
      if (!is_in_step(*binding, *media.ringing_step(search)) || proxy.is_calling(context_of(search), binding->contact())) continue;
      const auto invite = sip::Message::parse(proxy.request(context_of(search), layer));
      if (!invite) continue;
      location::Bindings wanted{binding};
      apply(ringing::CallerPreferences{*invite}, wanted);
      if (!wanted.empty()) proxy.add_targets(context_of(search), *invite, hops_to_bindings(wanted), layer, now, outbox);
    }
  }
  for (const ringing::SearchKey search : touched)
    if (proxy.wants_targets(context_of(search))) ring_on(context_of(search), now, outbox);
}

}  // namespace ringhold::branch_device
