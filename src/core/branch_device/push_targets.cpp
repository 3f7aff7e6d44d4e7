// Where pushed content may go: a user's terminals in his order, what they have asked for, and what a redirect names (PSH-03 to PSH-17).
#include <algorithm>

#include "branch_device/state.hpp"
#include "branch_device/team.hpp"
#include "proxy/reach.hpp"
#include "proxy/route_preprocessing.hpp"

namespace ringhold::branch_device {

namespace {

using delivery::Target;
using delivery::Via;

constexpr std::size_t longest_uri = 512;

}  // namespace

std::vector<const location::Binding*> PushService::terminals_in_order(std::string_view aor, Instant now) const {
  std::vector<const location::Binding*> terminals;
  for (const location::Binding* binding : state_.location.find(aor, now)) {
    // RFC 5626 §7: several flows of a phone are one terminal.
    const bool is_known = binding->reach == location::Reach::flow && std::ranges::any_of(terminals, [&](const auto* other) {
                            return other->reach == location::Reach::flow && other->instance() == binding->instance();
                          });
    if (!is_known) terminals.push_back(binding);
  }
  if (terminals.size() < 2) return terminals;
  // 5-h: the user's order for pushes, else the one in which his terminals ring, else the latest registered.
  std::vector<ringing::TypeCode> order;
  const std::string_view user = state_.user_of(aor);
  const auto configured = std::ranges::find(state_.settings.push.users, user, &Settings::Push::User::name);
  if (configured != state_.settings.push.users.end())
    for (const Text& name : configured->order)
      if (const auto* type = state_.media.types().find(name)) order.push_back(type->code);
  const ringing::RingPlan* plan = order.empty() ? state_.media.plan(user, now) : nullptr;
  if (plan != nullptr)
    for (const ringing::Step& step : plan->steps) order.insert(order.end(), step.types.begin(), step.types.end());
  if (order.empty()) return terminals;
  std::ranges::stable_sort(terminals, {}, [&](const location::Binding* binding) {
    const auto* type = state_.type_of(*binding).type;
    return type == nullptr ? order.end() - order.begin() : std::ranges::find(order, type->code) - order.begin();
  });
  return terminals;
}

PushTerminals PushService::terminals_of(std::string_view aor, std::string_view event, Instant now) {
  PushTerminals found;
  std::vector<Target> last;  // who wants nothing himself is asked when nobody else has taken it
  for (const location::Binding* binding : terminals_in_order(aor, now)) {
    const bool is_first = found.targets.empty();
    Target terminal{Text{binding->contact()}, {}, Via::registered, 0};
    const delivery::Redirect* redirect = nullptr;
    if (redirects_.size() > 0) {
      terminal.device = location::device_key(location::traits_of(*binding));
      redirect = redirects_.find(terminal.device, now);
    }
    std::vector<Target> wished;
    if (redirect != nullptr)
      for (const delivery::Redirect::Contact& contact : redirect->contacts)
        if (!contact.until || *contact.until > now) append_targets(contact.uri, Via::remembered, 1, terminal.device, now, wished);
    const bool is_asked = redirect == nullptr || redirect->asks_again || redirect->user_agent != binding->user_agent();
    if (is_first && !is_asked && !wished.empty()) found.together = wished.size();
    // after a restart, or with another program in it, the terminal is asked once more.
    if (is_asked) found.targets.push_back(terminal);
    if (redirect != nullptr && redirect->contacts.empty()) {
      for (Target& one : configured_targets(aor, now)) found.targets.push_back(std::move(one));
      if (!is_asked) last.push_back(terminal);
    }
    found.targets.insert(found.targets.end(), std::make_move_iterator(wished.begin()), std::make_move_iterator(wished.end()));
    if (!is_asked && !redirect->contacts.empty()) found.targets.push_back(terminal);
  }
  found.targets.insert(found.targets.end(), std::make_move_iterator(last.begin()), std::make_move_iterator(last.end()));
  if (!event.empty())
    for (const events::SubscriptionId id : state_.notifier.subscriptions(aor, event))
      found.targets.push_back({state_.notifier.find(id)->remote_target, {}, Via::subscribed, 0});
  // the others may be at the central site.
  if (!state_.hops_to_central().empty()) found.targets.push_back({delivery::uri_of_aor(aor), {}, Via::central, 0});
  return found;
}

std::vector<Target> PushService::configured_targets(std::string_view aor, Instant now) const {
  std::vector<Target> targets;
  const auto configured = std::ranges::find(state_.settings.push.users, state_.user_of(aor), &Settings::Push::User::name);
  if (configured == state_.settings.push.users.end()) return targets;
  for (const Text& address : configured->addresses) append_targets(address, Via::configured, 1, {}, now, targets);
  return targets;
}

bool PushService::is_allowed(const sip::Uri& uri, Instant now) const {
  if (!uri.parameters.has("maddr") && state_.location.find_contact(uri, now) != nullptr) return true;
  // RFC 3261 §16.5: where there is a maddr, that is where it goes.
  const std::string_view host = uri.parameters.find("maddr").value_or(uri.host);
  if (const auto address = Address::parse(host)) {
    const auto holds = [&](const Network& network) { return network.contains(*address); };
    return std::ranges::any_of(state_.settings.branch.networks, holds) || std::ranges::any_of(state_.settings.push.allowed, holds);
  }
  const Text name = lower_case(host);
  return name == state_.settings.branch.domain || name.ends_with("." + state_.settings.branch.domain) ||
         std::ranges::find(state_.settings.push.allowed_hosts, name) != state_.settings.push.allowed_hosts.end();
}

bool PushService::append_targets(std::string_view uri_text, Via via, unsigned hop, std::string_view device, Instant now,
                                 std::vector<Target>& targets) const {
  const Text cleaned = proxy::allowed_in_request_line(uri_text);
  const std::string_view text = cleaned.empty() ? uri_text : std::string_view{cleaned};
  const auto uri = sip::Uri::parse(text);
  if (!uri || text.size() > longest_uri || !sip::is_plain(text)) return false;
  const bool is_ours = uri->scheme == sip::Scheme::tel || (uri->is_sip() && state_.identity.is_ours(*uri));
  if (!is_ours) {
    if (!uri->is_sip() || !is_allowed(*uri, now)) return false;
    targets.push_back({Text{text}, Text{device}, via, hop});
    return true;
  }
  if (state_.registrar.gruu().read(*uri)) {
    targets.push_back({Text{text}, Text{device}, via, hop});
    return true;
  }
  const Text aor = state_.aor_of(*uri);
  if (aor.empty()) return false;
  // Another worker's user is reached as anybody reaches him.
  const bool is_here = state_.team.is_alone() || owner_of(aor, state_.team) == state_.team.number;
  const auto terminals = is_here ? terminals_in_order(aor, now) : std::vector<const location::Binding*>{};
  for (const location::Binding* binding : terminals) targets.push_back({Text{binding->contact()}, Text{device}, via, hop});
  if (!is_here || terminals.empty() || !state_.hops_to_central().empty())
    targets.push_back({delivery::uri_of_aor(aor), Text{device}, via, hop});
  return true;
}

std::optional<proxy::Hop> PushService::hop_of(const Target& target, const location::Binding* binding, Instant now,
                                              std::vector<dns::Question>& missing) const {
  std::vector<proxy::Hop> hops = binding != nullptr ? hops_to_terminal(*binding, now) : hops_to_place(target.uri, now, missing);
  for (proxy::Hop& hop : hops)
    if (hop.request_uri.empty()) hop.request_uri = target.uri;
  if (proxy::is_sips(target.uri)) hops = proxy::secure_hops(hops);
  if (hops.empty()) return std::nullopt;
  return std::move(hops.front());
}

std::vector<proxy::Hop> PushService::hops_to_terminal(const location::Binding& binding, Instant now) const {
  location::Bindings same{&binding};
  if (binding.reach == location::Reach::flow)
    for (const location::Binding* one : state_.location.find(binding.aor(), now))
      if (one != &binding && one->reach == location::Reach::flow && one->instance() == binding.instance()) same.push_back(one);
  return state_.hops_to_bindings(same);
}

std::vector<proxy::Hop> PushService::hops_to_place(std::string_view text, Instant now, std::vector<dns::Question>& missing) const {
  const auto uri = sip::Uri::parse(text);
  if (!uri) return {};
  if (!uri->is_sip() || !state_.identity.is_ours(*uri)) return state_.hops_to_uri(text, now, missing);
  if (const auto gruu = state_.registrar.gruu().read(*uri)) return state_.hops_to_gruu(*gruu, now);
  if (state_.team.is_alone() || owner_of(state_.aor_of(*uri), state_.team) == state_.team.number) return state_.hops_to_central();
  // Another worker's user is reached as anybody reaches him.
  const auto hop = proxy::hop_through(state_.identity.listeners, {state_.identity.listeners.front()});
  return hop ? std::vector{*hop} : std::vector<proxy::Hop>{};
}

const location::Binding* PushService::binding_of(const Target& target, std::string_view aor, Instant now) const {
  for (const location::Binding* binding : state_.location.find(aor, now))
    if (binding->contact() == target.uri) return binding;
  const auto uri = sip::Uri::parse(target.uri);
  return uri && uri->is_sip() ? state_.location.find_contact(*uri, now) : nullptr;
}

}  // namespace ringhold::branch_device
