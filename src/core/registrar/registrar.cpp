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
  const auto& via = request.top_via();
  return via ? std::hash<std::string_view>{}(via->branch) : 0;
}

/// §10.3 step 7: which existing binding a Contact means, by URI comparison.
BindingId find_equivalent(const std::vector<BindingId>& ids, const sip::Uri& contact, const LocationService& location) {
  for (const BindingId id : ids) {
    const auto existing = sip::Uri::parse(location.get(id)->contact);
    if (existing && sip::equivalent(*existing, contact)) return id;
  }
  return {};
}

/// RFC 5626 §6: then AOR, instance and reg-id name the binding, whatever its Contact URI is.
bool is_flow(const sip::Contact& contact) { return contact.reg_id && !contact.instance.empty(); }

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

std::variant<Registrar::Plan, Refusal> Registrar::plan(const Demand& demand, const sip::Message& request, const Packet& packet,
                                                       std::string_view aor, const LocationService& location, Instant now) const {
  Plan plan{.live = location.ids(aor, now), .steps = {}};
  const std::uint32_t cseq = request.cseq()->number;
  const std::uint64_t branch = branch_hash(request);
  // §10.3 step 7: with the same Call-ID the CSeq must be higher, else the REGISTER came out of order. The branch is not on
  // disk: after a restart of ours the same CSeq is taken for a retransmission, because the answer may have been lost with us.
  const auto is_stale = [&](const Binding& binding) {
    if (binding.call_id != request.call_id() || cseq > binding.cseq) return false;
    if (cseq == binding.cseq && (binding.request_hash == branch || binding.request_hash == 0)) {
      plan.retransmission = true;
      return false;
    }
    return true;
  };
  Refusal out_of_order{500, "CSeq is not higher than before", {}};
  if (demand.remove_all) {
    for (const BindingId id : plan.live) {
      const Binding& binding = *location.get(id);
      if (is_stale(binding)) return out_of_order;
      plan.steps.push_back({{}, id, binding.device});
    }
    return plan;
  }
  for (const Demand::Contact& asked : demand.contacts) {
    const sip::Contact& contact = asked.contact;
    const sip::Uri& uri = contact.address.uri;
    if (!uri.is_sip()) return Refusal{400, "Contact is not a SIP URI", {}};
    Planned step{asked, find_equivalent(plan.live, uri, location),
                 location::device_key(
                     {aor, contact.instance, contact.reg_id, uri.user, packet.remote.address, request.value(sip::Header::user_agent)})};
    if (step.existing && is_stale(*location.get(step.existing))) return out_of_order;
    if (is_flow(contact))
      for (const BindingId id : plan.live)
        if (const Binding& binding = *location.get(id); binding.device == step.device && is_stale(binding)) return out_of_order;
    // Step 7 takes the Contacts in order, so of two that are equal the later one holds.
    const auto earlier =
        std::ranges::find_if(plan.steps, [&](const Planned& other) { return sip::equivalent(other.asked.contact.address.uri, uri); });
    if (earlier == plan.steps.end())
      plan.steps.push_back(std::move(step));
    else
      *earlier = std::move(step);
  }
  return plan;
}

Duration Registrar::grant_for(std::uint32_t asked, Grant grant) {
  const Duration most = grant == Grant::survivable ? settings_.survivable_expires : settings_.normal_expires;
  // R5: drawn downwards in the outage so that phones do not come back in step; never under the minimum, never above the wish.
  const Duration drawn = grant == Grant::survivable ? std::max(settings_.min_expires, random_.between(most - most / 5, most)) : most;
  const Duration wish = std::chrono::seconds{asked};
  return std::chrono::floor<std::chrono::seconds>(std::min(wish, drawn));
}

void Registrar::clear_earlier_cycle(const Plan& plan, const sip::Message& request, std::string_view aor, LocationService& location,
                                    Outbox& outbox, Decision& decision) {
  const auto& steps = plan.steps;
  for (auto step = steps.begin(); step != steps.end(); ++step) {
    if (step->asked.expires == 0) continue;
    const auto is_same_device = [&](const Planned& other) { return other.asked.expires > 0 && other.device == step->device; };
    if (std::find_if(steps.begin(), step, is_same_device) != step) continue;  // once for each device
    bool restarted = false;
    for (const BindingId id : plan.live) {
      const Binding* binding = location.get(id);
      if (binding == nullptr || binding->device != step->device) continue;
      const bool earlier_cycle = binding->call_id != request.call_id();
      restarted = restarted || earlier_cycle;
      const bool named = std::ranges::any_of(steps, [&](const Planned& other) { return other.existing == id; });
      // R2: a rebooted device's new contact replaces its old ones; RFC 5626 §6: a flow set up again replaces itself.
      if (named || !(earlier_cycle || is_flow(step->asked.contact))) continue;
      outbox.note({"binding_replaced", {{"aor", aor}, {"contact", binding->contact}}});
      location.remove(id, outbox);
    }
    if (!restarted) continue;
    decision.restarted = true;
    outbox.note({"restart_detected", {{"aor", aor}, {"device", step->device}, {"call_id", request.call_id()}}, Severity::info});
  }
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
  if (existing != nullptr) {
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
    return;
  }
  Binding binding{.aor = Text{aor},
                  .contact = Text{contact.address.uri_text},
                  .device = planned.device,
                  .call_id = Text{call_id},
                  .cseq = request.cseq()->number,
                  .q = contact.q,
                  .expires_at = expires_at,
                  .registered_at = now,
                  .path = joined_path(request),
                  .transport = packet.transport,
                  .flow = packet.flow,
                  .local = packet.local,
                  .source = packet.remote,
                  .user_agent = Text{request.value(sip::Header::user_agent)},
                  .due_at = {},
                  .listed_flow = {},
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
  const auto planned = plan(std::get<Demand>(demand), request, packet, aor, location, now);
  if (const auto* refusal = std::get_if<Refusal>(&planned)) return refused(*refusal);
  const Plan& plan = std::get<Plan>(planned);
  const auto added = static_cast<std::size_t>(
      std::ranges::count_if(plan.steps, [](const Planned& step) { return !step.existing && step.asked.expires > 0; }));
  // R7: a Retry-After of its own for each phone, so that they do not come back together.
  if (added > 0 && location.size() + added > location.capacity())
    return refused({503, "Too many bindings", "Retry-After: " + std::to_string(30 + random_.below(60)) + "\r\n"});
  Decision decision;
  if (!plan.retransmission) {
    clear_earlier_cycle(plan, request, aor, location, outbox, decision);
    for (const Planned& step : plan.steps) apply(step, request, packet, aor, grant, location, now, outbox, decision);
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
  // RFC 3327 §5.3 leaves it to us whether a phone that does not say `Supported: path` may have one: it may, it must be reachable.
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
