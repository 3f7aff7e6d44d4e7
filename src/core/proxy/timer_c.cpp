#include "proxy/timer_c.hpp"

#include "proxy/proxy.hpp"

namespace ringhold::proxy {

using transaction::Layer;

std::vector<ResponseOutcome> Proxy::expire(Layer& layer, Instant now, Outbox& outbox) {
  std::vector<ResponseOutcome> outcomes;
  wheel_.expire(now, [&](ContextId id) { expire_context(id, layer, now, outbox, outcomes); });
  return outcomes;
}

void Proxy::expire_context(ContextId id, Layer& layer, Instant now, Outbox& outbox, std::vector<ResponseOutcome>& outcomes) {
  ResponseContext* context = contexts_.find(id);
  if (context == nullptr || now < context->in_wheel) return;  // an entry left from a deadline that was moved forward
  context->in_wheel = Instant::max();
  const auto keep = [&](ResponseOutcome outcome) {
    if (outcome.forwarded_status != 0 || outcome.wants_targets) outcomes.push_back(std::move(outcome));
  };
  if (context->early_due <= now) {
    keep(on_early_due(id, layer, now, outbox));
    context = contexts_.find(id);
  }
  for (std::size_t index = 0; context != nullptr && index < context->legs.size(); ++index) {
    const Leg& leg = context->legs[index];
    if (leg.state == Leg::State::ended || leg.due > now) continue;
    keep(on_leg_due({id, index}, layer, now, outbox));
    context = contexts_.find(id);
  }
  if (context == nullptr) return;
  if (context->end_by <= now) return end_context(id, layer);
  keep_time(id);
}

ResponseOutcome Proxy::on_early_due(ContextId id, Layer& layer, Instant now, Outbox& outbox) {
  ResponseContext& context = *contexts_.find(id);
  context.early_due = Instant::max();
  if (context.final_sent) return {};
  if (context.method != sip::Method::invite) {
    answer(context, 100, layer, now, outbox);
    return {};
  }
  if (context.closing) return close(id, layer, now, outbox);
  if (!give_up_silent(id, layer, now, outbox)) return {};
  if (context.open) {
    ResponseOutcome outcome = outcome_of(id, context, 0);
    outcome.wants_targets = true;
    return outcome;
  }
  ResponseOutcome outcome = outcome_of(id, context, send_best(context, layer, now, outbox));
  tell_legs(context, outcome, now);
  finish(id, now);
  return outcome;
}

ResponseOutcome Proxy::on_leg_due(Place place, Layer& layer, Instant now, Outbox& outbox) {
  ResponseContext& context = *contexts_.find(place.context);
  Leg& leg = context.legs[place.leg];
  // §16.8: what rings gets a CANCEL; what never answered counts as 408, and so does what ignores its CANCEL (§9.1).
  if (!leg.cancelled && layer.has_provisional(leg.client)) {
    cancel_leg(context, leg, layer, now, outbox);
    return {};
  }
  layer.abandon(leg.client);
  return end_leg(place, 408, nullptr, layer, now, outbox);
}

void Proxy::end_context(ContextId id, Layer& layer) {
  const ResponseContext& context = *contexts_.find(id);
  for (const Leg& leg : context.legs)
    if (leg.state != Leg::State::ended) layer.abandon(leg.client);
  // One that will not be answered (RFC 4320 §4.2); others have their own timers.
  if (layer.is_proceeding(context.server)) layer.abandon(context.server);
  contexts_.erase(id);
}

}  // namespace ringhold::proxy
