// The local edge (T14): what phones and servers ask. Who is meant and where it goes is routing's, the rest is the proxy's.
#include <algorithm>
#include <array>

#include "agent/state.hpp"
#include "base/limits.hpp"
#include "proxy/reach.hpp"
#include "registrar/contact_rules.hpp"

namespace ringhold::agent {

namespace {

constexpr std::string_view allow_lines =
    "Allow: INVITE, ACK, CANCEL, BYE, REGISTER, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY, INFO, UPDATE, PRACK, REFER, PUBLISH\r\n"
    "Accept: application/sdp\r\nSupported: path, outbound\r\n";
constexpr std::array<std::string_view, 2> register_options{"path", "outbound"};

/// Whether a packet came to that socket of ours.
bool is_at(const Target& place, const Packet& packet) {
  return place.transport == packet.transport && place.endpoint.port == packet.local.port &&
         (place.endpoint.address == packet.local.address || place.endpoint.address.is_unspecified());
}

}  // namespace

Source Agent::State::source_of(const Packet& packet) const {
  const auto came_to = [&](const std::vector<Target>& places) {
    return std::ranges::any_of(places, [&](const Target& one) { return is_at(one, packet); });
  };
  const bool to_uplink = came_to(settings.uplinks);
  const bool to_listener = came_to(settings.listen);
  const bool is_ours = !to_uplink && !to_listener;  // by a connection that we have opened
  if ((to_uplink || is_ours) && is_server(packet.remote.address)) return Source::server;
  const bool may = std::ranges::any_of(settings.networks, [&](const Network& one) { return one.contains(packet.remote.address); });
  return (to_listener || is_ours) && may ? Source::phone : Source::stranger;
}

void Agent::State::on_request(const sip::Message& request, const Packet& packet, Source source, Instant now, Outbox& outbox) {
  proxy::Proxy& proxy = edge.proxy;
  const auto way = proxy.preprocess(request);
  if (!way) return proxy.refuse(request, packet, way.error(), layer, now, outbox);
  const auto uri = sip::Uri::parse(way->request_uri());
  const bool to_us = way->next_route.empty() && uri && edge.identity.is_ours(*uri);
  if (request.method() == sip::Method::register_) {
    if (source == Source::phone) return register_phone(request, packet, now, outbox);
    return proxy.refuse(request, packet, {403, "This agent registers there, not here", {}}, layer, now, outbox);
  }
  if (request.method() == sip::Method::options && to_us && uri->user.empty())
    return proxy.answer_without_state(request, packet, {200, {}, allow_lines}, outbox);
  if (const auto refusal = proxy.may_not_forward(request, *way)) return proxy.refuse(request, packet, *refusal, layer, now, outbox);
  // Our own registrations must find room.
  if (layer.size() >= limits::sip_transactions) {
    const Text later = "Retry-After: " + std::to_string(5 + random.below(26)) + "\r\n";
    return proxy.refuse_without_state(request, packet, {503, "Too many requests", later}, outbox);
  }
  if (way->in_dialog) return pass_on(request, packet, *way, way_in_dialog(request, packet, *way, source, now), now, outbox);
  if (source == Source::phone) return pass_on(request, packet, *way, way_out(request, *way, now), now, outbox);
  const auto called = uri ? account_called(request, *uri) : std::nullopt;
  if (!called) return proxy.refuse(request, packet, {404, "No account of this agent", {}}, layer, now, outbox);
  serve(*called, request, packet, *way, now, outbox);
}

void Agent::State::serve(AccountIndex index, const sip::Message& request, const Packet& packet, const proxy::Preprocessed& way, Instant now,
                         Outbox& outbox) {
  if (take_content(index, request, packet, now, outbox)) return;
  Way found{hops_to_phones(index, now)};
  // Whether we are there is what a server wants to know by OPTIONS to our Contact, and we are.
  if (found.hops.empty() && request.method() == sip::Method::options)
    return edge.proxy.answer_without_state(request, packet, {200, {}, allow_lines}, outbox);
  pass_on(request, packet, way, found, now, outbox);
}

void Agent::State::pass_on(const sip::Message& request, const Packet& packet, const proxy::Preprocessed& way, const Way& found, Instant now,
                           Outbox& outbox) {
  if (!found.hops.empty()) {
    edge.proxy.forward(request, packet, way, found.hops, layer, now, outbox);
    return;
  }
  outbox.note(
      {"request_refused",
       {{"method", request.method_name()}, {"uri", way.request_uri()}, {"status", found.refusal.status}, {"source", packet.remote.text()}},
       Severity::debug});
  edge.proxy.refuse(request, packet, found.refusal, layer, now, outbox);
}

void Agent::State::on_ack(const sip::Message& ack, const Packet& packet, Source source, Instant now, Outbox& outbox) {
  if (source == Source::server) acknowledged(ack);
  const auto way = edge.proxy.preprocess(ack);
  if (!way || edge.proxy.may_not_forward(ack, *way)) return;
  // Several, where a server has written our address over that of the phone that is meant.
  for (const proxy::Hop& hop : way_in_dialog(ack, packet, *way, source, now).hops) edge.proxy.forward_ack(ack, packet, *way, hop, outbox);
}

void Agent::State::register_phone(const sip::Message& request, const Packet& packet, Instant now, Outbox& outbox) {
  const auto& to = request.to();
  const auto index = to ? account_named(to->uri) : std::nullopt;
  if (!index) return edge.registrar.refuse(request, packet, {403, "No account of this agent: add it to agent.accounts", {}}, outbox);
  if (const Text options = registrar::unsupported_options(request, register_options); !options.empty())
    return edge.registrar.refuse(request, packet, {420, {}, "Unsupported: " + options + "\r\n"}, outbox);
  edge.registrar.on_register(request, packet, at(*index).settings.aor, registrar::Grant::normal, edge.location, now, outbox);
}

}  // namespace ringhold::agent
