// What the proxy answers itself: a 3xx that it follows (RFC 3261 §16.7 step 4), a challenge to its own side (§22.3).
#include <algorithm>

#include "proxy/proxy.hpp"

namespace ringhold::proxy {

namespace {

constexpr unsigned most_redirects = 5;  // P6

}  // namespace

Leg* Proxy::awaited_leg(const transaction::Received& received) {
  ResponseContext* context = contexts_.find(ContextId{received.owner.index, received.owner.generation});
  if (context == nullptr || received.owner.leg >= context->legs.size() || context->final_sent) return nullptr;
  Leg& leg = context->legs[received.owner.leg];
  return leg.client == received.transaction && leg.state == Leg::State::pending ? &leg : nullptr;
}

std::optional<Pending> Proxy::pending(const transaction::Owner& owner, const transaction::Layer& layer) const {
  const ResponseContext* context = contexts_.find(ContextId{owner.index, owner.generation});
  if (context == nullptr || owner.leg >= context->legs.size() || context->final_sent) return std::nullopt;
  const Leg& leg = context->legs[owner.leg];
  return Pending{layer.request(context->server), leg.hop.request_uri, context->arrival, leg.challenges};
}

ResponseOutcome Proxy::on_challenge(const sip::Message& response, const transaction::Received& received, std::string_view credentials,
                                    transaction::Layer& layer, Instant now, Outbox& outbox) {
  Leg* leg = awaited_leg(received);
  const Place place{{received.owner.index, received.owner.generation}, received.owner.leg};
  const auto request = leg != nullptr && !leg->cancelled ? sip::Message::parse(layer.request(contexts_.find(place.context)->server))
                                                         : sip::Message::parse({});
  if (!request || leg->challenges == UINT8_MAX) return on_response(response, received, layer, now, outbox);
  ++leg->challenges;
  leg->hop.credentials = credentials;
  // CSeq stays, though a UAC would raise it (§22.3): it is the caller's, and what he sends next, or a callee has seen, counts on from
  // there. To the server it is a new transaction by its branch.
  if (!start_leg(place, *request, preprocess_routes(*request, settings_.identity), layer, now, outbox))
    return end_leg(place, 503, nullptr, layer, now, outbox);
  keep_time(place.context);
  return outcome_of(place.context, *contexts_.find(place.context), 0);
}

ResponseOutcome Proxy::on_redirect(const sip::Message& response, const transaction::Received& received, std::span<const Hop> hops,
                                   transaction::Layer& layer, Instant now, Outbox& outbox) {
  const Place place{{received.owner.index, received.owner.generation}, received.owner.leg};
  ResponseContext* context = contexts_.find(place.context);
  const bool is_live = awaited_leg(received) != nullptr;
  const auto request = is_live ? sip::Message::parse(layer.request(context->server)) : sip::Message::parse({});
  if (!is_live || !request || context->legs[place.leg].redirects >= most_redirects)
    return on_response(response, received, layer, now, outbox);
  const Preprocessed way = preprocess_routes(*request, settings_.identity);
  std::vector<Hop> secure;
  if (is_sips(way.request_uri())) {
    secure = secure_hops(hops);
    hops = secure;
  }
  const std::size_t first = context->legs.size();
  const auto redirects = static_cast<std::uint8_t>(context->legs[place.leg].redirects + 1);
  const std::uint16_t breadth = std::max<std::uint16_t>(context->legs[place.leg].breadth, 1);
  for (const Hop& hop : hops) {
    const bool was_tried =
        std::ranges::any_of(context->legs, [&](const Leg& leg) { return sip::is_same_place(leg.hop.request_uri, hop.request_uri); });
    if (was_tried || context->legs.size() - first == breadth || context->legs.size() >= limits::fork_targets) continue;
    Leg& leg = context->legs.emplace_back();
    leg.hop = hop;
    leg.redirects = redirects;
  }
  const std::size_t count = context->legs.size() - first;
  if (count == 0) return on_response(response, received, layer, now, outbox);
  // RFC 5393 §5.3.3.1: who redirects hands on what he had.
  for (std::size_t index = 0; index < count; ++index) context->legs[first + index].breadth = share_of_breadth(breadth, index, count);
  Leg& redirected = context->legs[place.leg];
  redirected.state = Leg::State::ended;
  redirected.ended_at = now;
  redirected.status = response.status();
  for (std::size_t index = 0; index < count; ++index) start_leg({place.context, first + index}, *request, way, layer, now, outbox);
  keep_time(place.context);
  ResponseOutcome outcome = outcome_of(place.context, *context, 0);
  for (std::size_t index = 0; index < count; ++index) {
    context = contexts_.find(place.context);
    if (context != nullptr && !context->legs[first + index].client)
      outcome = end_leg({place.context, first + index}, 503, nullptr, layer, now, outbox);
  }
  return outcome;
}

}  // namespace ringhold::proxy
