// A search that goes on: targets come one step after another (RFC 3261 §16.6 leaves it to the proxy; RNG-10 to RNG-17).
#include <algorithm>

#include "proxy/best_response.hpp"
#include "proxy/proxy.hpp"

namespace ringhold::proxy {

using transaction::Layer;

namespace {

constexpr std::size_t most_legs = 64;     ///< of one request in all its steps: who registers again and again is not called for ever
constexpr std::size_t longest_uri = 256;  ///< in a description; more is left out

}  // namespace

std::uint16_t share_in_step(std::uint16_t share, unsigned whole) {
  return static_cast<std::uint16_t>(std::min<std::size_t>(share, std::max<std::size_t>(whole / limits::fork_targets, 1)));
}

bool Proxy::add_targets(ContextId id, const sip::Message& invite, std::span<const Hop> hops, Layer& layer, Instant now, Outbox& outbox) {
  ResponseContext* context = contexts_.find(id);
  if (context == nullptr || !context->open || context->best_status >= 600) return false;
  const Preprocessed way = preprocess_routes(invite, settings_.identity);
  std::vector<Hop> secure;
  if (is_sips(way.request_uri())) {
    secure = secure_hops(hops);
    hops = secure;
  }
  // RFC 5393 §5.3.3.1: what one step has used is free again for the next; others of this one may hold theirs.
  const std::size_t first = context->legs.size();
  std::size_t trying = 0;
  unsigned held = 0;
  for (const Leg& leg : context->legs) {
    if (leg.state != Leg::State::pending || leg.cancelled) continue;
    ++trying;
    held += leg.breadth;
  }
  const unsigned whole = max_breadth(invite);
  const auto breadth = static_cast<std::uint16_t>(whole - std::min(held, whole));
  const std::size_t most = std::min(limits::fork_targets - std::min(trying, limits::fork_targets), most_legs - std::min(first, most_legs));
  hops = hops.first(std::min({hops.size(), most, std::size_t{breadth}}));
  for (std::size_t index = 0; index < hops.size(); ++index) {
    Leg& leg = context->legs.emplace_back();
    leg.hop = hops[index];
    leg.breadth = share_in_step(share_of_breadth(breadth, index, hops.size()), whole);
  }
  bool any = false;
  for (std::size_t index = first; index < first + hops.size(); ++index) {
    if (start_leg({id, index}, invite, way, layer, now, outbox)) {
      any = true;
      continue;
    }
    context->legs[index].state = Leg::State::ended;  // the transaction table is full
    context->legs[index].status = 503;
  }
  keep_time(id);
  return any;
}

void Proxy::stop_ringing(ContextId id, Layer& layer, Instant now, Outbox& outbox) {
  ResponseContext* context = contexts_.find(id);
  if (context == nullptr || context->final_sent) return;
  for (Leg& leg : context->legs) {
    if (leg.state != Leg::State::pending || leg.cancelled) continue;
    leg.unanswered = true;
    cancel_leg(*context, leg, layer, now, outbox);
  }
  keep_time(id);
}

void Proxy::stop_ringing(ContextId id, std::string_view request_uri, Layer& layer, Instant now, Outbox& outbox) {
  ResponseContext* context = contexts_.find(id);
  if (context == nullptr || !context->open) return;
  for (Leg& leg : context->legs) {
    if (leg.state != Leg::State::pending || leg.cancelled || leg.hop.request_uri != request_uri) continue;
    leg.unanswered = true;
    cancel_leg(*context, leg, layer, now, outbox);
  }
  keep_time(id);
}

ResponseOutcome Proxy::drop_target(ContextId id, std::string_view request_uri, Layer& layer, Instant now, Outbox& outbox) {
  ResponseContext* context = contexts_.find(id);
  if (context == nullptr || context->final_sent) return {};
  bool any = false;
  for (Leg& leg : context->legs) {
    if (leg.state != Leg::State::pending || leg.cancelled || leg.hop.request_uri != request_uri) continue;
    any = true;
    leg.unanswered = true;
    cancel_leg(*context, leg, layer, now, outbox);
    leg.state = Leg::State::given_up;
    leg.ended_at = now;
    leg.status = 480;
  }
  keep_time(id);
  ResponseOutcome outcome = outcome_of(id, *context, 0);
  if (!any) return outcome;
  if (is_better(480, context->best_status)) {
    context->best_status = 480;
    context->best_response.clear();
  }
  if (context->open) {
    outcome.wants_targets = !context->any_trying();
    return outcome;
  }
  if (context->any(Leg::State::pending)) return outcome;
  outcome = outcome_of(id, *context, send_best(*context, layer, now, outbox));
  tell_legs(*context, outcome, now);
  finish(id, now);
  return outcome;
}

std::string_view Proxy::request(ContextId id, const Layer& layer) const {
  const ResponseContext* context = contexts_.find(id);
  return context == nullptr ? std::string_view{} : layer.request(context->server);
}

bool Proxy::is_calling(ContextId id, std::string_view request_uri) const {
  const ResponseContext* context = contexts_.find(id);
  return context != nullptr && std::ranges::any_of(context->legs, [&](const Leg& leg) {
           return leg.state == Leg::State::pending && !leg.cancelled && leg.hop.request_uri == request_uri;
         });
}

bool Proxy::wants_targets(ContextId id) const {
  const ResponseContext* context = contexts_.find(id);
  return context != nullptr && context->open && context->best_status < 600 && !context->any_trying();
}

ResponseOutcome Proxy::end_search(ContextId id, Layer& layer, Instant now, Outbox& outbox) {
  stop_ringing(id, layer, now, outbox);
  ResponseContext* context = contexts_.find(id);
  if (context == nullptr || !context->open) return {};
  context->open = false;
  if (is_better(480, context->best_status)) {
    context->best_status = 480;
    context->best_response.clear();
  }
  if (!context->any(Leg::State::pending)) return close(id, layer, now, outbox);
  context->closing = true;
  context->early_due = now + settings_.stopping;
  keep_time(id);
  return outcome_of(id, *context, 0);
}

void Proxy::tell_legs(const ResponseContext& context, ResponseOutcome& outcome, Instant now) {
  if (outcome.forwarded_status >= 300 && context.method == sip::Method::invite) outcome.legs = describe_legs(context, now);
}

Text describe_legs(const ResponseContext& context, Instant now) {
  Text text;
  const auto milliseconds = [&](Instant instant) {
    return Decimal{static_cast<std::uint64_t>(std::max<std::int64_t>((instant - context.started) / 1ms, 0))};
  };
  for (const Leg& leg : context.legs) {
    const bool ended = leg.state != Leg::State::pending;
    std::string_view why = "refused";
    if (ended && leg.status >= 200 && leg.status < 300)
      why = "answered";
    else if (leg.unanswered)
      why = "unanswered";
    else if (leg.state == Leg::State::given_up)
      why = "silent";
    else if (leg.cancelled || !ended)
      why = context.cancelled_by_caller ? "cancelled" : "elsewhere";
    if (!text.empty()) text += '\n';
    const std::string_view uri = leg.hop.request_uri;
    text.append(uri.empty() ? std::string_view{"-"} : uri.substr(0, longest_uri)).append(" ");
    text.append(milliseconds(leg.called_at)).append(" ").append(milliseconds(ended ? leg.ended_at : now)).append(" ");
    text.append(Decimal{static_cast<std::uint64_t>(leg.status)}).append(" ").append(why);
  }
  return text;
}

ResponseOutcome Proxy::close(ContextId id, Layer& layer, Instant now, Outbox& outbox) {
  ResponseContext& context = *contexts_.find(id);
  for (Leg& leg : context.legs)
    if (leg.state == Leg::State::pending) {
      leg.state = Leg::State::given_up;
      leg.ended_at = now;
      leg.status = 480;
    }
  ResponseOutcome outcome = outcome_of(id, context, send_best(context, layer, now, outbox));
  tell_legs(context, outcome, now);
  finish(id, now);
  return outcome;
}

}  // namespace ringhold::proxy
