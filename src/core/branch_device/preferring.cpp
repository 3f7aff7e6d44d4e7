// Without a ring profile: what the contacts' q-values and the caller say of the order (RNG-18, RFC 3261 §16.6, RFC 3841).
#include <algorithm>
#include <utility>

#include "branch_device/state.hpp"

namespace ringhold::branch_device {

namespace {

/// The last one rings until the time for all is over: after it there is nobody.
ringing::RingPlan plan_of(std::vector<ringing::Step> steps, const Settings::Ringing& settings) {
  for (ringing::Step& step : steps) step.ring = settings.step;
  if (!steps.empty()) steps.back().ring = settings.total;
  return {std::move(steps)};
}

std::vector<ringing::Step> steps_by_q(const location::Bindings& bindings) {
  std::vector<ringing::Step> steps;
  for (const location::Binding* binding : bindings)
    if (steps.empty() || steps.back().q != binding->q) steps.push_back({{}, {}, {}, binding->q, {}});
  return steps;
}

std::vector<ringing::Step> steps_by_contact(const std::vector<proxy::Hop>& hops) {
  std::vector<ringing::Step> steps;
  steps.reserve(hops.size());
  for (const proxy::Hop& hop : hops) steps.push_back({{}, {}, {}, {}, hop.request_uri});
  return steps;
}

}  // namespace

void BranchDevice::State::apply(const ringing::CallerPreferences& preferences, location::Bindings& bindings) {
  if (!preferences.choose()) return;
  boost::container::small_vector<std::pair<unsigned, const location::Binding*>, 8> kept;
  for (const location::Binding* binding : bindings)
    if (const auto score = preferences.score(sip::Parameters{binding->parameters()})) kept.emplace_back(*score, binding);
  // What the callee says counts first.
  std::ranges::stable_sort(
      kept, [](const auto& a, const auto& b) { return a.second->q != b.second->q ? a.second->q > b.second->q : a.first > b.first; });
  bindings.clear();
  for (const auto& [score, binding] : kept) bindings.push_back(binding);
}

std::optional<Way> BranchDevice::State::way_by_preference(const sip::Message& request, const Packet& packet, const sip::Uri& uri,
                                                          std::string_view aor, location::Bindings& bindings, Instant now) const {
  if (!request.to_tag().empty()) return std::nullopt;
  const ringing::CallerPreferences preferences{request};
  apply(preferences, bindings);
  const ringing::Forking forking = preferences.forking();
  if (forking == ringing::Forking::none) {
    auto hops = hops_to_bindings(bindings);
    if (uri.scheme == sip::Scheme::sips) hops = proxy::secure_hops(hops);
    if (hops.empty()) return std::nullopt;
    hops.resize(1);
    return Way{std::move(hops), {480, {}, {}}};
  }
  // Of another method the first answer is the only one; an application server has decided.
  if (request.method() != sip::Method::invite || is_application_server(packet.remote) || forking == ringing::Forking::parallel)
    return std::nullopt;
  auto steps = forking == ringing::Forking::sequential ? steps_by_contact(hops_to_bindings(bindings)) : steps_by_q(bindings);
  if (steps.size() < 2) return std::nullopt;
  Way found;
  found.ring = Ring{Text{aor}, plan_of(std::move(steps), settings.ringing), 0};
  found.hops = hops_in_first_step(*found.ring, uri, preferences, now);
  if (found.hops.empty()) return std::nullopt;
  return found;
}

}  // namespace ringhold::branch_device
