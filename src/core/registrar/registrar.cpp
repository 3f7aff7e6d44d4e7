#include "registrar/registrar.hpp"

#include <algorithm>
#include <ctime>

#include "location/device.hpp"
#include "sip/builder.hpp"

namespace ringhold::registrar {

namespace {

using location::Binding;
using location::BindingId;
using location::LocationService;

std::uint64_t branch_hash(const sip::Message& request) {
  const auto via = request.top_via();
  return via ? std::hash<std::string_view>{}(via->branch) : 0;
}

/// §10.3 step 7: which existing binding a Contact means, by URI comparison.
BindingId find_equivalent(const std::vector<BindingId>& ids, const sip::Uri& contact, LocationService& location) {
  for (const BindingId id : ids) {
    const auto existing = sip::Uri::parse(location.get(id)->contact);
    if (existing && sip::equivalent(*existing, contact)) return id;
  }
  return {};
}

Text joined_path(const sip::Message& request) {
  Text path;
  request.for_each_value(sip::Header::path, [&](std::string_view value, const sip::HeaderLine&) {
    if (!path.empty()) path += ", ";
    path += value;
    return true;
  });
  return path;
}

/// RFC 3261 §20.17: the SIP-date of a moment.
Text date_line(Instant now) {
  const std::time_t seconds = to_unix_ms(now) / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  char line[64];
  const int size = std::snprintf(line, sizeof line, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", days[parts.tm_wday], parts.tm_mday,
                                 months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return Text(line, static_cast<std::size_t>(size));
}

}  // namespace

Registrar::Registrar(const Settings& settings, Random& random) : settings_{settings}, random_{random}, secret_{random.next()} {}

Text Registrar::device_of(const sip::Message& request, std::string_view aor, const Packet& packet) {
  Text device;
  request.for_each_value(sip::Header::contact, [&](std::string_view value, const sip::HeaderLine&) {
    const auto contact = sip::Contact::parse(value);
    if (contact && !contact->star)
      device = location::device_key({aor, contact->instance, contact->reg_id, contact->address.uri.user, packet.remote.address,
                                     request.value(sip::Header::user_agent)});
    return device.empty();
  });
  return device;
}

Text Registrar::to_tag(const sip::Message& request) const {
  // §8.2.7: the same for a retransmission, without keeping anything.
  std::uint64_t hash = secret_ ^ std::hash<std::string_view>{}(request.call_id());
  hash = hash * 0x9e3779b97f4a7c15U ^ branch_hash(request);
  hash = hash * 0x9e3779b97f4a7c15U ^ std::hash<std::string_view>{}(request.from_tag());
  return Text{Decimal{hash}.text()};
}

void Registrar::refuse(const sip::Message& request, const Packet& packet, const Refusal& refusal, Outbox& outbox) const {
  const auto begin = outbox.bytes().size();
  sip::append_response(outbox.bytes(), request, packet.remote, refusal.status, refusal.reason, to_tag(request), refusal.headers);
  outbox.sent(begin, sip::response_destination(request, packet));
}

std::variant<std::vector<Registrar::Planned>, Refusal> Registrar::plan(const Demand& demand, const sip::Message& request,
                                                                       const Packet& packet, std::string_view aor,
                                                                       const LocationService& location, Instant now,
                                                                       bool& retransmission) const {
  auto& bindings = const_cast<LocationService&>(location);
  const auto ids = location.ids(aor, now);
  const std::uint32_t cseq = request.cseq()->number;
  const std::uint64_t branch = branch_hash(request);
  // §10.3 step 7: with the same Call-ID the CSeq must be higher, else the REGISTER came out of order.
  const auto is_stale = [&](const Binding& binding) {
    if (binding.call_id != request.call_id() || cseq > binding.cseq) return false;
    if (cseq == binding.cseq && branch == binding.request_hash) {
      retransmission = true;
      return false;
    }
    return true;
  };
  Refusal out_of_order{500, "CSeq is not higher than before", {}};
  std::vector<Planned> planned;
  if (demand.remove_all) {
    for (const BindingId id : ids) {
      if (is_stale(*bindings.get(id))) return out_of_order;
      planned.push_back({{}, id, bindings.get(id)->device});
    }
    return planned;
  }
  for (const Demand::Contact& asked : demand.contacts) {
    const sip::Contact& contact = asked.contact;
    if (!contact.address.uri.is_sip()) return Refusal{400, "Contact is not a SIP URI", {}};
    Planned one{asked, find_equivalent(ids, contact.address.uri, bindings),
                location::device_key({aor, contact.instance, contact.reg_id, contact.address.uri.user, packet.remote.address,
                                      request.value(sip::Header::user_agent)})};
    if (one.existing && is_stale(*bindings.get(one.existing))) return out_of_order;
    planned.push_back(std::move(one));
  }
  return planned;
}

Duration Registrar::grant_for(std::uint32_t asked, Grant grant) {
  const Duration most = grant == Grant::survivable ? settings_.survivable_expires : settings_.normal_expires;
  // R5: drawn downwards in the outage so that phones do not come back in step; never under the minimum, never above the wish.
  const Duration drawn = grant == Grant::survivable ? std::max(settings_.min_expires, random_.between(most - most / 5, most)) : most;
  const Duration wish = std::chrono::seconds{asked};
  return std::chrono::floor<std::chrono::seconds>(std::min(wish, drawn));
}

void Registrar::apply(const Planned& planned, const sip::Message& request, const Packet& packet, std::string_view aor, Grant grant,
                      LocationService& location, Instant now, Outbox& outbox, Decision& decision) {
  const sip::Contact& contact = planned.asked.contact;
  Binding* existing = location.get(planned.existing);
  if (planned.asked.expires == 0) {
    if (existing == nullptr) return;
    outbox.note({"binding_removed", {{"aor", aor}, {"contact", existing->contact}}});
    location.remove(planned.existing, outbox);
    decision.removed = true;
    return;
  }
  const auto call_id = request.call_id();
  const Instant expires_at = now + grant_for(planned.asked.expires, grant);
  // A device that comes with another Contact was rebooted or moved: its new contact replaces the old one (R2).
  BindingId replaced;
  Instant registered_at = now;
  for (const BindingId id : location.ids(aor, now)) {
    const Binding& other = *location.get(id);
    if (other.device != planned.device) continue;
    if (other.call_id != call_id) decision.restarted = true;
    if (id != planned.existing && other.call_id != call_id) replaced = id;
  }
  if (decision.restarted)
    outbox.note({"restart_detected", {{"aor", aor}, {"device", planned.device}, {"call_id", call_id}}, Severity::info});
  if (existing != nullptr) {
    registered_at = existing->registered_at;
    existing->call_id = call_id;
    existing->cseq = request.cseq()->number;
    existing->q = contact.q;
    existing->expires_at = expires_at;
    existing->path = joined_path(request);
    existing->transport = packet.transport;
    existing->flow = packet.flow;
    existing->local = packet.local;
    existing->source = packet.remote;
    existing->device = planned.device;
    existing->user_agent = Text{request.value(sip::Header::user_agent)};
    existing->request_hash = branch_hash(request);
    location.touched(planned.existing, outbox);
    if (replaced) location.remove(replaced, outbox);
    return;
  }
  if (replaced) {
    outbox.note({"binding_replaced", {{"aor", aor}, {"contact", location.get(replaced)->contact}}});
    location.remove(replaced, outbox);
  }
  Binding binding{.aor = Text{aor},
                  .contact = Text{contact.address.uri_text},
                  .device = planned.device,
                  .call_id = Text{call_id},
                  .cseq = request.cseq()->number,
                  .q = contact.q,
                  .expires_at = expires_at,
                  .registered_at = registered_at,
                  .path = joined_path(request),
                  .transport = packet.transport,
                  .flow = packet.flow,
                  .local = packet.local,
                  .source = packet.remote,
                  .user_agent = Text{request.value(sip::Header::user_agent)},
                  .due_at = {},
                  .request_hash = branch_hash(request)};
  outbox.note({"binding_added", {{"aor", aor}, {"contact", binding.contact}, {"expires", seconds_ceil(expires_at - now)}}});
  decision.added = location.add(std::move(binding), outbox) || decision.added;
}

void Registrar::keep_within_limit(std::string_view aor, LocationService& location, Instant now, Outbox& outbox) {
  auto ids = location.ids(aor, now);
  while (ids.size() > settings_.contacts_per_aor) {
    const auto oldest = std::ranges::min_element(
        ids, {}, [&](BindingId id) { return std::pair{location.get(id)->registered_at, location.get(id)->expires_at}; });
    outbox.note({"binding_dropped",
                 {{"aor", aor}, {"contact", location.get(*oldest)->contact}, {"limit", settings_.contacts_per_aor}},
                 Severity::warning});
    location.remove(*oldest, outbox);
    ids.erase(oldest);
  }
}

Decision Registrar::on_register(const sip::Message& request, const Packet& packet, std::string_view aor, Grant grant,
                                LocationService& location, Instant now, Outbox& outbox) {
  const auto refused = [&](const Refusal& refusal) {
    refuse(request, packet, refusal, outbox);
    return Decision{.status = refusal.status};
  };
  const auto longest = grant == Grant::survivable ? settings_.survivable_expires : settings_.normal_expires;
  const auto demand = read_demand(request, seconds_ceil(longest), seconds_ceil(settings_.min_expires));
  if (const auto* refusal = std::get_if<Refusal>(&demand)) return refused(*refusal);
  bool retransmission = false;
  const auto planned = plan(std::get<Demand>(demand), request, packet, aor, location, now, retransmission);
  if (const auto* refusal = std::get_if<Refusal>(&planned)) return refused(*refusal);
  const auto& steps = std::get<std::vector<Planned>>(planned);
  if (!steps.empty() && location.size() + steps.size() > location.capacity() && !steps.front().existing)
    return refused({503, "Too many bindings", "Retry-After: 60\r\n"});
  Decision decision;
  if (!retransmission) {
    for (const Planned& step : steps) apply(step, request, packet, aor, grant, location, now, outbox, decision);
    if (decision.added) keep_within_limit(aor, location, now, outbox);
  }
  answer(request, packet, aor, location, now, outbox);
  return decision;
}

void Registrar::answer(const sip::Message& request, const Packet& packet, std::string_view aor, const LocationService& location,
                       Instant now, Outbox& outbox) const {
  Text headers;
  for (const Binding* binding : location.find(aor, now)) {
    headers.append("Contact: <").append(binding->contact).append(">;expires=").append(Decimal{seconds_ceil(binding->expires_at - now)});
    if (binding->q != 1000) {
      char q[16];
      std::snprintf(q, sizeof q, ";q=0.%03u", static_cast<unsigned>(binding->q));
      headers += q;
    }
    headers += "\r\n";
  }
  request.for_each_value(sip::Header::path, [&](std::string_view value, const sip::HeaderLine&) {
    headers.append("Path: ").append(value).append("\r\n");
    return true;
  });
  headers += date_line(now);
  const auto begin = outbox.bytes().size();
  sip::append_response(outbox.bytes(), request, packet.remote, 200, {}, to_tag(request), headers);
  outbox.sent(begin, sip::response_destination(request, packet));
}

}  // namespace ringhold::registrar
