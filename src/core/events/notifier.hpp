#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "base/limits.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/slab.hpp"
#include "base/timer_wheel.hpp"
#include "events/reginfo.hpp"
#include "location/location_service.hpp"
#include "sip/message.hpp"
#include "transaction/layer.hpp"

namespace ringhold::events {

inline constexpr std::string_view reg = "reg";  ///< RFC 3680: its documents are made here

/// The event package that a SUBSCRIBE names, without parameters; empty: none.
std::string_view package_of(const sip::Message& subscribe);

/// One watcher's dialog (RFC 3261 §12.1.1) and what it has still to be told.
struct Subscription {
  bool is_reg = true;  ///< else what its NOTIFYs carry comes by notify()
  Text aor;
  Text call_id, local_tag, remote_tag;
  Text from, to;       ///< of our NOTIFYs, `from` without its tag
  Text remote_target;  ///< URI
  Text route;          ///< Record-Route values; empty: none
  Text event;          ///< as it was asked for, with its id
  Destination destination;
  std::uint32_t remote_cseq = 0;
  std::uint32_t local_cseq = 0;
  std::uint32_t version = 0;
  Instant expires_at;
  Instant due_at;
  bool notifying = false;  ///< a NOTIFY waits for its answer
  bool tell_all = false;   ///< the next one carries the full state
  std::vector<location::BindingEvent> untold;
};
using SubscriptionId = Id<Subscription>;

/// Our listeners as they stand in Via and Contact.
struct Settings {
  std::vector<Target> listeners;
  Team team{};
  Duration min_expires = 30s;
  Duration max_expires = 3'761s;  ///< RFC 3680 §4.4
  std::vector<Text> packages{};   ///< beside `reg`, lower case
};

/// What a NOTIFY carries: whole lines, Content-Type among them, and the body.
struct Content {
  std::string_view headers;
  std::string_view body;
};

/// The notifier (RFC 6665 §4.2). Every operation answers through the transaction layer and the outbox that it is given.
class Notifier {
 public:
  Notifier(const Settings& settings, Random& random, std::size_t capacity = limits::event_subscriptions);

  /// A SUBSCRIBE outside of a dialog that may be served: answers it and sends the first NOTIFY.
  void subscribe(const sip::Message& request, const Packet& packet, std::string_view aor, location::LocationService& location,
                 transaction::Layer& layer, Instant now, Outbox& outbox);
  /// Whether a SUBSCRIBE within a dialog belongs to a subscription here.
  bool knows(const sip::Message& request) const { return dialog_of(request) != nullptr; }
  /// One that does: prolongs or ends it (RFC 6665 §4.2.1).
  void refresh(const sip::Message& request, const Packet& packet, location::LocationService& location, transaction::Layer& layer,
               Instant now, Outbox& outbox);

  bool has_package(std::string_view package) const;
  Text allow_events_line() const;
  void reconfigure(const Settings& settings) { settings_ = settings; }

  /// The subscriptions of an AOR to a package other than `reg`; the latest first.
  std::vector<SubscriptionId> subscriptions(std::string_view aor, std::string_view package) const;
  /// Null: it has ended.
  const Subscription* find(SubscriptionId id) const { return subscriptions_.find(id); }
  /// Sends content in a subscription, in a client transaction of `owner`. Zero: no room for one.
  transaction::TransactionId notify(SubscriptionId id, const Content& content, transaction::Owner owner, transaction::Layer& layer,
                                    Instant now, Outbox& outbox);
  /// Such a NOTIFY was answered like that. Whether the subscription has ended with it (RFC 6665 §4.2.2).
  bool answered(SubscriptionId id, int status, location::LocationService& location, Outbox& outbox);

  /// What happened to bindings that are watched.
  void tell(const std::vector<location::BindingEvent>& events, location::LocationService& location, transaction::Layer& layer, Instant now,
            Outbox& outbox);
  /// An answer to a NOTIFY: 481 and others that say so end the subscription (RFC 6665 §4.2.2).
  void on_response(const transaction::Owner& owner, int status, location::LocationService& location, transaction::Layer& layer, Instant now,
                   Outbox& outbox);
  /// No answer, or nobody there.
  void on_failure(const transaction::Failure& failure, location::LocationService& location, Outbox& outbox);
  void expire(location::LocationService& location, transaction::Layer& layer, Instant now, Outbox& outbox);

  std::optional<Instant> next_expiry() const { return wheel_.next(); }
  std::size_t size() const { return subscriptions_.size(); }

 private:
  struct Step;  ///< location, layer, time and outbox of one operation
  const SubscriptionId* dialog_of(const sip::Message& request) const;
  std::optional<std::uint32_t> lifetime(const sip::Message& request) const;  ///< nothing: too short
  void answer(const sip::Message& request, const Packet& packet, int status, std::string_view tag, std::string_view headers, Step& step);
  void accept(const sip::Message& request, const Packet& packet, const Subscription& subscription, std::uint32_t expires, Step& step);
  void follow(Subscription& subscription, const sip::Message& request, const Packet& packet) const;
  void set_lifetime(SubscriptionId id, Instant expires_at);
  void notify(SubscriptionId id, Step& step);
  void notify_for_the_last_time(SubscriptionId id, std::string_view reason, Step& step);
  void write(Subscription& subscription, std::string_view state, std::string_view branch, Step& step) const;
  void append_notify(const Subscription& subscription, std::string_view state, std::string_view branch, const Content& content,
                     std::string& out) const;
  Text new_branch();
  bool send(SubscriptionId id, std::string_view state, transaction::Owner owner, Step& step);
  void end(SubscriptionId id, std::string_view why, location::LocationService& location, Outbox& outbox);
  Text own_user() const;

  Settings settings_;
  Random& random_;
  Slab<Subscription> subscriptions_;
  TimerWheel<SubscriptionId> wheel_;
  boost::unordered_flat_map<Text, SubscriptionId, TextHash, TextEqual> by_tag_;  ///< our tag is unique
  boost::unordered_flat_map<Text, std::vector<SubscriptionId>, TextHash, TextEqual> by_aor_;
};

}  // namespace ringhold::events
