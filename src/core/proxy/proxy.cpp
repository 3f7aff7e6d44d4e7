#include "proxy/proxy.hpp"

#include <algorithm>

#include "proxy/timer_c.hpp"
#include "sip/builder.hpp"

namespace ringhold::proxy {

namespace {

using transaction::Layer;
using transaction::Owner;

constexpr std::string_view retry_soon = "Retry-After: 5\r\n";
constexpr std::string_view no_sips = "Warning: 380 ringhold \"SIPS Not Allowed\"\r\n";
constexpr std::size_t largest_datagram = 1300;  ///< bytes of a request (§18.1.1), where the path MTU is not known
constexpr std::size_t longest_reason = 1024;    ///< what a CANCEL tells of why; more is left out

/// Our listener for streams to a target that is found over UDP by default only: its URI names no transport, so it takes TCP,
/// too (§18.2.1). Behind a NAT nobody could connect; and where SRV decides, it names TCP itself.
const Target* stream_listener(const Preprocessed& way, const Hop& hop, const std::vector<Target>& listeners) {
  const std::string_view own = hop.request_uri.empty() ? way.request_uri() : std::string_view{hop.request_uri};
  const auto uri = sip::Uri::parse(way.next_route.empty() ? own : way.next_route);
  if (!hop.route.empty() || !uri || uri->scheme != sip::Scheme::sip) return nullptr;
  // One that was registered over UDP may yet say TCP.
  if (uri->parameters.has("transport") && uri->transport() != Transport::tcp) return nullptr;
  const Address& remote = hop.destination.remote.address;
  const auto host = Address::parse(uri->host);
  if (host ? *host != remote : !uri->port) return nullptr;
  const Target* best = nullptr;
  for (const Target& listener : listeners) {
    if (listener.transport != Transport::tcp || listener.endpoint.address.is_v4() != remote.is_v4()) continue;
    // The one beside the datagrams' own, where there are several: not everybody may use each.
    if (listener.endpoint == hop.destination.local) return &listener;
    if (best == nullptr) best = &listener;
  }
  return best;
}

/// §18.1.1 for a request that is too large for a datagram: streams come first, and what there was before after them. False
/// when the target offers none; then nothing changes.
bool prefer_streams(Hop& hop, const Target* listener) {
  std::vector<Destination> streams;
  std::vector<Destination> datagrams;
  const auto sort = [&](const Destination& place) {
    if (is_reliable(place.transport)) return streams.push_back(place);
    datagrams.push_back(place);
    if (listener != nullptr) streams.push_back({place.protocol, listener->transport, {}, listener->endpoint, place.remote});
  };
  sort(hop.destination);
  for (const Destination& place : hop.alternates) sort(place);
  if (streams.empty()) return false;
  hop.destination = streams.front();
  streams.erase(streams.begin());
  hop.alternates = std::move(streams);
  hop.alternates.insert(hop.alternates.end(), datagrams.begin(), datagrams.end());
  return true;
}

/// RFC 3326: why the caller hangs up is told to those who ring.
Text reason_lines(const sip::Message& cancel) {
  Text lines;
  if (cancel.line(sip::Header::reason) == nullptr) return lines;
  for (const sip::HeaderLine& line : cancel.lines())
    if (line.header == sip::Header::reason && lines.size() + line.line.size() <= longest_reason) lines += line.line;
  return lines;
}

}  // namespace

std::vector<Hop> secure_hops(std::span<const Hop> hops) {
  const auto is_open = [](const Destination& place) { return !is_secure(place.transport); };
  std::vector<Hop> secure;
  for (const Hop& given : hops) {
    Hop hop = given;
    std::erase_if(hop.alternates, is_open);
    if (is_open(hop.destination)) {
      if (hop.alternates.empty()) continue;
      hop.destination = hop.alternates.front();
      hop.alternates.erase(hop.alternates.begin());
    }
    secure.push_back(std::move(hop));
  }
  return secure;
}

std::optional<Hop> stream_hop(Hop hop, const std::vector<Target>& listeners) {
  if (!prefer_streams(hop, stream_listener({}, hop, listeners))) return std::nullopt;
  std::erase_if(hop.alternates, [](const Destination& place) { return !is_reliable(place.transport); });
  return hop;
}

Proxy::Proxy(const Settings& settings, Random& random)
    : settings_{settings}, forwarding_{settings.identity, settings.team, random}, contexts_{limits::sip_transactions} {}

std::expected<Preprocessed, Refusal> Proxy::preprocess(const sip::Message& request) const {
  if (auto refusal = validate_request_uri(request)) return std::unexpected(std::move(*refusal));
  return preprocess_routes(request, settings_.identity);
}

std::optional<Refusal> Proxy::may_not_forward(const sip::Message& request, const Preprocessed& way) const {
  if (auto refusal = validate_max_forwards(request)) return refusal;
  if (forwarding_.has_looped(request, way)) return Refusal{482, {}, {}};
  return validate_proxy_require(request);
}

ContextId Proxy::forward(const sip::Message& request, const Packet& packet, const Preprocessed& way, std::span<const Hop> hops,
                         Layer& layer, Instant now, Outbox& outbox, Search search) {
  if (hops.empty()) return refuse(request, packet, {480, {}, {}}, layer, now, outbox), ContextId{};
  std::vector<Hop> secure;
  if (is_sips(way.request_uri())) {
    secure = secure_hops(hops);
    if (secure.empty()) return refuse(request, packet, {480, {}, Text{no_sips}}, layer, now, outbox), ContextId{};
    hops = secure;
  }
  hops = hops.first(std::min(hops.size(), limits::fork_targets));
  const std::uint16_t breadth = max_breadth(request);
  if (breadth < hops.size()) return refuse(request, packet, {440, {}, {}}, layer, now, outbox), ContextId{};
  const ContextId id = contexts_.insert();
  if (!id) return refuse(request, packet, {503, {}, Text{retry_soon}}, layer, now, outbox), ContextId{};
  ResponseContext& context = *contexts_.find(id);
  context.method = request.method();
  context.open = search == Search::may_go_on && context.method == sip::Method::invite;
  context.started = now;
  context.arrival = packet;
  context.arrival.bytes = {};
  context.server = layer.create_server(request, packet, Owner{Owner::Kind::proxy, id.index, id.generation, 0}, now);
  if (!context.server) {
    contexts_.erase(id);
    return refuse_without_state(request, packet, {503, {}, Text{retry_soon}}, outbox), ContextId{};
  }
  if (context.method == sip::Method::invite) {
    context.call_id = Text{request.call_id()};
    context.from_tag = Text{request.from_tag()};
    answer(context, 100, layer, now, outbox);
  } else {
    context.early_due = now + settings_.trying_after;
  }
  for (std::size_t index = 0; index < hops.size(); ++index) {
    Leg& leg = context.legs.emplace_back();
    leg.hop = hops[index];
    leg.breadth = share_of_breadth(breadth, index, hops.size());
    if (context.open) leg.breadth = share_in_step(leg.breadth, breadth);
  }
  for (std::size_t index = 0; index < hops.size(); ++index) start_leg({id, index}, request, way, layer, now, outbox);
  keep_time(id);
  // A full transaction table ends a leg at once; the last one to end answers the caller and may end the context.
  for (std::size_t index = 0; index < hops.size(); ++index) {
    const ResponseContext* live = contexts_.find(id);
    if (live == nullptr) return {};
    if (!live->legs[index].client) end_leg({id, index}, 503, nullptr, layer, now, outbox);
  }
  return contexts_.find(id) != nullptr ? id : ContextId{};
}

bool Proxy::start_leg(Place place, const sip::Message& request, const Preprocessed& way, Layer& layer, Instant now, Outbox& outbox) {
  ResponseContext& context = *contexts_.find(place.context);
  Leg& leg = context.legs[place.leg];
  const Branch branch = forwarding_.new_branch(request, way);
  const auto begin = outbox.bytes().size();
  const auto write = [&](const Destination& destination) {
    forwarding_.write_request(request, context.arrival, {way, leg.hop, destination, branch, leg.breadth}, outbox);
  };
  write(*leg.place(leg.attempt));
  // §18.1.1: too large for a datagram, where the target has something better. The Via names the transport, so all is
  // written again.
  if (leg.attempt == 0 && !is_reliable(leg.hop.destination.transport) && outbox.bytes().size() - begin > largest_datagram &&
      prefer_streams(leg.hop, stream_listener(way, leg.hop, settings_.identity.listeners))) {
    outbox.bytes().resize(begin);
    write(*leg.place(0));
  }
  if (context.method == sip::Method::invite) {
    start_timer_c(leg, settings_.timer_c, now);
    if (context.legs.size() > 1 || context.open) context.early_due = now + settings_.silence;
    if (leg.attempt == 0) leg.called_at = now;
    leg.sent_at = now;
  }
  leg.client = layer.start_client(
      context.method, branch.text(), begin, *leg.place(leg.attempt),
      Owner{Owner::Kind::proxy, place.context.index, place.context.generation, static_cast<std::uint32_t>(place.leg)}, now, outbox);
  return static_cast<bool>(leg.client);
}

void Proxy::forward_ack(const sip::Message& ack, const Packet& packet, const Preprocessed& way, const Hop& hop, Outbox& outbox) {
  const auto begin = outbox.bytes().size();
  forwarding_.write_request(ack, packet, {way, hop, hop.destination, forwarding_.stateless_branch(ack, way), {}}, outbox);
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
  answer_without_state(request, packet, {refusal.status, refusal.reason, refusal.headers}, outbox);
}

void Proxy::answer_without_state(const sip::Message& request, const Packet& packet, const Answer& answer, Outbox& outbox) const {
  const auto begin = outbox.bytes().size();
  forwarding_.write_answer(request, packet.remote, answer, outbox.bytes());
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
  cancel(id, reason_lines(request), layer, now, outbox);
}

void Proxy::cancel(ContextId id, std::string_view reason, Layer& layer, Instant now, Outbox& outbox) {
  ResponseContext* context = contexts_.find(id);
  if (context == nullptr || context->final_sent) return;
  context->cancelled_by_caller = true;
  context->open = false;
  context->cancel_reason = Text{reason};
  cancel_pending(*context, layer, now, outbox);
  keep_time(id);
}

transaction::TransactionId Proxy::send(const sip::Message& request, const Preprocessed& way, const Hop& hop, Owner owner, Layer& layer,
                                       Instant now, Outbox& outbox) {
  const Branch branch = forwarding_.new_branch(request, way);
  const auto begin = outbox.bytes().size();
  forwarding_.write_request(request, {}, {way, hop, hop.destination, branch, {}}, outbox);
  return layer.start_client(request.method(), branch.text(), begin, hop.destination, owner, now, outbox);
}

void Proxy::cancel_pending(ResponseContext& context, Layer& layer, Instant now, Outbox& outbox) {
  if (context.method != sip::Method::invite) return;  // §9.1: CANCEL is for INVITE
  for (Leg& leg : context.legs)
    if (leg.state == Leg::State::pending && !leg.cancelled) cancel_leg(context, leg, layer, now, outbox);
}

void Proxy::cancel_leg(ResponseContext& context, Leg& leg, Layer& layer, Instant now, Outbox& outbox) {
  leg.cancelled = true;
  leg.due = now + cancel_patience;
  if (layer.has_provisional(leg.client)) send_cancel(context, leg, layer, now, outbox);
}

void Proxy::send_cancel(ResponseContext& context, Leg& leg, Layer& layer, Instant now, Outbox& outbox) {
  leg.cancel_sent = true;
  const Destination* destination = layer.destination(leg.client);
  if (destination == nullptr) return;
  const Destination where = *destination;
  const auto begin = outbox.bytes().size();
  const std::string_view reason = leg.unanswered ? std::string_view{} : std::string_view{context.cancel_reason};
  const auto branch = forwarding_.write_cancel(layer.request(leg.client), reason, outbox);
  if (branch) layer.start_client(sip::Method::cancel, *branch, begin, where, Owner{}, now, outbox);
}

void Proxy::answer(ResponseContext& context, int status, Layer& layer, Instant now, Outbox& outbox) {
  const auto begin = outbox.bytes().size();
  const auto request = sip::Message::parse(layer.request(context.server));
  if (!request) return;
  // §8.2.6.1: a 100 carries the Timestamp of its request.
  const sip::HeaderLine* timestamp = status == 100 ? request->line(sip::Header::timestamp) : nullptr;
  forwarding_.write_refusal(*request, context.arrival.remote, {status, {}, timestamp != nullptr ? Text{timestamp->line} : Text{}},
                            outbox.bytes());
  layer.respond(context.server, status, begin, now, outbox);
}

void Proxy::keep_time(ContextId id) {
  ResponseContext& context = *contexts_.find(id);
  const Instant next = next_deadline(context);
  if (next >= context.in_wheel) return;
  context.in_wheel = next;
  wheel_.add(next, id);
}

}  // namespace ringhold::proxy
