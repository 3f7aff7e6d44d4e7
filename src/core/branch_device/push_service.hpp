#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <deque>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "auth/algorithm.hpp"
#include "base/limits.hpp"
#include "base/outbox.hpp"
#include "base/slab.hpp"
#include "base/timer_wheel.hpp"
#include "branch_device/branch_device.hpp"
#include "branch_device/push.hpp"
#include "delivery/message_store.hpp"
#include "delivery/push_record.hpp"
#include "delivery/redirect_memory.hpp"
#include "dns/message.hpp"
#include "events/notifier.hpp"
#include "location/location_service.hpp"
#include "proxy/route_preprocessing.hpp"

namespace ringhold::branch_device {

/// Pushed content (P1 to P8, decision 0015): takes orders, asks core/delivery whom to send to, sends by the ways that the mind knows,
/// keeps what waits, and tells what came of it.
class PushService {
 public:
  explicit PushService(BranchDevice::State& state);

  /// What is known of it by now, or why it is not taken.
  Answer push(const Push& given, Instant now, Outbox& outbox);
  /// The latest first; with an id one, or none.
  std::vector<PushReport> reports(const GetPushes& asked) const;
  Answer remove(const RemovePush& asked, Instant now, Outbox& outbox);
  std::vector<RedirectReport> redirect_reports(std::string_view aor, Instant now) const;
  Answer remove_redirects(const RemoveRedirects& asked, Instant now, Outbox& outbox);
  /// A MESSAGE of who may push, to a user of ours. False: it is relayed.
  bool take(const sip::Message& request, const Packet& packet, const proxy::Preprocessed& way, Instant now, Outbox& outbox);

  /// Of a client transaction whose owner is Owner::Kind::delivery.
  void on_response(const sip::Message& response, const transaction::Received& received, Instant now, Outbox& outbox);
  void on_failure(const transaction::Failure& failure, Instant now, Outbox& outbox);
  /// The promises that waited for the disk are kept.
  void committed(ChangeId change, Instant now, Outbox& outbox);
  void expire(Instant now, Outbox& outbox);
  /// There was a DNS answer: steps that wait for names are tried again.
  void resume(Instant now, Outbox& outbox);
  /// Who registers gets what waits for him.
  void follow_bindings(std::span<const location::BindingEvent> events, Instant now, Outbox& outbox);
  /// Sends what waits and whose time has come.
  void deliver_stored(Instant now, Outbox& outbox);
  /// Where a 3xx to a MESSAGE between users leads that is for a user of ours (`push.recurse`).
  std::vector<proxy::Hop> redirected_hops(const sip::Message& response, Instant now) const;
  std::optional<Instant> next_expiry() const;
  /// A message, a redirect or a record from the store; rows that are not this worker's are left alone.
  void restore(const Row& row, Instant now, Outbox& outbox);
  /// All rows have been restored.
  void restored(Outbox& outbox) { log_.restored(outbox); }
  void reconfigure(const delivery::Settings& settings) { store_.reconfigure(settings); }
  /// Somebody of that user's may take something now.
  void wake(std::string_view aor, Instant now, Outbox& outbox);
  /// A restart that no dialog has belied: a redirect of the terminal's is in doubt.
  void ask_restarted(std::string_view aor, std::string_view device, Instant now, Outbox& outbox);
  bool waits_for_dns() const { return !look_ups_.empty(); }
  std::vector<Sample> metrics() const;

 private:
  // pushing.cpp
  /// Zero: too much is on its way; nothing was done.
  PushId accept(delivery::Message message, const PushSender& sender, Instant now, Outbox& outbox);
  void begin_delivery(PushId id, Instant now, Outbox& outbox);
  /// Sends to whom it is the turn of, and looks what comes of it. `id` may be gone then.
  void run(PushId id, Instant now, Outbox& outbox);
  /// Whether it is settled (its sender can be told), and whether it is over (nobody can answer any more). `id` may be gone then.
  void look_at(PushId id, Instant now, Outbox& outbox);
  /// What else comes for its user waits until it is over.
  void hold(PushId id);
  void settle(PushInProgress& push, Instant now, Outbox& outbox);
  /// Its row goes when its record is on disk.
  void forget(PushInProgress& push, Instant now, Outbox& outbox);
  void answer(const PushSender& sender, std::string_view id, int status, Instant now, Outbox& outbox);
  void end_delivery(PushId id, Instant now, Outbox& outbox);
  void log_end(PushInProgress& push, Instant now, Outbox& outbox);
  void log_end(delivery::PushRecord record, Outbox& outbox);
  /// One that waited, and is forgotten.
  void give_up(const delivery::Message& message, delivery::Reason reason, Instant now, Outbox& outbox);
  void keep(PushInProgress& push, Outbox& outbox);
  /// Into the store, where others of the same user wait.
  void put_behind(PushId id, Instant now, Outbox& outbox);
  /// For when all that was changed so far is on disk; at once where nothing is kept.
  void promise(PushPromise::What what, std::string_view id, const PushSender& sender, Instant now, Outbox& outbox);
  void keep_promise(const PushPromise& promise, Instant now, Outbox& outbox);
  /// The disk fails: who waits for it hears that nothing is kept.
  void break_promises(Instant now, Outbox& outbox);
  void arm(PushId id);
  void expire_one(PushId id, Instant now, Outbox& outbox);

