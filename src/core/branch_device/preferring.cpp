// Without a ring profile: what the contacts' q-values and the caller say of the order (RNG-18, RFC 3261 §16.6, RFC 3841).
#include <algorithm>
#include <functional>
#include <utility>

#include "branch_device/state.hpp"

namespace ringhold::branch_device {

namespace {

/// All of them have their turn before the time for all is over. The last one rings until then: after it there is nobody.
ringing::RingPlan plan_of(std::vector<ringing::Step> steps, const Settings::Ringing& settings) {
  const auto each = std::max<Duration>(1s, settings.total / static_cast<int>(std::max<std::size_t>(steps.size(), 1)));
  for (ringing::Step& step : steps) step.ring = std::min(settings.step, each);
  if (!steps.empty()) steps.back().ring = settings.total;
  return {std::move(steps)};
}

/// Those for which the time would not suffice ring with the last ones that have any.
std::vector<ringing::Step> steps_by_q(const location::Bindings& bindings, std::size_t most) {
  std::vector<std::uint16_t> values;
  values.reserve(bindings.size());
  for (const location::Binding* binding : bindings) values.push_back(q_of(*binding, bindings));
  std::ranges::sort(values, std::ranges::greater{});
  values.erase(std::ranges::unique(values).begin(), values.end());
  if (values.size() > most) values.resize(most);
  std::vector<ringing::Step> steps;
  steps.reserve(values.size());
  for (const std::uint16_t value : values) steps.push_back({{}, {}, {}, value, {}, steps.empty() ? std::uint16_t{1001} : *steps.back().q});
  // Who comes later with less than all others rings last.
  if (!steps.empty()) steps.back().q = 0;
  return steps;
}

std::vector<ringing::Step> steps_by_contact(const std::vector<proxy::Hop>& hops) {
  std::vector<ringing::Step> steps;
  steps.reserve(hops.size());
  for (const proxy::Hop& hop : hops) steps.push_back({{}, {}, {}, {}, hop.request_uri});
  return steps;
}

}  // namespace

std::uint16_t q_of(const location::Binding& binding, const location::Bindings& all) {
  std::uint16_t q = binding.q;
  if (binding.reach != location::Reach::flow) return q;
  for (const location::Binding* other : all)
    if (other->reach == location::Reach::flow && other->instance() == binding.instance()) q = std::max(q, other->q);
  return q;
}

std::size_t BranchDevice::State::most_steps_in_time() const {
  return std::max<std::size_t>(1, static_cast<std::size_t>((settings.ringing.total + settings.ringing.step - 1ns) / settings.ringing.step));
}

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
  auto steps =
      forking == ringing::Forking::sequential ? steps_by_contact(hops_to_bindings(bindings)) : steps_by_q(bindings, most_steps_in_time());
  if (steps.size() < 2) return std::nullopt;
  Way found;
  found.ring = Ring{Text{aor}, plan_of(std::move(steps), settings.ringing), 0};
  found.hops = hops_in_first_step(*found.ring, uri, preferences, now);
  if (found.hops.empty()) return std::nullopt;
  return found;
}

}  // namespace ringhold::branch_device
