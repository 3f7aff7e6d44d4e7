#include "proxy/proxy.hpp"

#include "proxy/best_response.hpp"
#include "proxy/timer_c.hpp"
#include "sip/builder.hpp"

namespace ringhold::proxy {

namespace {

using transaction::Layer;
using transaction::Owner;

constexpr std::string_view completed_elsewhere = "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n";

bool any_pending(const ResponseContext& context) {
  for (const Leg& leg : context.legs)
    if (leg.state == Leg::State::pending) return true;
  return false;
}

bool any_success(const ResponseContext& context) {
  for (const Leg& leg : context.legs)
    if (leg.status >= 200 && leg.status < 300) return true;
  return false;
}

}  // namespace

Proxy::Proxy(const Settings& settings, Random& random)
    : settings_{settings}, forwarding_{settings.identity, random.next(), random.next()}, contexts_{limits::sip_transactions} {}

std::expected<Preprocessed, Refusal> Proxy::preprocess(const sip::Message& request) const {
  if (auto refusal = validate(request)) return std::unexpected(std::move(*refusal));
  Preprocessed way = preprocess_routes(request, settings_.identity);
  if (forwarding_.has_looped(request, way)) return std::unexpected(Refusal{482, {}, {}});
  return way;
}

void Proxy::forward(const sip::Message& request, const Packet& packet, const Preprocessed& way, std::span<const Hop> hops, Layer& layer,
                    Instant now, Outbox& outbox) {
  if (hops.empty()) return refuse(request, packet, {480, {}, {}}, layer, now, outbox);
  const ContextId id = contexts_.insert();
  if (!id) return refuse(request, packet, {503, {}, "Retry-After: 5\r\n"}, layer, now, outbox);
  ResponseContext& context = *contexts_.find(id);
  context.method = request.method();
  context.source = packet.remote;
  context.server = layer.create_server(request, packet, Owner{Owner::Kind::proxy, id.index, id.generation, 0}, now);
  if (!context.server) {
    contexts_.erase(id);
    return refuse_without_state(request, packet, {503, {}, "Retry-After: 5\r\n"}, outbox);
  }
  if (context.method == sip::Method::invite) {
    context.call_id = Text{request.call_id()};
    context.from_tag = Text{request.from_tag()};
    answer(context, 100, layer, now, outbox);
    start_timer_c(context, settings_.timer_c, now);
  }
  for (const Hop& hop : hops.first(std::min(hops.size(), limits::fork_targets))) context.legs.emplace_back().hop = hop;
  for (std::size_t index = 0; index < context.legs.size(); ++index) {
    Leg& leg = context.legs[index];
    const Branch branch = forwarding_.new_branch(request, way);
    const auto begin = outbox.bytes().size();
    forwarding_.write_request(request, packet, way, leg.hop, branch, outbox);
    leg.client = layer.start_client(context.method, branch.text(), begin, leg.hop.destination,
                                    Owner{Owner::Kind::proxy, id.index, id.generation, static_cast<std::uint32_t>(index)}, now, outbox);
  }
  keep_time(id);
  // A full transaction table ends a leg at once; the last one to end answers the caller and may end the context.
  for (std::size_t index = 0; index < hops.size(); ++index) {
    ResponseContext* live = contexts_.find(id);
    if (live == nullptr || index >= live->legs.size()) return;
    if (!live->legs[index].client) end_leg({id, index}, 503, nullptr, layer, now, outbox);
  }
}

void Proxy::forward_ack(const sip::Message& ack, const Packet& packet, const Preprocessed& way, const Hop& hop, Outbox& outbox) {
  const auto begin = outbox.bytes().size();
  forwarding_.write_request(ack, packet, way, hop, forwarding_.stateless_branch(ack), outbox);
  outbox.sent(begin, hop.destination);
}

void Proxy::refuse(const sip::Message& request, const Packet& packet, const Refusal& refusal, Layer& layer, Instant now, Outbox& outbox) {
  if (request.method() == sip::Method::ack) return;
  if (request.method() != sip::Method::invite) return refuse_without_state(request, packet, refusal, outbox);
  const auto server = layer.create_server(request, packet, Owner{}, now);
  if (!server) return refuse_without_state(request, packet, refusal, outbox);
  const auto begin = outbox.bytes().size();
  forwarding_.write_refusal(request, packet.remote, refusal, outbox.bytes());
  layer.respond(server, refusal.status, begin, now, outbox);
}

void Proxy::refuse_without_state(const sip::Message& request, const Packet& packet, const Refusal& refusal, Outbox& outbox) const {
  const auto begin = outbox.bytes().size();
  forwarding_.write_refusal(request, packet.remote, refusal, outbox.bytes());
  outbox.sent(begin, sip::response_destination(request, packet));
}

void Proxy::cancel(const sip::Message& request, const Packet& packet, const transaction::Received& received, Layer& layer, Instant now,
                   Outbox& outbox) {
  const auto server = layer.create_server(request, packet, Owner{}, now);
  const Refusal answer_to_cancel{received.transaction ? 200 : 481, {}, {}};
  const auto begin = outbox.bytes().size();
  forwarding_.write_refusal(request, packet.remote, answer_to_cancel, outbox.bytes());
  if (server)
    layer.respond(server, answer_to_cancel.status, begin, now, outbox);
  else
    outbox.sent(begin, sip::response_destination(request, packet));
  if (received.owner.kind != Owner::Kind::proxy) return;
  const ContextId id{received.owner.index, received.owner.generation};
  ResponseContext* context = contexts_.find(id);
  if (context == nullptr || context->final_sent) return;
  context->cancelled_by_caller = true;
  cancel_pending(*context, {}, layer, now, outbox);
  keep_time(id);
}

ResponseOutcome Proxy::on_response(const sip::Message& response, const transaction::Received& received, Layer& layer, Instant now,
                                   Outbox& outbox) {
  const Place place{{received.owner.index, received.owner.generation}, received.owner.leg};
  ResponseContext* context = contexts_.find(place.context);
  if (context == nullptr || place.leg >= context->legs.size()) return {};
  Leg& leg = context->legs[place.leg];
  if (leg.client != received.transaction) return {};  // a late answer to an address that was given up
  const int status = response.status();
  if (status < 200) {
    on_provisional(*context, status, settings_.timer_c, now);
    keep_time(place.context);
    if (leg.cancelled && !leg.cancel_sent) send_cancel(leg, layer, now, outbox);
    if (status == 100 || context->final_sent) return outcome_of(*context, 0);
    pass_up(*context, response, status, layer, now, outbox);
    return outcome_of(*context, status);
  }
  if (status < 300) return on_success(place, response, layer, now, outbox);
  // RFC 3263 §4.3: 503 means the next address of this target, not the next target.
  if (status == 503 && start_next_alternate(place, layer, now, outbox)) return outcome_of(*context, 0);
  return end_leg(place, status, &response, layer, now, outbox);
}

ResponseOutcome Proxy::on_success(Place place, const sip::Message& response, Layer& layer, Instant now, Outbox& outbox) {
  ResponseContext& context = *contexts_.find(place.context);
  Leg& leg = context.legs[place.leg];
  leg.state = Leg::State::ended;
  leg.status = response.status();
  const bool first = !context.final_sent;
  // Every 2xx to INVITE goes up, also a second one from another fork (§16.7 step 5); other methods have one final response.
  if (first || context.method == sip::Method::invite) pass_up(context, response, response.status(), layer, now, outbox);
  const ResponseOutcome outcome = outcome_of(context, first || context.method == sip::Method::invite ? response.status() : 0);
  if (first) {
    context.final_sent = true;
    context.timer_c.reset();
    cancel_pending(context, completed_elsewhere, layer, now, outbox);
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
  if (start_next_alternate(place, layer, now, outbox)) return outcome_of(*context, 0);
  const int status = failure.cause == transaction::Failure::Cause::timeout ? 408 : 503;
  return end_leg(place, status, nullptr, layer, now, outbox);
}

ResponseOutcome Proxy::end_leg(Place place, int status, const sip::Message* response, Layer& layer, Instant now, Outbox& outbox) {
  ResponseContext& context = *contexts_.find(place.context);
  Leg& leg = context.legs[place.leg];
  leg.state = Leg::State::ended;
  leg.status = status;
  ResponseOutcome outcome = outcome_of(context, 0);
  if (!context.final_sent) {
    if (response != nullptr && (status == 401 || status == 407)) forwarding_.keep_challenges(*response, context.challenges);
    const bool last = !any_pending(context);
    if (is_better(status, context.best_status)) {
      context.best_status = status;
      context.best_response.clear();
      if (response != nullptr) forwarding_.write_response(*response, context.best_response);
    }
    // A 6xx ends the search (§16.7 step 5), but goes up only when the cancelled legs have ended.
    if (status >= 600) cancel_pending(context, {}, layer, now, outbox);
    if (last) outcome.forwarded_status = send_best(context, layer, now, outbox);
  }
  finish(place.context, now);
  return outcome;
}

int Proxy::send_best(ResponseContext& context, Layer& layer, Instant now, Outbox& outbox) {
  context.final_sent = true;
  context.timer_c.reset();
  int status = upstream_status(context.best_status);
  if (context.cancelled_by_caller && status == 408) status = 487;
  // RFC 4320 §4.2: no 408 to a non-INVITE; the caller's own Timer F tells it the same without a race.
  if (status == 408 && context.method != sip::Method::invite) {
    layer.abandon(context.server);
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

bool Proxy::start_next_alternate(Place place, Layer& layer, Instant now, Outbox& outbox) {
  ResponseContext& context = *contexts_.find(place.context);
  Leg& leg = context.legs[place.leg];
  if (context.final_sent || leg.cancelled || leg.next_alternate >= leg.hop.alternates.size()) return false;
  const Destination next = leg.hop.alternates[leg.next_alternate++];
  const auto begin = outbox.bytes().size();
  const auto branch = forwarding_.write_again(layer.request(leg.client), next, outbox);
  if (!branch) return false;
  leg.client = layer.start_client(
      context.method, branch->text(), begin, next,
      Owner{Owner::Kind::proxy, place.context.index, place.context.generation, static_cast<std::uint32_t>(place.leg)}, now, outbox);
  return static_cast<bool>(leg.client);
}

void Proxy::cancel_pending(ResponseContext& context, std::string_view reason, Layer& layer, Instant now, Outbox& outbox) {
  if (context.method != sip::Method::invite) return;  // §9.1: CANCEL is for INVITE
  for (Leg& leg : context.legs) {
    if (leg.state != Leg::State::pending || leg.cancelled) continue;
    leg.cancelled = true;
    leg.cancel_reason = reason;
    if (layer.has_provisional(leg.client)) send_cancel(leg, layer, now, outbox);
  }
  context.timer_c.reset();
  context.end_by = now + cancel_patience;
}

void Proxy::send_cancel(Leg& leg, Layer& layer, Instant now, Outbox& outbox) {
  leg.cancel_sent = true;
  const Destination* destination = layer.destination(leg.client);
  if (destination == nullptr) return;
  const Destination where = *destination;
  const auto begin = outbox.bytes().size();
  const auto branch = forwarding_.write_cancel(layer.request(leg.client), leg.cancel_reason, outbox);
  if (branch) layer.start_client(sip::Method::cancel, *branch, begin, where, Owner{}, now, outbox);
}

void Proxy::pass_up(ResponseContext& context, const sip::Message& response, int status, Layer& layer, Instant now, Outbox& outbox) {
  const auto begin = outbox.bytes().size();
  forwarding_.write_response(response, outbox.bytes());
  layer.respond(context.server, status, begin, now, outbox);
}

void Proxy::answer(ResponseContext& context, int status, Layer& layer, Instant now, Outbox& outbox) {
  const auto begin = outbox.bytes().size();
  const auto request = sip::Message::parse(layer.request(context.server));
  if (!request) return;
  forwarding_.write_refusal(*request, context.source, {status, {}, {}}, outbox.bytes());
  layer.respond(context.server, status, begin, now, outbox);
}

void Proxy::finish(ContextId id, Instant now) {
  ResponseContext& context = *contexts_.find(id);
  if (!context.final_sent) return keep_time(id);
  // 2xx of an INVITE may come again, and from other forks, for 64·T1 (RFC 6026 §7.2); the context waits for them.
  const bool answered_invite = context.method == sip::Method::invite && any_success(context);
  if (!any_pending(context) && !answered_invite) return contexts_.erase(id);
  if (!context.end_by) context.end_by = now + cancel_patience;
  keep_time(id);
}

ResponseOutcome Proxy::outcome_of(const ResponseContext& context, int forwarded_status) {
  return {true, context.method, forwarded_status, context.call_id, context.from_tag};
}

std::vector<ResponseOutcome> Proxy::expire(Layer& layer, Instant now, Outbox& outbox) {
  std::vector<ResponseOutcome> outcomes;
  wheel_.expire(now, [&](ContextId id) {
    ResponseContext* context = contexts_.find(id);
    if (context == nullptr) return;
    context->in_wheel.reset();
    const Due due = take_due(*context, now);
    // §16.8: legs that rang get a CANCEL; one that never answered counts as 408 when the CANCEL's patience is over.
    if (due.give_up) cancel_pending(*context, {}, layer, now, outbox);
    if (due.end)
      outcomes.push_back(end_context(id, layer, now, outbox));
    else
      keep_time(id);
  });
  return outcomes;
}

ResponseOutcome Proxy::end_context(ContextId id, Layer& layer, Instant now, Outbox& outbox) {
  ResponseContext& context = *contexts_.find(id);
  for (Leg& leg : context.legs) {
    if (leg.state == Leg::State::ended) continue;
    layer.abandon(leg.client);  // §9.1: no final response 64·T1 after the CANCEL
    leg.state = Leg::State::ended;
    leg.status = 408;
  }
  int forwarded = 0;
  if (!context.final_sent) {
    if (context.best_status == 0) context.best_status = 408;
    forwarded = send_best(context, layer, now, outbox);
  }
  ResponseOutcome outcome = outcome_of(context, forwarded);
  contexts_.erase(id);
  return outcome;
}

void Proxy::keep_time(ContextId id) {
  ResponseContext& context = *contexts_.find(id);
  std::optional<Instant> next = context.timer_c;
  if (context.end_by && (!next || *context.end_by < *next)) next = context.end_by;
  if (!next || (context.in_wheel && *context.in_wheel <= *next)) return;
  context.in_wheel = next;
  wheel_.add(*next, id);
}

}  // namespace ringhold::proxy