  // push_commands.cpp
  std::expected<delivery::Message, Refused> message_of(const Push& given, Instant now);
  void date(delivery::Message& message, std::optional<Duration> keep_for, Instant now);
  bool may_push(const sip::Message& request, const Packet& packet) const;
  PushReport told(const PushInProgress& push) const;
  PushReport told_waiting(const delivery::Message& message) const;

  // push_targets.cpp
  std::vector<const location::Binding*> terminals_in_order(std::string_view aor, Instant now) const;
  /// `event`: of a NOTIFY; those who have subscribed to it are among them.
  PushTerminals terminals_of(std::string_view aor, std::string_view event, Instant now);
  std::vector<delivery::Target> configured_targets(std::string_view aor, Instant now) const;
  bool is_allowed(const sip::Uri& uri, Instant now) const;
  /// What a Contact or a configured address means. False: nothing may be sent there (PSH-14).
  bool append_targets(std::string_view uri, delivery::Via via, unsigned hop, std::string_view device, Instant now,
                      std::vector<delivery::Target>& targets) const;
  /// `binding`: whose contact the target is, or null. Nothing: unreachable, or not before the `missing` questions are answered.
  std::optional<proxy::Hop> hop_of(const delivery::Target& target, const location::Binding* binding, Instant now,
                                   std::vector<dns::Question>& missing) const;
  std::vector<proxy::Hop> hops_to_terminal(const location::Binding& binding, Instant now) const;
  std::vector<proxy::Hop> hops_to_place(std::string_view uri, Instant now, std::vector<dns::Question>& missing) const;
  const location::Binding* binding_of(const delivery::Target& target, std::string_view aor, Instant now) const;

  // push_sending.cpp
  void send(PushId id, std::size_t step, Instant now, Outbox& outbox);
  void start_step(PushId id, std::size_t step, std::string_view headers, Instant now, Outbox& outbox);
  /// Nothing: it must not be sent there at all.
  std::optional<delivery::Method> method_for(const PushInProgress& push, const delivery::Target& target,
                                             const location::Binding* binding) const;
  /// Zero: the terminal has none to the message's event package.
  events::SubscriptionId subscription_of(const PushInProgress& push, const delivery::Target& target) const;
  void notify(PushId id, std::size_t step, Instant now, Outbox& outbox);
  /// After an answer: whether what it redirects to may be followed, as is everywhere but in a subscription.
  bool is_moved_as_message(PushInProgress& push, std::size_t step, int status, Instant now, Outbox& outbox);
  void fail(PushInProgress& push, std::size_t step, delivery::Why why, int status, Instant now, Outbox& outbox);
  bool look_up(PushId id, std::size_t step, const std::vector<dns::Question>& missing, Instant now, Outbox& outbox);
  /// PSH-08: a challenge is answered. False: it cannot be.
  bool prove(PushId id, std::size_t step, const sip::Message& challenge, Instant now, Outbox& outbox);
  bool try_next_place(PushId id, std::size_t step, Instant now, Outbox& outbox);
  std::vector<delivery::Target> redirect_targets(PushInProgress& push, std::size_t step, const sip::Message& response, Instant now,
                                                 Outbox& outbox);
  void note_taken(PushInProgress& push, std::size_t step, Outbox& outbox);
  void note_redirect_failure(PushInProgress& push, std::size_t step, int status, Outbox& outbox);

  // push_storing.cpp
  void watch(std::string_view aor);
  void unwatch(std::string_view aor);

  BranchDevice::State& state_;
  delivery::MessageNumbers numbers_;
  delivery::MessageStore store_;
  delivery::RedirectMemory redirects_;
  delivery::PushLog log_;
  Slab<PushInProgress> in_progress_{limits::pushes};
  TimerWheel<PushId> wheel_;
  boost::unordered_flat_map<Text, PushId, TextHash, TextEqual> by_id_;           ///< of in_progress_
  boost::unordered_flat_map<Text, Text, TextHash, TextEqual> by_key_;            ///< ids of what is in progress or waits
  boost::unordered_flat_set<Text, TextHash, TextEqual> watched_;                 ///< AORs with messages that wait
  auth::Hasher hasher_;                                                          ///< for terminals that challenge
  boost::unordered_flat_map<Text, PushId, TextHash, TextEqual> holders_;         ///< by AOR: the last one that holds its user
  boost::unordered_flat_map<Text, PushRound, TextHash, TextEqual> last_rounds_;  ///< of what waits in the store
  std::deque<PushPromise> promises_;
  boost::unordered_flat_set<Text, TextHash, TextEqual> promised_;  ///< ids whose senders wait for the disk
  std::vector<PushLookUp> look_ups_;
  std::uint64_t last_change_ = 0;
  std::size_t bytes_in_progress_ = 0;
  unsigned stored_in_progress_ = 0;
  struct CentralSeen {
    std::uint64_t standing = 0;
    bool is_usable = false;
  };
  std::optional<CentralSeen> central_;    ///< nothing while nothing waits
  std::optional<Instant> try_stored_at_;  ///< after too much was on its way
  std::uint64_t delivered_ = 0, stored_ = 0, failed_ = 0;
};

}  // namespace ringhold::branch_device
