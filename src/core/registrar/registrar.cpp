#include "registrar/registrar.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "registrar/request.hpp"
#include "sip/builder.hpp"

namespace ringhold::registrar {

namespace {

using location::Binding;
using location::BindingId;
using location::LocationService;

constexpr std::string_view gruu_key = "gruu_key";

std::uint32_t branch_hash(const sip::Message& request) {
  const auto& via = request.top_via();
  const auto hash = via ? static_cast<std::uint32_t>(quick_hash(via->branch)) : 0U;
  return hash == 0 ? 1 : hash;
}

/// §10.3 step 7: which binding a Contact means, by URI comparison. RFC 5626 §6: a flow's by instance and reg-id.
BindingId find_meant(const location::BindingIds& ids, const Demand::Contact& asked, bool outbound, const LocationService& location) {
  const sip::Contact& contact = asked.contact;
  if (outbound && asked.is_flow()) {
    for (const BindingId id : ids) {
      const Binding& binding = *location.get(id);
      if (binding.reach == location::Reach::flow && binding.instance() == contact.instance && binding.reg_id == *contact.reg_id) return id;
    }
  }
  for (const BindingId id : ids) {
    const Binding& binding = *location.get(id);
    // Other flows may have the same Contact URI: they are other bindings.
    if (outbound && asked.is_flow() && binding.reach == location::Reach::flow) continue;
    if (binding.contact() == contact.address.uri_text) return id;
    const auto existing = sip::Uri::parse(binding.contact());
    if (existing && sip::equivalent(*existing, contact.address.uri)) return id;
  }
  return {};
}

void append_path(Text& out, const sip::Message& request) {
  request.for_each_value(sip::Header::path, [&](std::string_view value, const sip::HeaderLine&) {
    out.append(out.empty() ? "" : ", ").append(value);
    return true;
  });
}

std::optional<Secret> parse_secret(std::string_view text) {
  const auto half = text.size() / 2;
  const auto first = parse_number<std::uint64_t>(text.substr(0, half), INT64_MAX);
  const auto second = parse_number<std::uint64_t>(text.substr(half), INT64_MAX);
  if (!first || !second) return std::nullopt;
  return Secret{*first, *second};
}

/// 62 random bits: nineteen digits at most, and the same number of them always.
std::uint64_t key_half(Random& random) { return 1'000'000'000'000'000'000U + random.next() % 8'000'000'000'000'000'000U; }

}  // namespace

Registrar::Registrar(const Settings& settings, Random& random)
    : settings_{settings},
      random_{random},
      tags_{random.next(), random.next()},
      gruu_secret_{key_half(random), key_half(random)},
      gruu_{settings.domain, gruu_secret_} {}

void Registrar::restore(const Row& row) {
  if (row.table != Table::setting || row.columns.size() < 2) return;
  const Text* key = std::get_if<Text>(&row.columns[0]);
  const Text* value = std::get_if<Text>(&row.columns[1]);
  if (key == nullptr || value == nullptr || *key != gruu_key) return;
  if (const auto secret = parse_secret(*value)) {
    gruu_secret_ = *secret;
    gruu_secret_kept_ = true;
    gruu_ = Gruu{settings_.domain, gruu_secret_};
  }
}

void Registrar::start(Outbox& outbox) {
  if (gruu_secret_kept_) return;
  gruu_secret_kept_ = true;
  const Text value = std::to_string(gruu_secret_.first) + std::to_string(gruu_secret_.second);
  outbox.change({Table::setting, Text{gruu_key}, {Text{gruu_key}, value}});
}

Text Registrar::device_of(const sip::Message& request, std::string_view aor, const Packet& packet) {
  Text device;
  request.for_each_value(sip::Header::contact, [&](std::string_view value, const sip::HeaderLine&) {
    const auto contact = sip::Contact::parse(value);
    if (contact && !contact->star)
      device = location::device_key({aor, contact->instance, contact->reg_id.value_or(0), location::contact_user(contact->address.uri),
                                     packet.remote.address, request.value(sip::Header::user_agent)});
    return device.empty();
  });
  return device;
}

bool Registrar::was_granted(const sip::Message& request, std::string_view aor, const LocationService& location, Instant now) {
  const auto ids = location.ids(aor, now);
  return std::ranges::any_of(ids, [&](BindingId id) {
    const Binding& binding = *location.get(id);
    return binding.cseq == request.cseq()->number && binding.request_hash == branch_hash(request) && binding.call_id() == request.call_id();
  });
}

bool Registrar::is_out_of_order(const Request& request, const Binding& binding, Plan& plan) const {
  // §10.3 step 7: with the same Call-ID the CSeq must be higher, else the REGISTER came out of order. The branch is not on
  // disk: after a restart of ours the same CSeq is taken for a retransmission, because the answer may have been lost with us.
  if (binding.call_id() != request.call_id || request.cseq > binding.cseq) return false;
  if (request.cseq == binding.cseq && (binding.request_hash == request.branch_hash || binding.request_hash == 0)) {
    plan.retransmission = true;
    return false;
  }
  return true;
}

std::optional<Refusal> Registrar::plan_contact(const Request& request, const Demand::Contact& asked, const LocationService& location,
                                               Plan& plan) const {
  const sip::Contact& contact = asked.contact;
  const sip::Uri& uri = contact.address.uri;
  // RFC 5627 §5.1: a GRUU leads to the contact; it cannot be the contact.
  if (uri.parameters.has("gr") && equal_ignoring_case(uri.host, settings_.domain)) return Refusal{403, "Contact is a GRUU", {}};
  const Planned step{&asked, find_meant(plan.live, asked, request.demand.outbound, location),
                     location::DeviceTraits{request.aor, contact.instance, contact.reg_id.value_or(0), location::contact_user(uri),
                                            request.packet.remote.address, request.kept_user_agent()}};
  if (step.existing && is_out_of_order(request, *location.get(step.existing), plan))
    return Refusal{500, "CSeq is not higher than before", {}};
  // Step 7 takes the Contacts in order, so of two that are equal the later one holds.
  const auto is_same = [&](const Planned& other) {
    if (step.existing || other.existing) return step.existing == other.existing;
    if (request.demand.outbound && asked.is_flow() && other.asked->is_flow()) return other.device == step.device;
    return sip::equivalent(other.asked->contact.address.uri, uri);
  };
  const auto earlier = std::ranges::find_if(plan.steps, is_same);
  if (earlier == plan.steps.end())
    plan.steps.push_back(step);
  else
    *earlier = step;
  return std::nullopt;
}

std::optional<Refusal> Registrar::make_plan(const Request& request, const LocationService& location, Plan& plan) const {
  plan.live = location.ids(request.aor, request.now);
  if (request.demand.remove_all) {
    for (const BindingId id : plan.live) {
      const Binding& binding = *location.get(id);
      if (is_out_of_order(request, binding, plan)) return Refusal{500, "CSeq is not higher than before", {}};
      plan.steps.push_back({nullptr, id, location::traits_of(binding)});
    }
    return std::nullopt;
  }
  std::size_t path_size = 0;
  request.message.for_each_value(sip::Header::path, [&](std::string_view value, const sip::HeaderLine&) {
    path_size += value.size() + 2;
    return true;
  });
  for (const Demand::Contact& asked : request.demand.contacts) {
    const sip::NameAddr& address = asked.contact.address;
    if (request.aor.size() + address.uri_text.size() + address.parameters.text().size() + request.call_id.size() + path_size >
        location::binding_text_max)
      return Refusal{400, "Contact, Path and Call-ID are too long", {}};
    if (auto refusal = plan_contact(request, asked, location, plan)) return refusal;
  }
  return std::nullopt;
}

bool Registrar::has_socket_of(const Planned& step, const Binding& binding) {
  if (step.asked == nullptr || !step.device.instance.empty() || !binding.instance().empty()) return false;
  if (step.device.source != binding.source.address || step.device.user_agent != binding.user_agent()) return false;
  const sip::Uri& uri = step.asked->contact.address.uri;
  const auto before = sip::Uri::parse(binding.contact());
  return uri.is_sip() && before && before->is_sip() && uri.port == before->port && equal_ignoring_case(uri.host, before->host);
}

Duration Registrar::grant_for(std::uint32_t asked, Grant grant) {
  const Duration most = grant == Grant::survivable ? settings_.survivable_expires : settings_.normal_expires;
  // R5: drawn downwards in the outage so that phones do not come back in step; never under the minimum, never above the wish.
  const Duration drawn = grant == Grant::survivable ? std::max(settings_.min_expires, random_.between(most - most / 5, most)) : most;
  const Duration wish = std::chrono::seconds{asked};
  return std::chrono::floor<std::chrono::seconds>(std::min(wish, drawn));
}

void Registrar::end_earlier_cycles(const Request& request, const Plan& plan, LocationService& location, Outbox& outbox,
                                   Decision& decision) const {
  const auto& steps = plan.steps;
  const auto is_from_sender = [&](const Binding& binding) {
    return binding.source.address == request.packet.remote.address && binding.user_agent() == request.kept_user_agent();
  };
  for (const BindingId id : plan.live) {
    const Binding& binding = *location.get(id);
    if (binding.call_id() == request.call_id) continue;
    const location::DeviceTraits device = location::traits_of(binding);
    auto step = std::ranges::find_if(steps, [&](const Planned& other) { return other.device == device; });
    if (step == steps.end()) step = std::ranges::find_if(steps, [&](const Planned& other) { return has_socket_of(other, binding); });
    if (step == steps.end()) continue;
    // RST-12: `*` names nobody; of the devices that it takes away only the sender is known to have been restarted.
    if (step->asked == nullptr && !is_from_sender(binding)) continue;
    note_restart(request, binding, step->removes() ? nullptr : &step->asked->contact, outbox, decision);
    // R2: a rebooted device's new contact replaces its old ones.
    const bool is_named = std::ranges::any_of(steps, [&](const Planned& other) { return other.existing == id; });
    if (is_named || step->removes()) continue;
    outbox.note({"binding_replaced", {{"aor", request.aor}, {"contact", binding.contact()}}});
    location.remove(id, location::Happened::unregistered, outbox);
  }
}

void Registrar::note_restart(const Request& request, const Binding& binding, const sip::Contact* contact, Outbox& outbox,
                             Decision& decision) {
  const Text device = location::device_key(location::traits_of(binding));
  auto restart = std::ranges::find(decision.restarts, device, &Restart::device);
  const bool is_first = restart == decision.restarts.end();
  if (is_first) {
    restart = decision.restarts.emplace(decision.restarts.end());
    restart->device = device;
    restart->now.source = request.packet.remote;
    if (contact != nullptr) restart->now.contact = Text{contact->address.uri_text};
    restart->call_id_before = Text{binding.call_id()};
    restart->cseq_before = binding.cseq;
    restart->registered_at = binding.registered_at;
    restart->other_contact = contact != nullptr;
  }
  restart->before.push_back({Text{binding.contact()}, binding.source, !binding.path().empty()});
  restart->other_address = restart->other_address || binding.source.address != request.packet.remote.address;
  if (const auto before = sip::Uri::parse(binding.contact());
      contact != nullptr && before && before->host == contact->address.uri.host && before->port == contact->address.uri.port)
    restart->other_contact = false;
  if (!is_first) return;
  outbox.note({"restart_detected",
               {{"aor", request.aor},
                {"device", device},
                {"call_id", request.call_id},
                {"call_id_before", restart->call_id_before},
                {"cseq", request.cseq},
                {"cseq_before", restart->cseq_before},
                {"source", request.packet.remote.text()},
                {"source_before", binding.source.text()},
                {"registered_s", seconds_ceil(request.now - binding.registered_at)}}});
}

void Registrar::take_away(const Request& request, BindingId id, LocationService& location, Outbox& outbox, Decision& decision) const {
  const Binding* binding = location.get(id);
  if (binding == nullptr) return;
  outbox.note({"binding_removed", {{"aor", request.aor}, {"contact", binding->contact()}}});
  location.remove(id, location::Happened::unregistered, outbox);
  decision.removed = true;
}

void Registrar::apply(const Request& request, const Planned& step, LocationService& location, Outbox& outbox, Decision& decision) {
  if (step.removes()) return take_away(request, step.existing, location, outbox, decision);
  const sip::Contact& contact = step.asked->contact;
  const bool by_flow = request.demand.outbound && step.asked->is_flow();
  texts_.clear();
  append_path(texts_, request.message);
  const std::size_t path_size = texts_.size();
  append_kept_parameters(texts_, contact.address.parameters);
  const std::string_view texts = texts_;
  const location::Registration registration{.aor = request.aor,
                                            .contact = contact.address.uri_text,
                                            .parameters = texts.substr(path_size),
                                            .call_id = request.call_id,
                                            .path = texts.substr(0, path_size),
                                            .user_agent = request.user_agent,
                                            .cseq = request.cseq,
                                            .reg_id = contact.reg_id.value_or(0),
                                            .q = contact.q,
                                            .expires_at = request.now + grant_for(step.asked->expires, request.grant),
                                            .registered_at = request.now,
                                            .reach = by_flow ? location::Reach::flow : location::Reach::contact,
                                            .transport = request.packet.transport,
                                            .flow = request.packet.flow,
                                            .local = request.packet.local,
                                            .source = request.packet.remote,
                                            .request_hash = request.branch_hash};
  if (const Binding* existing = location.get(step.existing)) {
    const auto before = existing->contact() == registration.contact ? std::nullopt : std::optional{sip::Uri::parse(existing->contact())};
    const bool same_contact = !before || (before->has_value() && sip::equivalent(**before, contact.address.uri));
    if (same_contact && existing->reg_id == registration.reg_id) return location.update(step.existing, registration, outbox);
    // RFC 5626 §6: a flow that is set up again replaces itself.
    outbox.note({"binding_replaced", {{"aor", request.aor}, {"contact", existing->contact()}}});
    location.remove(step.existing, location::Happened::unregistered, outbox);
  }
  outbox.note(
      {"binding_added",
       {{"aor", request.aor}, {"contact", registration.contact}, {"expires", seconds_ceil(registration.expires_at - request.now)}}});
  decision.added = location.add(registration, outbox) || decision.added;
}

void Registrar::keep_within_limit(const Request& request, LocationService& location, Outbox& outbox) const {
  auto ids = location.ids(request.aor, request.now);
  while (ids.size() > settings_.contacts_per_aor) {
    const auto oldest = std::ranges::min_element(
        ids, {}, [&](BindingId id) { return std::pair{location.get(id)->registered_at, location.get(id)->expires_at}; });
    outbox.note({"binding_dropped",
                 {{"aor", request.aor}, {"contact", location.get(*oldest)->contact()}, {"limit", settings_.contacts_per_aor}},
                 Severity::warning});
    location.remove(*oldest, location::Happened::rejected, outbox);
    ids.erase(oldest);
  }
}

Decision Registrar::on_register(const sip::Message& message, const Packet& packet, std::string_view aor, Grant grant,
                                LocationService& location, Instant now, Outbox& outbox) {
  Request request{message,
                  packet,
                  aor,
                  grant,
                  now,
                  message.call_id(),
                  message.cseq()->number,
                  branch_hash(message),
                  message.value(sip::Header::user_agent),
                  {}};
  const auto refused = [&](const Refusal& refusal) {
    refuse(message, packet, refusal, outbox);
    return Decision{.status = refusal.status};
  };
  const auto longest = grant == Grant::survivable ? settings_.survivable_expires : settings_.normal_expires;
  if (const auto refusal = read_demand(message, seconds_ceil(longest), seconds_ceil(settings_.min_expires), request.demand))
    return refused(*refusal);
  Plan plan;
  if (const auto refusal = make_plan(request, location, plan)) return refused(*refusal);
  const auto added =
      static_cast<std::size_t>(std::ranges::count_if(plan.steps, [](const Planned& step) { return !step.existing && !step.removes(); }));
  // R7: a Retry-After of its own for each phone, so that they do not come back together.
  if (added > 0 && location.size() + added > location.capacity())
    return refused({503, "Too many bindings", "Retry-After: " + std::to_string(30 + random_.below(60)) + "\r\n"});
  Decision decision;
  if (!plan.retransmission) {
    end_earlier_cycles(request, plan, location, outbox, decision);
    for (const Planned& step : plan.steps) apply(request, step, location, outbox, decision);
    if (decision.added) keep_within_limit(request, location, outbox);
  }
  answer(request, location, outbox);
  return decision;
}

}  // namespace ringhold::registrar
