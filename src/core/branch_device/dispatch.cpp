#include <algorithm>
#include <utility>

#include "branch_device/state.hpp"
#include "sip/builder.hpp"
#include "sip/validation.hpp"
#include "stun/binding.hpp"

namespace ringhold::branch_device {

namespace {

using transaction::Disposition;
using transaction::Owner;

constexpr std::string_view allow_line =
    "Allow: INVITE, ACK, CANCEL, BYE, REGISTER, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY, INFO, UPDATE, PRACK, REFER, PUBLISH\r\n"
    "Accept: application/sdp\r\nSupported: path, outbound, gruu\r\nAllow-Events: reg\r\n";
constexpr std::array<std::string_view, 3> register_options{"path", "outbound", "gruu"};
// Seconds. Some phones go on to the central site at once, others wait for so long and have a binding for a few seconds only
// (Linphone over UDP: six). Who has waited and comes back here all the same is served, so a longer time wins nothing.
constexpr std::uint32_t home_retry_after = 5;

/// Whether a REGISTER only takes bindings away: that is always served, also while phones are sent home.
bool only_removes(const sip::Message& request) {
  const auto header = request.expires();
  bool removes = true;
  bool any = false;
  request.for_each_value(sip::Header::contact, [&](std::string_view value, const sip::HeaderLine&) {
    const auto contact = sip::Contact::parse(value);
    any = true;
    if (contact && !contact->star && contact->expires.value_or(header.value_or(1)) != 0) removes = false;
    return removes;
  });
  return any && removes;
}

}  // namespace

bool BranchDevice::State::is_served(const Endpoint& remote) const {
  return central.is_central(remote) ||
         std::ranges::any_of(settings.branch.networks, [&](const Network& network) { return network.contains(remote.address); });
}

void BranchDevice::State::receive_sip(const Packet& packet, Instant now, Outbox& outbox) {
  // Who handed it over has looked.
  if (packet.handed_over == 0 && !is_served(packet.remote)) return refuse_outsider(packet, now, outbox);
  if (packet.transport == Transport::udp && stun::is_stun(packet.bytes)) {
    const std::size_t begin = outbox.bytes().size();
    if (stun::append_answer(outbox.bytes(), packet.bytes, packet.remote))
      outbox.sent(begin, {Protocol::sip, packet.transport, packet.flow, packet.local, packet.remote});
    return;
  }
  note_device(packet, now);
  const auto message = sip::Message::parse(packet.bytes);
  if (!message) {
    ++counters.sip_malformed;
    outbox.note({"sip_malformed",
                 {{"source", packet.remote.text()}, {"where", message.error().where}, {"why", message.error().what}},
                 Severity::debug});
    return;
  }
  if (hand_over(*message, packet, outbox)) return;
  if (message->is_request()) {
    ++counters.requests_in[static_cast<std::size_t>(message->method())];
    if (const auto malformed = sip::validate_request(*message)) {
      ++counters.sip_malformed;
      outbox.note(
          {"sip_malformed", {{"source", packet.remote.text()}, {"where", malformed->header}, {"why", malformed->reason}}, Severity::debug});
      // Without a Via there is nobody to answer; an ACK is never answered.
      if (message->method() != sip::Method::ack && message->top_via())
        proxy.refuse_without_state(*message, packet, {malformed->status, Text{malformed->reason}, {}}, outbox);
      return;
    }
  } else {
    ++counters.responses_in[static_cast<std::size_t>(message->status())];
    if (!sip::is_valid_response(*message)) {
      ++counters.sip_malformed;
      return;
    }
    if (!identity.is_sender(*message->top_via())) {
      ++counters.sip_strays;
      return;
    }
  }
  const auto received = layer.receive(*message, packet, now, outbox);
  switch (received.disposition) {
    case Disposition::new_request:
      if (is_admitted(*message, packet, now, outbox)) new_request(*message, packet, now, outbox);
      return;
    case Disposition::ack: return on_ack(*message, packet, now, outbox);
    case Disposition::cancel:
      if (!received.transaction && cancel_parked(*message, packet, now, outbox)) return;
      return proxy.cancel(*message, packet, received, layer, now, outbox);
    case Disposition::response: return on_response(*message, packet, received, now, outbox);
    case Disposition::absorbed: return;
    case Disposition::stray: ++counters.sip_strays; return;
  }
}

void BranchDevice::State::on_ack(const sip::Message& ack, const Packet& packet, Instant now, Outbox& outbox) {
  const auto way = proxy.preprocess(ack);
  if (!way || proxy.may_not_forward(ack, *way)) return;
  const Way found = find_way(ack, packet, *way, now);
  if (!found.missing.empty() && park(packet, found.missing, now, outbox)) return;
  if (!found.hops.empty()) proxy.forward_ack(ack, packet, *way, found.hops.front(), outbox);
  note_life(ack.call_id(), ack.from_tag(), ack.to_tag(), now, outbox);
}

void BranchDevice::State::refuse_outsider(const Packet& packet, Instant now, Outbox& outbox) {
  ++counters.sip_outsiders;
  if (settings.sip.outside == Outside::drop) return;  // X3: a scanner learns nothing
  const auto message = sip::Message::parse(packet.bytes);
  if (!message || !message->is_request() || message->method() == sip::Method::ack || sip::validate_request(*message)) return;
  if (outsiders.ask(*message, packet.remote.address, Admission::Source::branch, now) != Admission::Verdict::serve) return;
  proxy.refuse_without_state(*message, packet, {403, "Not from this network", {}}, outbox);
}

bool BranchDevice::State::is_admitted(const sip::Message& request, const Packet& packet, Instant now, Outbox& outbox) {
  if (!request.to_tag().empty()) return true;
  const auto source = central.is_central(packet.remote) ? Admission::Source::central : Admission::Source::branch;
  const auto verdict = admission.ask(request, packet.remote.address, source, now);
  if (verdict == Admission::Verdict::serve) return true;
  // C4: before any limit. Asked last, because it costs more than the rest.
  if (request.method() == sip::Method::invite && is_emergency(request.request_uri())) return true;
  if (verdict == Admission::Verdict::drop) {
    ++counters.sip_dropped;
    return false;
  }
  ++counters.sip_shed;
  const Text retry = "Retry-After: " + Text{Decimal{Admission::retry_after(random)}.text()} + "\r\n";
  proxy.refuse(request, packet, {503, "Too many requests", retry}, layer, now, outbox);
  return false;
}

void BranchDevice::State::new_request(const sip::Message& request, const Packet& packet, Instant now, Outbox& outbox) {
  const auto way = proxy.preprocess(request);
  if (!way) return proxy.refuse(request, packet, way.error(), layer, now, outbox);
  const bool as_received = way->request_uri().data() == request.request_uri().data();
  const auto rewritten = as_received ? std::nullopt : std::optional{sip::Uri::parse(way->request_uri())};
  const auto& uri = as_received ? request.uri() : *rewritten;
  const bool to_us = way->next_route.empty() && uri && identity.is_ours(*uri);
  if (request.method() == sip::Method::register_ && to_us) return on_register(request, packet, now, outbox);
  if (request.method() == sip::Method::subscribe && to_us && on_subscribe(request, packet, *uri, now, outbox)) return;
  if (request.method() == sip::Method::options && to_us && uri->user.empty())
    return proxy.answer_without_state(request, packet, {200, {}, allow_line}, outbox);
  if (const auto refusal = proxy.may_not_forward(request, *way)) return proxy.refuse(request, packet, *refusal, layer, now, outbox);
  const Way found = find_way(request, packet, *way, now);
  if (!found.missing.empty() && park(packet, found.missing, now, outbox)) {
    // §17.2.1: the look-up may take longer than 200 ms.
    const bool arrived_now = resumed == nullptr;
    if (arrived_now && request.method() == sip::Method::invite) proxy.refuse_without_state(request, packet, {100, {}, {}}, outbox);
    return;
  }
  if (may_pass(request, packet, *way, found, now, outbox)) route(request, packet, *way, found, now, outbox);
}

void BranchDevice::State::route(const sip::Message& request, const Packet& packet, const proxy::Preprocessed& way, const Way& found,
                                Instant now, Outbox& outbox) {
  if (pushes.take(request, packet, way, now, outbox)) return;
  if (found.hops.empty()) {
    outbox.note({"request_refused",
                 {{"method", request.method_name()},
                  {"uri", way.request_uri()},
                  {"status", found.refusal.status},
                  {"mode", central::name(central.mode())}},
                 Severity::debug});
    if (request.method() == sip::Method::invite && !way.in_dialog) {
      const auto uri = sip::Uri::parse(way.request_uri());
      calls.turned_away(request, party_of(request.from()), uri && identity.is_ours(*uri) ? aor_of(*uri) : party_of(request.to()),
                        central::name(central.mode()), found.refusal.status, now, outbox);
    }
    return proxy.refuse(request, packet, found.refusal, layer, now, outbox);
  }
  if (way.in_dialog) {
    calls.passed(request, {packet.transport, packet.remote}, now, outbox);
    note_life(request.call_id(), request.from_tag(), request.to_tag(), now, outbox);
  }
  const auto search = found.ring ? proxy::Search::may_go_on : proxy::Search::complete;
  const auto forwarded = proxy.forward(request, packet, way, found.hops, layer, now, outbox, search);
  if (!forwarded || way.in_dialog || request.method() != sip::Method::invite) return;
  const auto uri = sip::Uri::parse(way.request_uri());
  const bool to_us = way.next_route.empty() && uri && identity.is_ours(*uri);
  calls.invited(request,
                {party_of(request.from()),
                 to_us ? aor_of(*uri) : party_of(request.to()),
                 central::name(central.mode()),
                 {packet.transport, packet.remote},
                 terminal_at(request, now),
                 {forwarded.index, forwarded.generation},
                 found.ring.has_value()},
                now, outbox);
  if (found.ring) start_ringing(forwarded, *found.ring, now, outbox);
}

void BranchDevice::State::on_register(const sip::Message& request, const Packet& packet, Instant now, Outbox& outbox) {
  const auto& to = request.to();
  const Text aor = to && to->uri.is_sip() && identity.is_ours(to->uri) ? aor_of(to->uri) : Text{};
  if (aor.empty()) return registrar.refuse(request, packet, {404, "To is no address-of-record of this domain", {}}, outbox);
  if (const Text options = registrar::unsupported_options(request, register_options); !options.empty())
    return registrar.refuse(request, packet, {420, {}, "Unsupported: " + options + "\r\n"}, outbox);
  if (!may_register(request, packet, aor, now, outbox)) return;
  if (central.sends_home(now) && !only_removes(request) && request.line(sip::Header::contact) != nullptr &&
      !registrar::Registrar::was_granted(request, aor, location, now)) {
    const Text device = registrar::Registrar::device_of(request, aor, packet);
    if (central.send_home(device, in_call(aor), now, outbox))
      return registrar.refuse(request, packet,
                              {503, "The central site is back", "Retry-After: " + std::to_string(home_retry_after) + "\r\n"}, outbox);
  }
  const auto grant = central.mode() == central::Mode::survivable ? registrar::Grant::survivable : registrar::Grant::normal;
  const auto decision = registrar.on_register(request, packet, aor, grant, location, now, outbox);
  if (decision.status == 200) remember_source(packet, aor, now, outbox);
  if (decision.added && decision.restarts.empty()) audit_newcomer(request, packet, aor, now, outbox);
  for (const registrar::Restart& restart : decision.restarts) note_restart(restart, request, aor, now, outbox);
}

void BranchDevice::State::on_response(const sip::Message& response, const Packet& packet, const transaction::Received& received,
                                      Instant now, Outbox& outbox) {
  switch (received.owner.kind) {
    case Owner::Kind::none:
    case Owner::Kind::registration:  // of the agent's mind
    case Owner::Kind::heartbeat: return;
    case Owner::Kind::central: return central.on_response(received.owner, response.status(), now, outbox);
    case Owner::Kind::events: return notifier.on_response(received.owner, response.status(), location, layer, now, outbox);
    case Owner::Kind::delivery: return pushes.on_response(response, received, now, outbox);
    case Owner::Kind::release:
      release.on_response(received.owner, response.status(), calls, layer, now, outbox);
      return run_errands(now, outbox);
    case Owner::Kind::proxy: break;
  }
  if (central.is_central(packet.remote)) {
    const auto sign = response.status() == 503 ? central::RelaySign::unavailable : central::RelaySign::answered;
    note_relay({packet.transport, packet.remote}, sign, now, outbox);
  }
  if (response.status() / 100 == 2) note_life(response.call_id(), response.to_tag(), response.from_tag(), now, outbox);
  if (settings.push.recursion == Recursion::follow && received.transaction && response.method() == sip::Method::message &&
      response.status() >= 300 && response.status() <= 302) {
    const auto hops = pushes.redirected_hops(response, now);
    keep_books(proxy.on_redirect(response, received, hops, layer, now, outbox), now, outbox, &response);
    return;
  }
  keep_books(proxy.on_response(response, received, layer, now, outbox), now, outbox, &response, {packet.transport, packet.remote});
}

void BranchDevice::State::on_failures(std::span<const transaction::Failure> failures, Instant now, Outbox& outbox) {
  for (const transaction::Failure& failure : failures) {
    switch (failure.owner.kind) {
      case Owner::Kind::none:
      case Owner::Kind::registration:
      case Owner::Kind::heartbeat: break;
      case Owner::Kind::central: central.on_failure(failure, now, outbox); break;
      case Owner::Kind::events: notifier.on_failure(failure, location, outbox); break;
      case Owner::Kind::release: release.on_failure(failure, calls, layer, now, outbox); break;
      case Owner::Kind::delivery: pushes.on_failure(failure, now, outbox); break;
      case Owner::Kind::proxy: {
        if (const Destination* to = layer.destination(failure.transaction); to != nullptr && central.is_central(to->remote)) {
          const bool timeout = failure.cause == transaction::Failure::Cause::timeout;
          note_relay({to->transport, to->remote}, timeout ? central::RelaySign::unanswered : central::RelaySign::refused, now, outbox);
        }
        keep_books(proxy.on_failure(failure, layer, now, outbox), now, outbox);
        break;
      }
    }
  }
}

void BranchDevice::State::keep_books(const proxy::ResponseOutcome& outcome, Instant now, Outbox& outbox, const sip::Message* response,
                                     const Target& from) {
  if (outcome.wants_targets) return ring_on(outcome.context, now, outbox);
  if (outcome.forwarded_status > 100 && outcome.forwarded_status < 200 && response != nullptr)
    calls.rang({response->call_id(), response->from_tag(), response->to_tag(), outcome.forwarded_status, {}, {}, response, from});
  if (outcome.forwarded_status < 200) return;
  if (outcome.method == sip::Method::invite) {
    note_challenge(outcome, now);
    stop_watching(outcome.context);
  }
  calls::Answer answer{.call_id = outcome.call_id,
                       .from_tag = outcome.from_tag,
                       .to_tag = outcome.to_tag,
                       .status = outcome.forwarded_status,
                       .session = std::chrono::seconds{outcome.session_expires},
                       .legs = outcome.legs,
                       .response = response,
                       .from = from};
  if (outcome.method == sip::Method::invite && response != nullptr && answer.status < 300) answer.terminal = terminal_at(*response, now);
  if (outcome.method == sip::Method::invite && calls.responded(answer, now, outbox)) {
    release.answered_too_late(answer, calls, now, outbox);
    run_errands(now, outbox);
  }
  if (outcome.method == sip::Method::update) calls.refreshed(answer, now, outbox);
}

}  // namespace ringhold::branch_device
