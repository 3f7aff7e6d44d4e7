#include "proxy/best_response.hpp"
#include "proxy/proxy.hpp"
#include "proxy/timer_c.hpp"
#include "sip/status.hpp"

namespace ringhold::proxy {

namespace {

using transaction::Layer;

constexpr std::string_view completed_elsewhere = "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n";

/// RFC 3326: why the other phones stop ringing.
Text reason_of(int status) {
  return "Reason: SIP;cause=" + Text{Decimal{static_cast<std::uint64_t>(status)}.text()} + ";text=\"" + Text{sip::reason_phrase(status)} +
         "\"\r\n";
}

std::uint32_t session_expires(const sip::Message& response) {
  const auto value = response.value(sip::Header::session_expires);
  return parse_number<std::uint32_t>(trimmed(value.substr(0, value.find(';')))).value_or(0);
}

void tell_failed(const Leg& leg, const Destination& to, std::string_view why, Outbox& outbox) {
  outbox.note(
      {"target_failed", {{"uri", leg.hop.request_uri}, {"to", Target{to.transport, to.remote}.text()}, {"why", why}}, Severity::info});
}

}  // namespace

ResponseOutcome Proxy::on_response(const sip::Message& response, const transaction::Received& received, Layer& layer, Instant now,
                                   Outbox& outbox) {
  const Place place{{received.owner.index, received.owner.generation}, received.owner.leg};
  ResponseContext* context = contexts_.find(place.context);
  if (context == nullptr || place.leg >= context->legs.size()) return {};
  Leg& leg = context->legs[place.leg];
  if (leg.client != received.transaction) return {};  // a late answer to an address that was given up
  const int status = response.status();
  if (status < 200) return on_provisional_response(place, response, layer, now, outbox);
  // §16.7 step 3: without a second Via it is nobody's response.
  if (!has_second_via(response)) {
    if (leg.state == Leg::State::ended) return outcome_of(place.context, *context, 0);
    return end_leg(place, 502, nullptr, layer, now, outbox);
  }
  if (status < 300) return on_success(place, response, layer, now, outbox);
  // RFC 3263 §4.3: 503 means the next address of this target, not the next target.
  if (status == 503 && leg.state == Leg::State::pending) tell_failed(leg, *leg.place(leg.attempt), "unavailable", outbox);
  if (status == 503 && try_next_place(place, Setback::unavailable, layer, now, outbox)) return outcome_of(place.context, *context, 0);
  return end_leg(place, status, &response, layer, now, outbox);
}

ResponseOutcome Proxy::on_provisional_response(Place place, const sip::Message& response, Layer& layer, Instant now, Outbox& outbox) {
  ResponseContext& context = *contexts_.find(place.context);
  Leg& leg = context.legs[place.leg];
  const int status = response.status();
  on_provisional(leg, status, settings_.timer_c, now);
  if (leg.cancelled && !leg.cancel_sent) send_cancel(context, leg, layer, now, outbox);
  keep_time(place.context);
  // RFC 4320 §4.1: the only provisional response to a non-INVITE is 100, and ours comes when it is due.
  if (status == 100 || context.method != sip::Method::invite || context.final_sent || !has_second_via(response))
    return outcome_of(place.context, context, 0);
  pass_up(context, response, layer, now, outbox);
  return outcome_of(place.context, context, status);
}

ResponseOutcome Proxy::on_success(Place place, const sip::Message& response, Layer& layer, Instant now, Outbox& outbox) {
  ResponseContext& context = *contexts_.find(place.context);
  Leg& leg = context.legs[place.leg];
  const bool first = !context.final_sent;
  // After another final response there is nobody to take it (§17.2.1); after a 2xx there is.
  const bool invite = context.method == sip::Method::invite && (first || context.any_success());
  leg.state = Leg::State::ended;
  leg.ended_at = now;
  leg.status = response.status();
  // Every 2xx to INVITE goes up, also a second one from another fork (§16.7 step 5); other methods have one final response.
  if (first || invite) pass_up(context, response, layer, now, outbox);
  ResponseOutcome outcome = outcome_of(place.context, context, first || invite ? response.status() : 0);
  if (invite || context.method == sip::Method::update) {
    outcome.call_id = Text{response.call_id()};
    outcome.from_tag = Text{response.from_tag()};
    outcome.to_tag = Text{response.to_tag()};
    outcome.session_expires = session_expires(response);
  }
  if (first) {
    if (invite) outcome.legs = describe_legs(context, now);
    context.final_sent = true;
    context.open = false;
    context.early_due = Instant::max();
    if (context.any(Leg::State::pending)) {
      context.cancel_reason = completed_elsewhere;
      cancel_pending(context, layer, now, outbox);
    }
  }
  finish(place.context, now);
  return outcome;
}

ResponseOutcome Proxy::on_failure(const transaction::Failure& failure, Layer& layer, Instant now, Outbox& outbox) {
  const Place place{{failure.owner.index, failure.owner.generation}, failure.owner.leg};
  ResponseContext* context = contexts_.find(place.context);
  if (context == nullptr || place.leg >= context->legs.size()) return {};
  const Leg& leg = context->legs[place.leg];
  if (leg.client != failure.transaction || leg.state == Leg::State::ended) return {};
  const bool timeout = failure.cause == transaction::Failure::Cause::timeout;
  if (const Destination* to = layer.destination(failure.transaction); to != nullptr && leg.state == Leg::State::pending)
    tell_failed(leg, *to, timeout ? "timeout" : "unreachable", outbox);
  if (try_next_place(place, timeout ? Setback::timeout : Setback::transport_error, layer, now, outbox))
    return outcome_of(place.context, *context, 0);
  return end_leg(place, timeout ? 408 : leg.hop.unreachable_status, nullptr, layer, now, outbox);
}

ResponseOutcome Proxy::end_leg(Place place, int status, const sip::Message* response, Layer& layer, Instant now, Outbox& outbox) {
  ResponseContext& context = *contexts_.find(place.context);
  Leg& leg = context.legs[place.leg];
  leg.state = Leg::State::ended;
  leg.ended_at = now;
  leg.status = status;
  // A phone that was told to stop has not decided anything (RNG-15).
  if (leg.unanswered && status == 487) leg.status = status = 480, response = nullptr;
  int forwarded = 0;
  bool wants_targets = false;
  if (!context.final_sent) {
    if (response != nullptr && (status == 401 || status == 407)) forwarding_.keep_challenges(*response, context.challenges);
    if (is_better(status, context.best_status)) {
      context.best_status = status;
      context.best_response.clear();
      if (response != nullptr) forwarding_.write_response(*response, context.best_response);
    }
    // A 6xx ends the search (§16.7 step 5), but goes up only when the cancelled legs have ended.
    if (status >= 600 && context.any(Leg::State::pending)) {
      if (!context.cancelled_by_caller) context.cancel_reason = reason_of(status);
      cancel_pending(context, layer, now, outbox);
    }
    // Nobody else is looked for; those who ring are waited for, because one of them may just have answered.
    if (status >= 600) context.open = false;
    if (context.open)
      wants_targets = !context.any_trying() || give_up_silent(place.context, layer, now, outbox);
    else if (!context.any(Leg::State::pending) || give_up_silent(place.context, layer, now, outbox))
      forwarded = send_best(context, layer, now, outbox);
  }
  ResponseOutcome outcome = outcome_of(place.context, context, forwarded);
  outcome.wants_targets = wants_targets;
  tell_legs(context, outcome, now);
  finish(place.context, now);
  return outcome;
}

bool Proxy::give_up_silent(ContextId id, Layer& layer, Instant now, Outbox& outbox) {
  ResponseContext& context = *contexts_.find(id);
  if (context.method != sip::Method::invite || !(context.open || context.any(Leg::State::ended))) return false;
  // Of a search that goes on, what was told to stop is not waited for anyway.
  const auto counts = [&](const Leg& leg) { return leg.state == Leg::State::pending && !(context.open && leg.cancelled); };
  for (const Leg& leg : context.legs)
    if (counts(leg) && (layer.has_provisional(leg.client) || now < leg.sent_at + settings_.silence)) return false;
  bool any_left = false;
  for (std::size_t index = 0; index < context.legs.size(); ++index) {
    Leg& leg = context.legs[index];
    if (!counts(leg)) continue;
    tell_failed(leg, *leg.place(leg.attempt), "silent", outbox);
    // Of a step the next address of the same target is tried at once: Timer B is longer than the step.
    const auto silent = leg.client;
    if (context.open && try_next_place({id, index}, Setback::timeout, layer, now, outbox)) {
      layer.abandon(silent);
      any_left = true;
      continue;
    }
    leg.state = Leg::State::given_up;
    leg.ended_at = now;
    leg.status = 408;
    // Whatever it says late: the first provisional is answered with a CANCEL.
    leg.cancelled = true;
    leg.due = now + cancel_patience;
  }
  return !any_left;
}

int Proxy::send_best(ResponseContext& context, Layer& layer, Instant now, Outbox& outbox) {
  context.final_sent = true;
  context.open = false;
  context.early_due = Instant::max();
  int status = upstream_status(context.best_status);
  // Who has hung up hears of that, whatever somebody said before (RNG-15).
  if (context.cancelled_by_caller && status < 600) status = 487;
  // RFC 4320 §4.2: no 408 to a non-INVITE; the caller's own Timer F tells it the same without a race. Until then its
  // retransmissions are absorbed.
  if (status == 408 && context.method != sip::Method::invite) {
    context.withheld = true;
    context.end_by = context.started + cancel_patience;
    return 0;
  }
  if (context.best_response.empty() || status != context.best_status) {
    answer(context, status, layer, now, outbox);
    return status;
  }
  const auto begin = outbox.bytes().size();
  forwarding_.write_best(context, outbox.bytes());
  layer.respond(context.server, status, begin, now, outbox);
  return status;
}

bool Proxy::try_next_place(Place place, Setback why, Layer& layer, Instant now, Outbox& outbox) {
  ResponseContext& context = *contexts_.find(place.context);
  Leg& leg = context.legs[place.leg];
  if (context.final_sent || leg.cancelled || leg.place(leg.attempt + 1U) == nullptr) return false;
  const auto request = sip::Message::parse(layer.request(context.server));
  if (!request) return false;
  const Preprocessed way = preprocess_routes(*request, settings_.identity);
  const Endpoint failed = leg.place(leg.attempt)->remote;
  while (const Destination* next = leg.place(++leg.attempt)) {
    // The same server by another transport: only where the transport was the trouble (§18.1.1).
    if (why != Setback::transport_error && next->remote == failed) continue;
    if (!start_leg(place, *request, way, layer, now, outbox)) return false;
    keep_time(place.context);
    return true;
  }
  return false;
}

void Proxy::pass_up(ResponseContext& context, const sip::Message& response, Layer& layer, Instant now, Outbox& outbox) {
  const auto begin = outbox.bytes().size();
  forwarding_.write_response(response, outbox.bytes());
  layer.respond(context.server, response.status(), begin, now, outbox);
}

void Proxy::finish(ContextId id, Instant now) {
  ResponseContext& context = *contexts_.find(id);
  if (!context.final_sent) return keep_time(id);
  // 2xx of an INVITE may come again, and from other forks, for 64·T1 (RFC 6026 §7.2); the context waits for them.
  const bool answered_invite = context.method == sip::Method::invite && context.any_success();
  const bool alive = context.any(Leg::State::pending) || context.any(Leg::State::given_up);
  if (!alive && !answered_invite && !context.withheld) return contexts_.erase(id);
  if (context.end_by == Instant::max()) context.end_by = now + cancel_patience;
  keep_time(id);
}

ResponseOutcome Proxy::outcome_of(ContextId id, const ResponseContext& context, int forwarded_status) {
  ResponseOutcome outcome;
  outcome.known = true;
  outcome.context = id;
  outcome.method = context.method;
  outcome.forwarded_status = forwarded_status;
  if (forwarded_status < 300 || context.method != sip::Method::invite) return outcome;
  outcome.call_id = context.call_id;
  outcome.from_tag = context.from_tag;
  return outcome;
}

}  // namespace ringhold::proxy
