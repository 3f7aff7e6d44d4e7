#pragma once

#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/index.hpp"
#include "base/limits.hpp"
#include "base/outbox.hpp"
#include "base/slab.hpp"
#include "base/timer_wheel.hpp"
#include "location/binding.hpp"
#include "sip/uri.hpp"

namespace ringhold::location {

using BindingId = Id<Binding>;
using BindingIds = boost::container::small_vector<BindingId, 8>;
using Bindings = boost::container::small_vector<const Binding*, 8>;

/// What became of a binding, in the words of RFC 3680 §4.2.
enum class Happened : std::uint8_t { registered, refreshed, unregistered, expired, deactivated, rejected };

/// A change of a binding whose AOR is watched.
struct BindingEvent {
  Happened happened = Happened::registered;
  bool is_new_cycle = false;  ///< refreshed with another Call-ID: the phone has been restarted (RST-06)
  BindingId id;
  Text aor, contact, parameters, call_id;
  std::uint32_t cseq = 0;
  std::uint16_t q = 1000;
  Instant expires_at;
  Instant registered_at;
};
/// A binding that ran out, or whose flow is gone.
struct Lapsed {
  Text aor, contact, user_agent, instance;
  Endpoint source;
  bool has_path = false;
};
BindingEvent event_of(BindingId id, const Binding& binding, Happened happened);

/// All bindings, by AOR and by the host and port of their contact. Changes go to the journal through the outbox.
class LocationService {
 public:
  explicit LocationService(std::size_t capacity = limits::bindings);

  /// The live bindings of an AOR, highest q first, then the latest registered. Pointers are valid until the next change.
  Bindings find(std::string_view aor, Instant now) const;
  /// The same as ids, for the registrar; no order.
  BindingIds ids(std::string_view aor, Instant now) const;
  /// Whose contact has the user, host and port of this URI: for requests that name a contact (in-dialog, over connections).
  const Binding* find_contact(const sip::Uri& uri, Instant now) const;
  const Binding* get(BindingId id) const { return bindings_.find(id); }

  /// Takes the place of a binding with the same AOR, contact text and reg-id. False when the table is full.
  bool add(const Registration& registration, Outbox& outbox);
  /// All but AOR, contact, reg-id and registered_at become what `registration` says.
  void update(BindingId id, const Registration& registration, Outbox& outbox);
  void remove(BindingId id, Happened why, Outbox& outbox);
  /// Takes a row of the journal back; expired ones are erased from it (R6).
  void restore(const Row& row, Instant now, Outbox& outbox);

  /// A connection is gone. Its outbound bindings go with it (RFC 5626 §6); others stay, and are reached by a new connection.
  void flow_closed(FlowId flow, Outbox& outbox);
  /// The same, and visits the bindings that go.
  template <typename Visit>
  void flow_closed(FlowId flow, Outbox& outbox, Visit&& visit) {
    lapsing_ = true;
    flow_closed(flow, outbox);
    visit_lapsed(visit);
  }
  /// Removes what has expired. Visits those bindings first, if anybody is to hear of them.
  void expire(Instant now, Outbox& outbox);
  template <typename Visit>
  void expire(Instant now, Outbox& outbox, Visit&& visit) {
    lapsing_ = true;
    expire(now, outbox);
    visit_lapsed(visit);
  }
  std::optional<Instant> next_expiry() const { return wheel_.next(); }

  /// From now on changes of that AOR's bindings are told, until as many unwatch() as watch() have been called.
  void watch(std::string_view aor);
  void unwatch(std::string_view aor);
  /// What happened since the last call to the bindings that are watched.
  std::vector<BindingEvent> take_events() { return std::exchange(events_, {}); }

  std::size_t size() const { return bindings_.size(); }
  std::size_t capacity() const { return bindings_.capacity(); }
  template <typename Visit>
  void for_each(Visit&& visit) const {
    bindings_.for_each([&](BindingId, const Binding& binding) { visit(binding); });
  }

 private:
  template <typename Visit>
  void visit_lapsed(Visit& visit) {
    lapsing_ = false;
    std::vector<Lapsed> gone = std::exchange(lapsed_, {});
    for (Lapsed& one : gone) visit(one);
  }
  void note_lapsed(const Binding& binding);
  struct OriginHash {
    using is_transparent = void;
    std::size_t operator()(const Registration& registration) const;
    std::size_t operator()(const std::unique_ptr<Origin>& origin) const;
  };
  struct OriginEqual {
    using is_transparent = void;
    bool operator()(const std::unique_ptr<Origin>& a, const std::unique_ptr<Origin>& b) const { return a == b; }
    bool operator()(const Registration& a, const std::unique_ptr<Origin>& b) const;
    bool operator()(const std::unique_ptr<Origin>& a, const Registration& b) const { return (*this)(b, a); }
  };

  std::uint32_t first_of(std::string_view aor) const;
  BindingId insert(const Registration& registration);
  void take_origin(Binding& binding, const Registration& registration);
  void leave_origin(const Origin& origin);
  void list_aor(std::uint32_t index);
  void unlist_aor(std::uint32_t index);
  void list_contact(std::uint32_t index);
  void unlist_contact(std::uint32_t index);
  void list_flow(std::uint32_t index, FlowId flow);
  void unlist_flow(std::uint32_t index);
  void forget(BindingId id);
  /// Those that are due together are near when each one's turn comes: their misses overlap.
  void prefetch(std::span<const TimerWheel<BindingId>::Entry> due) const;
  void expire_one(BindingId id, Instant now, Outbox& outbox);
  void tell(BindingId id, Happened happened, bool is_new_cycle = false);

  Slab<Binding> bindings_;
  TimerWheel<BindingId> wheel_;
  Index by_aor_;
  Index by_contact_;
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> by_flow_;  ///< the first binding of each connection
  boost::unordered_flat_set<std::unique_ptr<Origin>, OriginHash, OriginEqual> origins_;
  boost::unordered_flat_map<Text, std::size_t, TextHash, TextEqual> watched_;  ///< how often
  bool lapsing_ = false;
  std::vector<Lapsed> lapsed_;
  std::vector<BindingEvent> events_;
};

}  // namespace ringhold::location
