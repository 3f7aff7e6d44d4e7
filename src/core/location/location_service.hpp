#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "base/limits.hpp"
#include "base/outbox.hpp"
#include "base/slab.hpp"
#include "base/timer_wheel.hpp"
#include "location/binding.hpp"
#include "sip/uri.hpp"

namespace ringhold::location {

using BindingId = Id<Binding>;

/// All bindings, by AOR and by the host and port of their contact. Changes go to the journal through the outbox.
class LocationService {
 public:
  explicit LocationService(std::size_t capacity = limits::bindings);

  /// The live bindings of an AOR, highest q first, then the latest registered. Pointers are valid until the next change.
  std::vector<const Binding*> find(std::string_view aor, Instant now) const;
  /// The same as ids, for the registrar; no order.
  std::vector<BindingId> ids(std::string_view aor, Instant now) const;
  /// Whose contact has the user, host and port of this URI: for requests that name a contact (in-dialog, over connections).
  const Binding* find_contact(const sip::Uri& uri, Instant now) const;

  Binding* get(BindingId id) { return bindings_.find(id); }
  const Binding* get(BindingId id) const { return bindings_.find(id); }
  /// Takes the place of a binding with the same AOR and contact text. False when the table is full.
  bool add(Binding binding, Outbox& outbox);
  /// After `binding` was changed in place (not its AOR or contact).
  void touched(BindingId id, Outbox& outbox);
  void remove(BindingId id, Outbox& outbox);
  /// Takes a row of the journal back; expired ones are erased from it (R6).
  void restore(const Row& row, Instant now, Outbox& outbox);

  /// A connection is gone: its bindings stay, and are reached by a new connection to their contact.
  void flow_closed(FlowId flow);
  /// Removes what has expired.
  void expire(Instant now, Outbox& outbox);
  std::optional<Instant> next_expiry() const { return wheel_.next(); }

  std::size_t size() const { return bindings_.size(); }
  std::size_t capacity() const { return bindings_.capacity(); }
  template <typename Visit>
  void for_each(Visit&& visit) const {
    bindings_.for_each([&](BindingId, const Binding& binding) { visit(binding); });
  }

 private:
  BindingId insert(Binding binding);
  void list_flow(BindingId id, Binding& binding);
  void forget(BindingId id);

  Slab<Binding> bindings_;
  TimerWheel<BindingId> wheel_;
  boost::unordered_flat_map<Text, std::vector<BindingId>, TextHash, TextEqual> by_aor_;
  boost::unordered_flat_map<Text, std::vector<BindingId>, TextHash, TextEqual> by_contact_;
  boost::unordered_flat_map<std::uint64_t, std::vector<BindingId>> by_flow_;
};

}  // namespace ringhold::location
