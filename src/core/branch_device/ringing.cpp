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

Refused unknown_type(const ringing::TerminalTypes& types, const std::string& name) {
  std::string known;
  for (const auto& one : types.all()) known += (known.empty() ? "" : ", ") + one.name;
  return {400, "no type of terminal is called " + name + "; there are " + known};
}

}  // namespace

ringing::TerminalTypes::Found BranchDevice::State::type_of(const location::Binding& binding) const {
  return media.type_of(sip::Parameters{binding.parameters()}, binding.user_agent(),
                       [&] { return location::device_key(location::traits_of(binding)); });
}

std::vector<proxy::Hop> BranchDevice::State::hops_to_types(std::string_view aor, std::span<const ringing::TypeCode> types,
                                                           Instant now) const {
  location::Bindings wanted;
  for (const location::Binding* binding : location.find(aor, now)) {
    const auto* type = type_of(*binding).type;
    if (type != nullptr && std::ranges::find(types, type->code) != types.end()) wanted.push_back(binding);
  }
  return hops_to_bindings(wanted);
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
    return Way{hops_to_types(aor, *types, now), {480, {}, {}}};
  }
  const ringing::RingProfile* profile = media.profile(user_of(aor));
  if (profile == nullptr) return std::nullopt;
  Way found;
  found.ring = Ring{Text{aor}, *profile, 0};
  auto& steps = found.ring->profile.steps;
  if (steps.empty()) steps.push_back(all_types());
  // X-10: the others may be at the central site; what came from there never goes back.
  if (!central.is_central(packet.remote)) steps.push_back(ringing::anywhere_else(settings.ringing.total));
  // Nobody is here to ring: the fallback is all there is.
  if (!profile->fallback.empty()) steps.push_back({{}, settings.ringing.total, profile->fallback});
  if (was_challenged_elsewhere(request, now))
    while (found.ring->first + 1 < steps.size() && !steps[found.ring->first].is_anywhere_else()) ++found.ring->first;
  for (; found.ring->first < steps.size(); ++found.ring->first) {
    found.hops = hops_in_step(aor, steps[found.ring->first], now);
    if (uri.scheme == sip::Scheme::sips) found.hops = proxy::secure_hops(found.hops);
    if (!found.hops.empty()) break;
  }
  if (!found.hops.empty()) {
    // Later on it comes when the time for all others is over, too.
    if (!profile->fallback.empty() && found.ring->first + 1 < steps.size()) steps.pop_back();
    if (found.ring->first + 1 == steps.size() && !steps.back().number.empty()) found.ring->profile.fallback.clear();
    return found;
  }
  found.ring.reset();
  return found;
}

std::vector<proxy::Hop> BranchDevice::State::hops_in_step(std::string_view aor, const ringing::Step& step, Instant now) const {
  if (step.is_anywhere_else()) return hops_to_central();
  if (step.number.empty()) return hops_to_types(aor, step.types, now);
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
  media.begin(key_of(search), ring.aor, ring.profile, ring.first, now);
  location.watch(ring.aor);
  if (proxy.wants_targets(search)) ring_on(search, now, outbox);
}

void BranchDevice::State::ring_on(proxy::ContextId search, Instant now, Outbox& outbox) {
  const Text aor{media.aor_of(key_of(search))};
  while (const auto step = media.next_step(key_of(search), now)) {
    const auto hops = hops_in_step(aor, *step, now);
    if (!hops.empty() && proxy.add_targets(search, hops, layer, now, outbox)) return;
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
    const auto* type = binding == nullptr ? nullptr : type_of(*binding).type;
    if (type == nullptr || is_another_flow(*binding, now)) continue;
    for (const ringing::SearchKey search : media.ringing_for(event.aor)) {
      const auto& types = media.ringing_step(search)->types;
      const bool rings = std::ranges::find(types, type->code) != types.end();
      // One that had lapsed and comes again may be ringing still.
      if (rings && !proxy.is_calling(context_of(search), binding->contact()))
        proxy.add_targets(context_of(search), hops_to_bindings({binding}), layer, now, outbox);
    }
  }
  for (const ringing::SearchKey search : touched)
    if (proxy.wants_targets(context_of(search))) ring_on(context_of(search), now, outbox);
}

std::vector<RingReport> BranchDevice::State::ring_reports(const GetRing& asked, Instant now) const {
  const Text aor = "sip:" + asked.user + "@" + settings.branch.domain;
  if (!team.is_alone() && owner_of(aor, team) != team.number) return {};
  RingReport report{asked.user, false, {}, {}};
  const auto contacts = location.find(aor, now);
  const auto add = [&](std::span<const ringing::TypeCode> types, Duration ring) {
    RingReport::Step step{{}, ring / 1s, {}};
    for (const ringing::TypeCode code : types) {
      const auto* type = media.types().find(code);
      step.types.push_back(type != nullptr ? type->name : std::to_string(ringing::to_number(code)));
    }
    for (const location::Binding* binding : contacts) {
      const auto* type = type_of(*binding).type;
      if (types.empty() || (type != nullptr && std::ranges::find(types, type->code) != types.end()))
        step.contacts.emplace_back(binding->contact());
    }
    report.steps.push_back(std::move(step));
  };
  const ringing::RingProfile* profile = media.profile(asked.user);
  report.sequential = profile != nullptr && !profile->steps.empty();
  if (!report.sequential) add({}, settings.ringing.total);
  if (profile != nullptr) report.fallback = profile->fallback;
  if (profile != nullptr)
    for (const ringing::Step& step : profile->steps) add(step.types, step.ring);
  return {report};
}

Answer BranchDevice::State::put_ring(const PutRing& given, Outbox& outbox) {
  if (const auto wrong = auth::wrong_with_name(given.user); !wrong.empty()) return Refused{400, given.user + ": " + std::string{wrong}};
  const Text address = "sip:" + given.fallback + "@" + settings.branch.domain;
  const auto fallback = sip::Uri::parse(address);
  if (!given.fallback.empty() && (!fallback || fallback->user != given.fallback || !auth::wrong_with_name(given.fallback).empty()))
    return Refused{400, given.fallback + ": the fallback is the part before @ of an address, such as voicemail or a number"};
  if (given.fallback == given.user) return Refused{400, "the fallback is the user himself"};
  ringing::RingProfile profile{given.user, {}, given.fallback};
  for (const PutRing::Step& step : given.steps) {
    ringing::Step made{{}, std::chrono::seconds{step.seconds}, {}};
    for (const std::string& name : step.types) {
      const auto* type = media.types().find(name);
      if (type == nullptr) return unknown_type(media.types(), name);
      made.types.push_back(type->code);
    }
    profile.steps.push_back(std::move(made));
  }
  if (Text wrong = media.put(std::move(profile), outbox); !wrong.empty()) return Refused{400, std::move(wrong)};
  outbox.note({"ring_profile_changed", {{"user", given.user}, {"steps", given.steps.size()}}});
  return Done{};
}

Answer BranchDevice::State::put_type(const PutType& given, Outbox& outbox) {
  const auto* type = media.types().find(given.type);
  if (type == nullptr && given.type != "auto") return unknown_type(media.types(), given.type);
  if (given.device.empty() || given.device.size() > 1024) return Refused{400, "a device is what GET /api/v1/registrations calls so"};
  if (!media.correct(given.device, type != nullptr ? std::optional{type->code} : std::nullopt, outbox))
    return Refused{409, "too many devices have a type of the administrator's"};
  outbox.note({"terminal_type_changed", {{"device", given.device}, {"type", given.type}}});
  return Done{};
}

}  // namespace ringhold::branch_device
