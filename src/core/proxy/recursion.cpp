// A 3xx that the proxy follows itself (RFC 3261 §16.7 step 4).
#include <algorithm>

#include "proxy/proxy.hpp"

namespace ringhold::proxy {

namespace {

constexpr unsigned most_redirects = 5;  // P6

}  // namespace

ResponseOutcome Proxy::on_redirect(const sip::Message& response, const transaction::Received& received, std::span<const Hop> hops,
                                   transaction::Layer& layer, Instant now, Outbox& outbox) {
  const Place place{{received.owner.index, received.owner.generation}, received.owner.leg};
  ResponseContext* context = contexts_.find(place.context);
  const bool is_live = context != nullptr && place.leg < context->legs.size() && !context->final_sent &&
                       context->legs[place.leg].client == received.transaction && context->legs[place.leg].state == Leg::State::pending;
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
