// The calls of terminals that have lost them (B1, B2): the registrar sees a restart, calls/release decides, the proxy sends.
#include <algorithm>

#include "branch_device/state.hpp"
#include "branch_device/word.hpp"
#include "proxy/reach.hpp"

namespace ringhold::branch_device {

namespace {

constexpr std::size_t most_restarts = 200;  ///< that are told of
constexpr std::size_t most_lost_flows = 1'000;
constexpr Duration flow_remembered = 2min;  ///< a phone that was restarted is back by then
/// Where a binding is, as far as requests from there can only be its own.
calls::Suspect::Place place_of(std::string_view contact, const Endpoint& source, bool has_path) {
  return {Text{contact}, has_path ? Endpoint{} : source};
}

}  // namespace

void BranchDevice::State::note_restart(const registrar::Restart& restart, const sip::Message& request, std::string_view aor, Instant now,
                                       Outbox& outbox) {
  calls::Suspect suspect;
  suspect.aor = Text{aor};
  for (const registrar::Restart::Place& place : restart.before)
    suspect.places.push_back(place_of(place.contact, place.source, place.has_path));
  suspect.user_agent = Text{request.value(sip::Header::user_agent).substr(0, location::user_agent_max)};
  suspect.has_moved = restart.other_contact;
  suspect.is_foreign = restart.other_address;
  // A strange host could answer there what it likes (RST-11).
  if (restart.other_contact && !restart.other_address) suspect.new_contact = restart.now.contact;
  // Of a team the one who saw it keeps the report.
  suspect.number = ++restarts_seen << 8U | team.number;
  const bool is_told = calls_elsewhere.contains(aor);
  if (restarts.size() == most_restarts) restarts.pop_front();
  const registrar::Restart::Place& before = restart.before.front();
  restarts.push_back({.number = suspect.number,
                      .at = now,
                      .aor = suspect.aor,
                      .device = restart.device,
                      .user_agent = suspect.user_agent,
                      .call_id_before = restart.call_id_before,
                      .call_id = Text{request.call_id().substr(0, calls::longest_text)},
                      .cseq_before = restart.cseq_before,
                      .cseq = request.cseq()->number,
                      .contact_before = before.contact,
                      .contact = restart.now.contact,
                      .source_before = before.source.text(),
                      .source = restart.now.source.text(),
                      .reason = Text{request.value(sip::Header::reason).substr(0, calls::longest_text)},
                      .registered_s = (now - restart.registered_at) / 1s,
                      .undecided = is_told ? unsigned{team.size} : 1U});
  release_calls(std::move(suspect), now, outbox);
}

void BranchDevice::State::release_calls(calls::Suspect suspect, Instant now, Outbox& outbox) {
  for (const location::Binding* binding : location.find(suspect.aor, now))
    if (std::ranges::find(suspect.places, binding->contact(), &calls::Suspect::Place::contact) == suspect.places.end())
      suspect.others.emplace_back(binding->contact());
  if (calls_elsewhere.contains(suspect.aor)) tell_all(std::make_shared<News>(SuspectNews{suspect}), outbox);
  take_suspect(suspect, now, outbox);
}

void BranchDevice::State::take_suspect(const calls::Suspect& suspect, Instant now, Outbox& outbox) {
  release.suspect(suspect, calls, now, outbox);
  run_errands(now, outbox);
}

void BranchDevice::State::audit(Instant now, Outbox& outbox) {
  if (calls.size() == 0 && calls_elsewhere.empty()) return location.expire(now, outbox);
  location.expire(now, outbox, [&](const location::Lapsed& lapsed) {
    if (in_call(lapsed.aor))
      audit_terminal(lapsed.aor, place_of(lapsed.contact, lapsed.source, lapsed.has_path), lapsed.user_agent, now, outbox);
  });
}

void BranchDevice::State::lose_flow(FlowId flow, Instant now, Outbox& outbox) {
  if (calls.size() == 0 && calls_elsewhere.empty()) return location.flow_closed(flow, outbox);
  location.flow_closed(flow, outbox, [&](location::Lapsed& lapsed) {
    if (!in_call(lapsed.aor)) return;
    if (lost_flows.size() == most_lost_flows) lost_flows.pop_front();
    lost_flows.push_back({std::move(lapsed), now + flow_remembered});
  });
}

void BranchDevice::State::audit_newcomer(const sip::Message& request, const Packet& packet, std::string_view aor, Instant now,
                                         Outbox& outbox) {
  if (!in_call(aor)) return;
  const auto contact = sip::Contact::parse(sip::split_element(request.value(sip::Header::contact)).first);
  if (!contact || contact->star) return;
  calls::Suspect suspect;
  suspect.aor = Text{aor};
  suspect.places.push_back(place_of(contact->address.uri_text, packet.remote, request.has(sip::Header::path)));
  suspect.user_agent = Text{request.value(sip::Header::user_agent).substr(0, location::user_agent_max)};
  suspect.why = calls::Suspect::Why::lapsed;
  // RFC 5626 §6: with its flow a binding went; the phone has another contact now.
  std::erase_if(lost_flows, [&](const LostFlow& one) {
    const bool is_this = one.lapsed.aor == aor && one.lapsed.instance == contact->instance;
    if (is_this) {
      suspect.places.push_back(place_of(one.lapsed.contact, one.lapsed.source, one.lapsed.has_path));
      suspect.new_contact = Text{contact->address.uri_text};
    }
    return is_this || one.until <= now;
  });
  release_calls(std::move(suspect), now, outbox);
}

void BranchDevice::State::audit_terminal(std::string_view aor, const calls::Suspect::Place& place, std::string_view user_agent, Instant now,
                                         Outbox& outbox) {
  calls::Suspect suspect;
  suspect.aor = Text{aor};
  suspect.places.push_back(place);
  suspect.user_agent = Text{user_agent};
  suspect.why = calls::Suspect::Why::lapsed;
  release_calls(std::move(suspect), now, outbox);
}

bool BranchDevice::State::is_terminal_here(const calls::Call& call, const calls::Dialog& dialog, calls::Side side) const {
  // X-08: who is at the central site, or a gateway of the other world, is not ours to ask.
  const auto uri = sip::Uri::parse(call.target(side, dialog));
  const auto address = uri ? Address::parse(uri->host) : std::nullopt;
  const Endpoint& at = call.at(side, dialog).endpoint;
  return is_served(at) && !central.is_central(at) && !(address && central.is_central({*address, at.port})) &&
         call.party(side).ends_with("@" + settings.branch.domain);
}

void BranchDevice::State::audit_restored(Instant now) {
  Instant at = now + calls::Release::first_audit;
  calls.for_each([&](calls::CallId id, const calls::Call& call) {
    for (const calls::Dialog& dialog : call.dialogs)
      for (const calls::Side side : {calls::Side::caller, calls::Side::callee})
        if (is_terminal_here(call, dialog, side)) release.audit(id, dialog.callee_tag, side, at += calls::Release::between_questions);
  });
}

std::string_view BranchDevice::State::terminal_at(const sip::Message& message, Instant now) const {
  const auto contact = sip::NameAddr::parse(message.value(sip::Header::contact), "Contact");
  const location::Binding* const binding = contact && contact->uri.is_sip() ? location.find_contact(contact->uri, now) : nullptr;
  return binding != nullptr ? binding->aor() : std::string_view{};
}

void BranchDevice::State::expire_releases(Instant now, Outbox& outbox) {
  release.expire(calls, layer, now, outbox);
  run_errands(now, outbox);
}

void BranchDevice::State::note_life(std::string_view call_id, std::string_view tag, std::string_view other_tag, Instant now,
                                    Outbox& outbox) {
  if (!release.is_idle()) release.heard(call_id, tag, other_tag, calls, layer, now, outbox);
}

void BranchDevice::State::run_errands(Instant now, Outbox& outbox) {
  for (const calls::Errand& errand : release.take_errands()) {
    const proxy::ContextId search{errand.search.index, errand.search.generation};
    switch (errand.kind) {
      case calls::Errand::Kind::probe: send_probe(errand, now, outbox); break;
      case calls::Errand::Kind::bye: send_in_dialog(errand.request, {}, now, outbox); break;
      case calls::Errand::Kind::cancel:
        proxy.cancel(search, "Reason: " + Text{calls::restarted_reason} + "\r\n", layer, now, outbox);
        break;
      case calls::Errand::Kind::drop_target: keep_books(proxy.drop_target(search, errand.contact, layer, now, outbox), now, outbox); break;
    }
  }
  for (const calls::Concluded& concluded : release.take_concluded()) {
    const auto origin = static_cast<WorkerNumber>(concluded.number & 0xffU);
    if (origin == team.number)
      note_concluded(concluded, now, outbox);
    else
      outbox.tell(origin, std::make_shared<News>(ConcludedNews{concluded}));
  }
}

void BranchDevice::State::note_concluded(const calls::Concluded& concluded, Instant now, Outbox& outbox) {
  const auto restart = std::ranges::find(restarts, concluded.number, &RestartReport::number);
  if (restart == restarts.end()) return;
  restart->released += concluded.released;
  restart->kept += concluded.kept;
  if (restart->undecided == 0) return;
  --restart->undecided;
  if (restart->undecided > 0) return;
  if (restart->kept == 0) pushes.ask_restarted(restart->aor, restart->device, now, outbox);
  ++(restart->released > 0 ? counters.restarts_released : counters.restarts_harmless);
}

void BranchDevice::State::send_probe(const calls::Errand& errand, Instant now, Outbox& outbox) {
  if (errand.is_repeated) {
    const auto uri = sip::Uri::parse(errand.request.request_uri);
    if (uri && location.find_contact(*uri, now) != nullptr) return release.put_off(errand.check, now);
  }
  const transaction::Owner owner{transaction::Owner::Kind::release, errand.check.index, errand.check.generation, errand.place};
  release.sent(errand, send_in_dialog(errand.request, owner, now, outbox));
}

Text BranchDevice::State::routes_from_us(std::string_view routes) const {
  for (std::string_view rest = routes; !rest.empty();) {
    const sip::Element element = sip::split_element(rest);
    if (const auto route = sip::NameAddr::parse(element.first, "Record-Route"); route && identity.is_ours(route->uri)) return Text{rest};
    rest = element.more ? element.rest : std::string_view{};
  }
  return Text{routes};
}

transaction::TransactionId BranchDevice::State::send_in_dialog(const calls::InDialogRequest& request, transaction::Owner owner, Instant now,
                                                               Outbox& outbox) {
  Text bytes;
  bytes.append(request.method).append(" ").append(request.request_uri).append(" SIP/2.0\r\n");
  if (const Text routes = routes_from_us(request.routes); !routes.empty()) bytes.append("Route: ").append(routes).append("\r\n");
  bytes.append(request.headers).append("Max-Forwards: 71\r\nContent-Length: 0\r\n\r\n");
  const auto message = sip::Message::parse(bytes);
  if (!message) return {};
  const auto way = proxy.preprocess(*message);
  if (!way) return {};
  auto hops = find_way(*message, Packet{}, *way, now).hops;
  // What names a terminal of ours that is not registered is not the central site's to answer.
  const auto uri = sip::Uri::parse(way->request_uri());
  if (way->next_route.empty() && uri && identity.is_ours(*uri))
    std::erase_if(hops, [&](const proxy::Hop& hop) { return central.is_central(hop.destination.remote); });
  // RST-11: a strange host may have registered with the terminal's own contact, to be asked in its place.
  if (request.trusts_no_binding && way->next_route.empty()) hops.clear();
  // A name that nobody has looked up, or a phone whose registration is over.
  if (const auto last = hops.empty() ? proxy::hop_through(identity.listeners, {request.last_seen}) : std::nullopt) hops = {*last};
  if (proxy::is_sips(way->request_uri())) hops = proxy::secure_hops(hops);
  if (hops.empty()) return {};
  return proxy.send(*message, *way, hops.front(), owner, layer, now, outbox);
}

std::vector<RestartReport> BranchDevice::State::restart_reports(std::string_view aor) const {
  std::vector<RestartReport> rows;
  for (auto restart = restarts.rbegin(); restart != restarts.rend(); ++restart)
    if (aor.empty() || restart->aor == aor) rows.push_back(*restart);
  return rows;
}

}  // namespace ringhold::branch_device
