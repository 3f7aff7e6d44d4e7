#include "location/location_service.hpp"

#include <algorithm>

#include "location/journal.hpp"
#include "sip/uri.hpp"

namespace ringhold::location {

namespace {

/// One spelling for each host: a browser's contact has a name that nobody can look up (RFC 7118 §5.2.5, "….invalid").
std::optional<Text> contact_key(const sip::Uri& uri) {
  if (!uri.is_sip()) return std::nullopt;
  const auto address = Address::parse(uri.host);
  const Text host = address ? address->host_text() : lower_case(uri.host);
  return Text{uri.user} + "@" + host + ":" + Text{Decimal{uri.port.value_or(5060)}.text()};
}

std::optional<Text> contact_key(const Binding& binding) {
  const auto uri = sip::Uri::parse(binding.contact);
  return uri ? contact_key(*uri) : std::nullopt;
}

template <typename Map, typename Key>
void drop(Map& map, const Key& key, BindingId id) {
  const auto found = map.find(key);
  if (found == map.end()) return;
  std::erase(found->second, id);
  if (found->second.empty()) map.erase(found);
}

}  // namespace

LocationService::LocationService(std::size_t capacity) : bindings_{capacity} {}

std::vector<BindingId> LocationService::ids(std::string_view aor, Instant now) const {
  std::vector<BindingId> live;
  const auto found = by_aor_.find(aor);
  if (found == by_aor_.end()) return live;
  for (const BindingId id : found->second)
    if (const Binding* binding = bindings_.find(id); binding != nullptr && binding->expires_at > now) live.push_back(id);
  return live;
}

std::vector<const Binding*> LocationService::find(std::string_view aor, Instant now) const {
  std::vector<const Binding*> live;
  for (const BindingId id : ids(aor, now)) live.push_back(bindings_.find(id));
  std::ranges::sort(live,
                    [](const Binding* a, const Binding* b) { return a->q != b->q ? a->q > b->q : a->registered_at > b->registered_at; });
  return live;
}

const Binding* LocationService::find_contact(const sip::Uri& uri, Instant now) const {
  const auto key = contact_key(uri);
  const auto found = key ? by_contact_.find(*key) : by_contact_.end();
  if (found == by_contact_.end()) return nullptr;
  for (const BindingId id : found->second)
    if (const Binding* binding = bindings_.find(id); binding != nullptr && binding->expires_at > now) return binding;
  return nullptr;
}

BindingId LocationService::insert(Binding binding) {
  const auto key = contact_key(binding);
  const BindingId id = bindings_.insert(std::move(binding));
  if (!id) return id;
  Binding& kept = *bindings_.find(id);
  by_aor_[kept.aor].push_back(id);
  if (key) by_contact_[*key].push_back(id);
  list_flow(id, kept);
  kept.due_at = kept.expires_at;
  wheel_.add(kept.due_at, id);
  return id;
}

bool LocationService::add(Binding binding, Outbox& outbox) {
  // Both would have one row: the old one, expired but not swept yet, would later erase the row of the new one.
  if (const auto found = by_aor_.find(binding.aor); found != by_aor_.end()) {
    const auto same = std::ranges::find_if(found->second, [&](BindingId id) { return bindings_.find(id)->contact == binding.contact; });
    if (same != found->second.end()) forget(*same);
  }
  const BindingId id = insert(std::move(binding));
  if (!id) return false;
  outbox.change(put(*bindings_.find(id)));
  return true;
}

void LocationService::touched(BindingId id, Outbox& outbox) {
  Binding& binding = *bindings_.find(id);
  list_flow(id, binding);
  // The entry at the old deadline puts itself back; only an earlier deadline needs an entry of its own.
  if (binding.expires_at < binding.due_at) {
    binding.due_at = binding.expires_at;
    wheel_.add(binding.due_at, id);
  }
  if (outbox.keeps_changes()) outbox.change(put(binding));
}

void LocationService::list_flow(BindingId id, Binding& binding) {
  const FlowId flow = is_reliable(binding.transport) ? binding.flow : FlowId{};
  if (flow == binding.listed_flow) return;
  if (binding.listed_flow) drop(by_flow_, binding.listed_flow.number, id);
  if (flow) by_flow_[flow.number].push_back(id);
  binding.listed_flow = flow;
}

void LocationService::forget(BindingId id) {
  const Binding& binding = *bindings_.find(id);
  drop(by_aor_, binding.aor, id);
  if (const auto key = contact_key(binding)) drop(by_contact_, *key, id);
  if (binding.listed_flow) drop(by_flow_, binding.listed_flow.number, id);
  bindings_.erase(id);
}

void LocationService::remove(BindingId id, Outbox& outbox) {
  const Binding* binding = bindings_.find(id);
  if (binding == nullptr) return;
  outbox.change(erase(*binding));
  forget(id);
}

void LocationService::restore(const Row& row, Instant now, Outbox& outbox) {
  auto binding = from_row(row);
  if (binding && binding->expires_at > now) {
    insert(std::move(*binding));
    return;
  }
  if (!row.columns.empty())
    if (const auto* key = std::get_if<Text>(&row.columns[0])) outbox.change(Change{Table::binding, *key, {}});
}

void LocationService::flow_closed(FlowId flow) {
  const auto found = by_flow_.find(flow.number);
  if (found == by_flow_.end()) return;
  for (const BindingId id : found->second)
    if (Binding* binding = bindings_.find(id); binding != nullptr) binding->flow = binding->listed_flow = {};
  by_flow_.erase(found);
}

void LocationService::expire(Instant now, Outbox& outbox) {
  wheel_.expire(now, [&](BindingId id) {
    Binding* binding = bindings_.find(id);
    if (binding == nullptr) return;
    if (binding->expires_at > now) {
      if (binding->due_at > now) return;  // an earlier entry of its own came and went
      binding->due_at = binding->expires_at;
      return wheel_.add(binding->due_at, id);
    }
    outbox.note({"binding_expired", {{"aor", binding->aor}, {"contact", binding->contact}}, Severity::info});
    remove(id, outbox);
  });
}

}  // namespace ringhold::location
