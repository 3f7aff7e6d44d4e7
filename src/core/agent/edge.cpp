#include "agent/edge.hpp"

#include <algorithm>

#include "sip/uri.hpp"

namespace ringhold::agent {

namespace {

constexpr std::size_t most_bindings = 100'000;
constexpr Duration phones_expire = 60s;  ///< a phone whose connection was lost is back by then

/// Where a listener has no address of its own, that of the machine stands for it.
std::vector<Target> seen_listeners(const Settings& settings) {
  std::vector<Target> listeners = settings.listen;
  for (Target& listener : listeners) {
    const auto uplink = std::ranges::find_if(
        settings.uplinks, [&](const Target& one) { return one.endpoint.address.is_v4() == listener.endpoint.address.is_v4(); });
    if (listener.endpoint.address.is_unspecified() && uplink != settings.uplinks.end())
      listener.endpoint.address = uplink->endpoint.address;
  }
  return listeners;
}

/// Every place of ours, those towards servers first.
std::vector<Target> all_places(const Settings& settings, const std::vector<Target>& listeners) {
  std::vector<Target> places = settings.uplinks;
  for (const Target& listener : listeners)
    if (std::ranges::find(places, listener) == places.end()) places.push_back(listener);
  return places;
}

}  // namespace

Edge::Edge(const Settings& settings, Random& random)
    : listeners{seen_listeners(settings)},
      identity{settings.names, all_places(settings, listeners)},
      location{most_bindings},
      registrar{{.domain = {}, .normal_expires = phones_expire, .service_route = {}}, random},
      proxy{proxy::Settings{.identity = identity}, random} {
  for (std::uint32_t i = 0; i < settings.accounts.size(); ++i) {
    const Text& aor = settings.accounts[i].aor;
    by_aor.emplace(aor, AccountIndex{i});
    const auto uri = sip::Uri::parse(aor);
    const auto user = uri ? sip::unescaped(uri->user) : std::nullopt;
    if (user && !user->empty()) by_user[*user].push_back(AccountIndex{i});
  }
}

std::span<const AccountIndex> Edge::with_user(std::string_view escaped) const {
  const auto user = sip::unescaped(escaped);
  const auto found = user ? by_user.find(std::string_view{*user}) : by_user.end();
  if (found == by_user.end()) return {};
  return found->second;
}

}  // namespace ringhold::agent
