// Where a request goes (T14, SWI-19): to the account's present server, to the phones behind us, or along its dialog.
#include <algorithm>

#include "agent/state.hpp"
#include "proxy/reach.hpp"
#include "resolver/targets.hpp"

namespace ringhold::agent {

namespace {

constexpr Duration shortest_retry = 5s;
constexpr Duration longest_retry = 60s;

}  // namespace

bool Agent::State::is_server(const Address& address) const {
  return std::ranges::any_of(servers, [&](const auto& one) { return one.first.endpoint.address == address; }) ||
         std::ranges::any_of(servers_in_order, [&](const Target& one) { return one.endpoint.address == address; });
}

bool Agent::State::is_server(const Endpoint& endpoint) const {
  return std::ranges::any_of(servers, [&](const auto& one) { return one.first.endpoint == endpoint; }) ||
         std::ranges::any_of(servers_in_order, [&](const Target& one) { return one.endpoint == endpoint; });
}

std::optional<AccountIndex> Agent::State::account_named(const sip::Uri& uri) const {
  if (!uri.is_sip()) return std::nullopt;
  if (edge.identity.is_ours(uri)) {
    // A phone that was told nothing but our address. Of two domains we could not say which is meant.
    const auto same = edge.with_user(uri.user);
    return same.size() == 1 ? std::optional{same.front()} : std::nullopt;
  }
  const auto aor = sip::address_of_record(uri);
  const auto found = aor ? edge.by_aor.find(std::string_view{*aor}) : edge.by_aor.end();
  return found == edge.by_aor.end() ? std::nullopt : std::optional{found->second};
}

std::optional<AccountIndex> Agent::State::account_of(const sip::Message& request, Instant now) const {
  if (const auto& from = request.from())
    if (const auto index = account_named(from->uri)) return index;
  // A PBX sends in the name of who calls; its Contact may yet be one that is registered here.
  const auto contact = sip::NameAddr::parse(request.value(sip::Header::contact), "Contact");
  if (const auto* binding = contact ? edge.location.find_contact(contact->uri, now) : nullptr)
    if (const auto found = edge.by_aor.find(binding->aor()); found != edge.by_aor.end()) return found->second;
  return accounts.size() == 1 ? std::optional{AccountIndex{}} : std::nullopt;
}

std::optional<AccountIndex> Agent::State::account_called(const sip::Message& request, const sip::Uri& uri) const {
  const auto& to = request.to();
  const auto meant = to ? account_named(to->uri) : std::nullopt;
  if (!edge.identity.is_ours(uri)) {
    if (const auto named = account_named(uri)) return named;
  } else if (const auto same = edge.with_user(uri.user); !same.empty()) {
    return meant && std::ranges::find(same, *meant) != same.end() ? *meant : same.front();
  }
  // A number that was dialled stands where our Contact should.
  if (meant) return meant;
  return accounts.size() == 1 ? std::optional{AccountIndex{}} : std::nullopt;
}

std::vector<proxy::Hop> Agent::State::hops_to_phones(AccountIndex index, Instant now) const {
  const Text& aor = accounts[static_cast<std::size_t>(index)].settings.aor;
  return proxy::hops_to(edge.location.find(aor, now), edge.listeners);
}

std::optional<proxy::Hop> Agent::State::hop_to_contact(const sip::Uri& uri, Instant now) const {
  const auto* binding = edge.location.find_contact(uri, now);
  auto hop = binding != nullptr ? proxy::hop_to(*binding, edge.listeners) : std::nullopt;
  if (!hop) return std::nullopt;
  hop->request_uri.clear();
  hop->route.clear();
  return hop;
}

Way Agent::State::way_out(const sip::Message& request, const proxy::Preprocessed& way, Instant now) {
  const auto index = account_of(request, now);
  if (!index) return {{}, {403, "From names no account of this agent", {}}};
  const Account& account = at(*index);
  const auto uri = sip::Uri::parse(way.request_uri());
  if (!account.bound_at) return uri ? way_without_server(account, request, *uri, now) : Way{};
  proxy::Hop hop{{}, {}, way_to(*account.bound_at)};
  // Who was told nothing but our address dials users of it; they are those of the account's domain.
  if (uri && edge.identity.is_ours(*uri) && way.next_route.empty())
    hop.request_uri = "sip:" + (uri->user.empty() ? "" : Text{uri->user} + "@") + account.host;
  prove_early(*index, request, way.request_uri(), hop);
  return {{std::move(hop)}};
}

Way Agent::State::way_without_server(const Account& account, const sip::Message& request, const sip::Uri& uri, Instant now) const {
  const auto callee = account_named(uri);
  Way found{callee ? hops_to_phones(*callee, now) : std::vector<proxy::Hop>{}};
  if (!found.hops.empty() || (callee && request.method() == sip::Method::invite)) return found;
  const Duration until = account.due == Account::never ? shortest_retry : std::clamp(account.due - now, shortest_retry, longest_retry);
  found.refusal = {503, "No server for this account", "Retry-After: " + Text{Decimal{seconds_ceil(until)}.text()} + "\r\n"};
  return found;
}

Way Agent::State::way_in_dialog(const sip::Message& request, const Packet& packet, const proxy::Preprocessed& way, Source source,
                                Instant now) {
  const Text next{way.next_route.empty() ? way.request_uri() : way.next_route};
  const auto uri = sip::Uri::parse(next);
  if (!uri || !uri->is_sip()) return {{}, {400, way.next_route.empty() ? "Malformed Request-URI" : "Malformed Route", {}}};
  // Behind a server its own Routes say more.
  const auto flow = edge.proxy.flow(way);
  const bool is_flow = flow && proxy::leaves_by(*flow, packet, way) && (way.next_route.empty() || !is_server(flow->remote));
  if (way.next_route.empty()) {
    if (auto hop = hop_to_contact(*uri, now)) return {{std::move(*hop)}};
    // A server that writes our address over the phones' contacts: who is not in the dialog says 481.
    const auto same = !is_flow && source == Source::server && edge.identity.is_ours(*uri) ? account_called(request, *uri) : std::nullopt;
    if (same) return {hops_to_phones(*same, now), {481, {}, {}}};
  }
  if (!is_flow) return way_to_place(*uri, request, way, source, now);
  proxy::Hop hop{{}, {}, *flow};
  hop.unreachable_status = 430;
  if (const auto index = source == Source::phone ? account_of(request, now) : std::nullopt)
    prove_early(*index, request, way.request_uri(), hop);
  return {{std::move(hop)}};
}

Way Agent::State::way_to_place(const sip::Uri& uri, const sip::Message& request, const proxy::Preprocessed& way, Source source,
                               Instant now) {
  const resolver::Knowledge knowledge{
      {},
      {},
      [](const void* source_of_names, std::string_view host) { return static_cast<const Finding*>(source_of_names)->addresses_of(host); },
      &finding};
  const std::vector<Target> targets = resolver::targets_of(uri, knowledge);
  const bool is_phone =
      !targets.empty() && !is_server(targets.front().endpoint) &&
      std::ranges::any_of(settings.networks, [&](const Network& one) { return one.contains(targets.front().endpoint.address); });
  // What comes from a server goes to phones, and nowhere else.
  if (source == Source::server && !is_phone) return {{}, {481, {}, {}}};
  if (is_phone) {
    auto hop = proxy::hop_through(edge.listeners, targets);
    return {hop ? std::vector{std::move(*hop)} : std::vector<proxy::Hop>{}, {481, {}, {}}};
  }
  const auto index = account_of(request, now);
  auto hop = proxy::hop_through(settings.uplinks, targets);
  // A name that nobody has told us of: the present server knows its own domain.
  if (!hop && targets.empty() && index && at(*index).bound_at) hop = proxy::Hop{{}, {}, way_to(*at(*index).bound_at)};
  if (!hop) return {{}, {500, "Next hop is unknown", {}}};
  if (index) prove_early(*index, request, way.request_uri(), *hop);
  return {{std::move(*hop)}};
}

}  // namespace ringhold::agent
