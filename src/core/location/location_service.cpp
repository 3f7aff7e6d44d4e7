#include "location/location_service.hpp"

#include <algorithm>
#include <cstring>

#include "location/journal.hpp"
#include "sip/uri.hpp"

namespace ringhold::location {

namespace {

std::uint32_t hash_of(std::string_view text) { return static_cast<std::uint32_t>(quick_hash(text)); }

/// User, host and port of a contact. One spelling for each host: a browser's contact has a name that nobody can look up
/// (RFC 7118 §5.2.5, "….invalid").
struct Place {
  std::string_view user;
  std::optional<Address> address;
  std::string_view host;
  std::uint16_t port = 0;

  /// Never zero.
  std::uint32_t hash() const {
    std::uint32_t hash = hash_of(user) * 31U + port;
    if (address)
      hash ^= static_cast<std::uint32_t>(EndpointHash{}(Endpoint{*address, {}}));
    else
      for (const char c : host) hash = (hash ^ static_cast<unsigned char>(to_lower(c))) * 16'777'619U;
    return std::max(hash, 1U);
  }
  friend bool operator==(const Place& a, const Place& b) {
    if (a.user != b.user || a.port != b.port || a.address != b.address) return false;
    return a.address || equal_ignoring_case(a.host, b.host);
  }
};

std::optional<Place> place_of(const sip::Uri& uri) {
  if (!uri.is_sip()) return std::nullopt;
  return Place{uri.user, Address::parse(uri.host), uri.host, uri.port.value_or(5060)};
}

std::optional<Place> place_of(const Binding& binding) {
  const auto uri = sip::Uri::parse(binding.contact());
  return uri ? place_of(*uri) : std::nullopt;
}

bool has_place(const Binding& binding, const Place& place) { return place_of(binding) == place; }

std::string_view kept_user_agent(const Registration& registration) { return registration.user_agent.substr(0, user_agent_max); }

bool same_origin(const Origin& origin, const Registration& registration) {
  return origin.transport == registration.transport && origin.local == registration.local &&
         origin.user_agent == kept_user_agent(registration);
}

void pack_texts(Binding& binding, const Registration& from) {
  const bool is_short = from.aor.size() <= Binding::short_aor_max;
  const std::string_view long_aor = is_short ? std::string_view{} : from.aor;
  auto texts = std::make_unique_for_overwrite<char[]>(from.text_size() - from.aor.size() + long_aor.size());
  std::uint16_t end = 0;
  std::size_t i = 0;
  for (const std::string_view part : {long_aor, from.contact, from.parameters, from.call_id, from.path}) {
    if (!part.empty()) std::memcpy(texts.get() + end, part.data(), part.size());
    end = static_cast<std::uint16_t>(end + part.size());
    binding.ends[i++] = end;
  }
  if (is_short && !from.aor.empty()) std::memmove(binding.short_aor.data(), from.aor.data(), from.aor.size());
  binding.short_aor_size = is_short ? static_cast<std::uint16_t>(from.aor.size()) : std::uint16_t{0};
  binding.texts = std::move(texts);  // only now: `from` may view the old ones
  const auto instance = sip::Parameters{binding.parameters()}.find("+sip.instance").value_or(std::string_view{});
  binding.instance_size = static_cast<std::uint16_t>(instance.size());
  binding.instance_at = instance.empty() ? std::uint16_t{0} : static_cast<std::uint16_t>(instance.data() - binding.texts.get());
}

bool has_texts_of(const Binding& binding, const Registration& registration) {
  return binding.call_id() == registration.call_id && binding.parameters() == registration.parameters &&
         binding.path() == registration.path;
}

void copy_values(Binding& binding, const Registration& from) {
  binding.cseq = from.cseq;
  binding.q = from.q;
  binding.expires_at = from.expires_at;
  binding.source = from.source;
  binding.request_hash = from.request_hash;
  binding.reg_id = from.reg_id;
  binding.reach = from.reach;
}

}  // namespace

std::size_t LocationService::OriginHash::operator()(const Registration& registration) const {
  return quick_hash(kept_user_agent(registration)) ^ EndpointHash {}(registration.local);
}

std::size_t LocationService::OriginHash::operator()(const std::unique_ptr<Origin>& origin) const {
  return quick_hash(origin->user_agent) ^ EndpointHash {}(origin->local);
}

bool LocationService::OriginEqual::operator()(const Registration& a, const std::unique_ptr<Origin>& b) const { return same_origin(*b, a); }

LocationService::LocationService(std::size_t capacity) : bindings_{capacity} {}

std::uint32_t LocationService::first_of(std::string_view aor) const {
  return by_aor_.find(hash_of(aor), [&](std::uint32_t index) { return bindings_.at(index).aor() == aor; });
}

BindingIds LocationService::ids(std::string_view aor, Instant now) const {
  BindingIds live;
  for (std::uint32_t i = first_of(aor); i != Binding::none; i = bindings_.at(i).next_of_aor)
    if (bindings_.at(i).expires_at > now) live.push_back(bindings_.id_at(i));
  return live;
}

Bindings LocationService::find(std::string_view aor, Instant now) const {
  Bindings live;
  for (std::uint32_t i = first_of(aor); i != Binding::none; i = bindings_.at(i).next_of_aor)
    if (bindings_.at(i).expires_at > now) live.push_back(&bindings_.at(i));
  if (live.size() > 1)
    // Stable: of several that came within one step the latest is listed first.
    std::ranges::stable_sort(
        live, [](const Binding* a, const Binding* b) { return a->q != b->q ? a->q > b->q : a->registered_at > b->registered_at; });
  return live;
}

const Binding* LocationService::find_contact(const sip::Uri& uri, Instant now) const {
  const auto place = place_of(uri);
  if (!place) return nullptr;
  std::uint32_t i = by_contact_.find(place->hash(), [&](std::uint32_t index) { return has_place(bindings_.at(index), *place); });
  for (; i != Binding::none; i = bindings_.at(i).next_of_contact)
    if (bindings_.at(i).expires_at > now) return &bindings_.at(i);
  return nullptr;
}

BindingId LocationService::insert(const Registration& registration) {
  const BindingId id = bindings_.insert();
  if (!id) return id;
  Binding& binding = bindings_.at(id.index);
  pack_texts(binding, registration);
  copy_values(binding, registration);
  binding.registered_at = registration.registered_at;
  take_origin(binding, registration);
  list_aor(id.index);
  list_contact(id.index);
  list_flow(id.index, is_reliable(registration.transport) ? registration.flow : FlowId{});
  binding.due_at = binding.expires_at;
  wheel_.add(binding.due_at, id);
  return id;
}

bool LocationService::add(const Registration& registration, Outbox& outbox) {
  // Both would have one row: the old one, expired but not swept yet, would later erase the row of the new one.
  for (std::uint32_t i = first_of(registration.aor); i != Binding::none; i = bindings_.at(i).next_of_aor)
    if (bindings_.at(i).contact() == registration.contact && bindings_.at(i).reg_id == registration.reg_id) {
      forget(bindings_.id_at(i));
      break;
    }
  const BindingId id = insert(registration);
  if (!id) return false;
  tell(id, Happened::registered);
  if (outbox.keeps_changes()) outbox.change(put(bindings_.at(id.index)));
  return true;
}

void LocationService::update(BindingId id, const Registration& registration, Outbox& outbox) {
  Binding& binding = *bindings_.find(id);
  const bool is_new_cycle = !watched_.empty() && binding.call_id() != registration.call_id;
  if (!has_texts_of(binding, registration)) {
    Registration texts = registration;
    texts.aor = binding.aor();
    texts.contact = binding.contact();
    pack_texts(binding, texts);
  }
  copy_values(binding, registration);
  if (!same_origin(*binding.origin, registration)) take_origin(binding, registration);
  const FlowId flow = is_reliable(registration.transport) ? registration.flow : FlowId{};
  if (flow != binding.flow) {
    unlist_flow(id.index);
    list_flow(id.index, flow);
  }
  // The entry at the old deadline puts itself back; only an earlier deadline needs an entry of its own.
  if (binding.expires_at < binding.due_at) {
    binding.due_at = binding.expires_at;
    wheel_.add(binding.due_at, id);
  }
  tell(id, Happened::refreshed, is_new_cycle);
  if (outbox.keeps_changes()) outbox.change(put(binding));
}

void LocationService::take_origin(Binding& binding, const Registration& registration) {
  if (binding.origin != nullptr) leave_origin(*binding.origin);
  auto found = origins_.find(registration);
  if (found == origins_.end())
    found =
        origins_
            .insert(std::make_unique<Origin>(Origin{registration.transport, registration.local, Text{kept_user_agent(registration)}, 0}))
            .first;
  ++(*found)->uses;
  binding.origin = found->get();
}

void LocationService::leave_origin(const Origin& origin) {
  Registration alike;
  alike.transport = origin.transport;
  alike.local = origin.local;
  alike.user_agent = origin.user_agent;
  const auto found = origins_.find(alike);
  if (--(*found)->uses == 0) origins_.erase(found);
}

void LocationService::list_aor(std::uint32_t index) {
  Binding& binding = bindings_.at(index);
  const std::uint32_t first = first_of(binding.aor());
  binding.next_of_aor = first;
  by_aor_.set(hash_of(binding.aor()), index, [&](std::uint32_t other) { return other == first; });
}

void LocationService::unlist_aor(std::uint32_t index) {
  const Binding& binding = bindings_.at(index);
  const auto hash = hash_of(binding.aor());
  std::uint32_t i = first_of(binding.aor());
  if (i == index) {
    const auto is_first = [&](std::uint32_t other) { return other == index; };
    if (binding.next_of_aor == Binding::none)
      by_aor_.erase(hash, is_first);
    else
      by_aor_.set(hash, binding.next_of_aor, is_first);
    return;
  }
  while (bindings_.at(i).next_of_aor != index) i = bindings_.at(i).next_of_aor;
  bindings_.at(i).next_of_aor = binding.next_of_aor;
}

void LocationService::list_contact(std::uint32_t index) {
  Binding& binding = bindings_.at(index);
  const auto place = place_of(binding);
  binding.contact_hash = place ? place->hash() : 0;
  if (!place) return;
  const std::uint32_t first =
      by_contact_.find(binding.contact_hash, [&](std::uint32_t other) { return has_place(bindings_.at(other), *place); });
  if (first == Binding::none) return by_contact_.set(binding.contact_hash, index, [](std::uint32_t) { return false; });
  Binding& head = bindings_.at(first);
  binding.previous_of_contact = first;
  binding.next_of_contact = head.next_of_contact;
  if (head.next_of_contact != Binding::none) bindings_.at(head.next_of_contact).previous_of_contact = index;
  head.next_of_contact = index;
}

void LocationService::unlist_contact(std::uint32_t index) {
  const Binding& binding = bindings_.at(index);
  if (binding.next_of_contact != Binding::none) bindings_.at(binding.next_of_contact).previous_of_contact = binding.previous_of_contact;
  if (binding.previous_of_contact != Binding::none) {
    bindings_.at(binding.previous_of_contact).next_of_contact = binding.next_of_contact;
    return;
  }
  if (binding.contact_hash == 0) return;
  const auto is_first = [&](std::uint32_t other) { return other == index; };
  if (binding.next_of_contact == Binding::none)
    by_contact_.erase(binding.contact_hash, is_first);
  else
    by_contact_.set(binding.contact_hash, binding.next_of_contact, is_first);
}

void LocationService::list_flow(std::uint32_t index, FlowId flow) {
  Binding& binding = bindings_.at(index);
  binding.flow = flow;
  binding.next_of_flow = binding.previous_of_flow = Binding::none;
  if (!flow) return;
  const auto [place, is_new] = by_flow_.try_emplace(flow.number, index);
  if (is_new) return;
  binding.next_of_flow = std::exchange(place->second, index);
  bindings_.at(binding.next_of_flow).previous_of_flow = index;
}

void LocationService::unlist_flow(std::uint32_t index) {
  Binding& binding = bindings_.at(index);
  if (!binding.flow) return;
  if (binding.next_of_flow != Binding::none) bindings_.at(binding.next_of_flow).previous_of_flow = binding.previous_of_flow;
  if (binding.previous_of_flow != Binding::none)
    bindings_.at(binding.previous_of_flow).next_of_flow = binding.next_of_flow;
  else if (binding.next_of_flow != Binding::none)
    by_flow_[binding.flow.number] = binding.next_of_flow;
  else
    by_flow_.erase(binding.flow.number);
  binding.flow = {};
}

void LocationService::forget(BindingId id) {
  unlist_aor(id.index);
  unlist_contact(id.index);
  unlist_flow(id.index);
  leave_origin(*bindings_.at(id.index).origin);
  bindings_.erase(id);
}

void LocationService::remove(BindingId id, Happened why, Outbox& outbox) {
  const Binding* binding = bindings_.find(id);
  if (binding == nullptr) return;
  tell(id, why);
  if (outbox.keeps_changes()) outbox.change(erase(*binding));
  forget(id);
}

BindingEvent event_of(BindingId id, const Binding& binding, Happened happened) {
  return {.happened = happened,
          .id = id,
          .aor = Text{binding.aor()},
          .contact = Text{binding.contact()},
          .parameters = Text{binding.parameters()},
          .call_id = Text{binding.call_id()},
          .cseq = binding.cseq,
          .q = binding.q,
          .expires_at = binding.expires_at,
          .registered_at = binding.registered_at};
}

void LocationService::tell(BindingId id, Happened happened, bool is_new_cycle) {
  if (watched_.empty()) return;
  const Binding& binding = bindings_.at(id.index);
  if (!watched_.contains(binding.aor())) return;
  events_.push_back(event_of(id, binding, happened));
  events_.back().is_new_cycle = is_new_cycle;
}

void LocationService::watch(std::string_view aor) { ++watched_[Text{aor}]; }

void LocationService::unwatch(std::string_view aor) {
  const auto found = watched_.find(aor);
  if (found != watched_.end() && --found->second == 0) watched_.erase(found);
}

void LocationService::restore(const Row& row, Instant now, Outbox& outbox) {
  const auto registration = from_row(row);
  if (registration && registration->expires_at > now) {
    insert(*registration);
    return;
  }
  if (!row.columns.empty())
    if (const auto* key = std::get_if<Text>(&row.columns[0])) outbox.change(Change{Table::binding, *key, {}});
}

void LocationService::flow_closed(FlowId flow, Outbox& outbox) {
  const auto found = by_flow_.find(flow.number);
  if (found == by_flow_.end()) return;
  std::uint32_t i = found->second;
  by_flow_.erase(found);
  while (i != Binding::none) {
    Binding& binding = bindings_.at(i);
    const BindingId id = bindings_.id_at(i);
    i = binding.next_of_flow;
    binding.flow = {};
    binding.next_of_flow = binding.previous_of_flow = Binding::none;
    if (binding.reach != Reach::flow) continue;
    note_lapsed(binding);
    outbox.note({"binding_flow_lost", {{"aor", binding.aor()}, {"contact", binding.contact()}}});
    remove(id, Happened::expired, outbox);
  }
}

void LocationService::note_lapsed(const Binding& binding) {
  if (!lapsing_) return;
  lapsed_.push_back({Text{binding.aor()}, Text{binding.contact()}, Text{binding.user_agent()}, Text{binding.instance()}, binding.source,
                     !binding.path().empty()});
}

void LocationService::expire(Instant now, Outbox& outbox) {
  wheel_.expire_groups(now, [&](std::span<const TimerWheel<BindingId>::Entry> due) {
    prefetch(due);
    for (const auto& entry : due) expire_one(entry.key, now, outbox);
  });
}

void LocationService::prefetch(std::span<const TimerWheel<BindingId>::Entry> due) const {
  for (const auto& entry : due) bindings_.prefetch(entry.key);
  for (const auto& entry : due) {
    const Binding* binding = bindings_.find(entry.key);
    if (binding == nullptr) continue;
    __builtin_prefetch(binding->texts.get());
    by_aor_.prefetch(hash_of(binding->aor()));
    by_contact_.prefetch(binding->contact_hash);
  }
}

void LocationService::expire_one(BindingId id, Instant now, Outbox& outbox) {
  Binding* binding = bindings_.find(id);
  if (binding == nullptr) return;
  if (binding->expires_at > now) {
    if (binding->due_at > now) return;  // an earlier entry of its own came and went
    binding->due_at = binding->expires_at;
    return wheel_.add(binding->due_at, id);
  }
  note_lapsed(*binding);
  outbox.note({"binding_expired", {{"aor", binding->aor()}, {"contact", binding->contact()}}, Severity::info});
  remove(id, Happened::expired, outbox);
}

}  // namespace ringhold::location
