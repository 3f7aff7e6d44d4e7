#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "auth/algorithm.hpp"
#include "base/flow.hpp"
#include "base/limits.hpp"
#include "base/slab.hpp"
#include "base/timer_wheel.hpp"
#include "delivery/delivery.hpp"
#include "delivery/message.hpp"
#include "delivery/message_store.hpp"
#include "delivery/push_record.hpp"
#include "delivery/redirect_memory.hpp"
#include "events/notifier.hpp"
#include "proxy/response_context.hpp"
#include "transaction/layer.hpp"

namespace ringhold::branch_device {

/// Who is owed the answer to a push (P7).
struct PushSender {
  enum class Kind : std::uint8_t { nobody, api, sip };
  Kind kind = Kind::nobody;
  bool is_content_with_acceptance = false;  ///< once it is on disk, he wants to know no more
  transaction::TransactionId server;        ///< of a SIP sender's MESSAGE
  Packet arrival;                           ///< how it came, without its bytes
};

/// One step of a delivery on the wire.
struct PushAttempt {
  transaction::TransactionId client;
  proxy::Hop hop;
  std::size_t place = 0;  ///< which of its addresses is tried
  std::uint32_t cseq = 0;
  bool only_by_stream = false;                          ///< too large for the datagrams that the target would have got
  bool has_proved = false;                              ///< a challenge of the terminal's was answered
  delivery::Method method = delivery::Method::message;  ///< of this request
  events::SubscriptionId subscription{};                ///< in which it went; zero: in none
};

/// A message on its way.
struct PushInProgress {
  enum class Stage : std::uint8_t {
    keeping,  ///< it goes out once it is on disk
    trying,
    storing,  ///< nobody is there; its sender hears so once it is on disk
    settled,  ///< its sender has his answer; late ones of terminals are waited for
  };
  delivery::Message message;
  delivery::Delivery delivery;
  PushSender sender;
  Stage stage = Stage::trying;
  bool is_kept = false;                              ///< it has a row in the store
  bool is_acknowledged = false;                      ///< its sender was promised that it is not lost
  bool holds_user = false;                           ///< what else comes for its user has to wait
  bool goes_on_as_message = false;                   ///< a subscriber has redirected it, and a subscription cannot be moved (PSH-15)
  bool is_recorded = false;                          ///< for who may send it again, as soon as it is settled
  bool is_stored = false;                            ///< it came from the store
  delivery::Reason reason = delivery::Reason::none;  ///< set when it is not the delivery's
  Instant began;
  Instant answer_by = Instant::max();  ///< by then a SIP sender has to hear something
  Instant in_wheel = Instant::max();
  std::vector<PushAttempt> attempts{};  ///< one for each step
  std::vector<Text> failed_devices{};   ///< whose remembered redirect has failed in this delivery
};
using PushId = Id<PushInProgress>;

/// What waits for the disk (X5): in the order in which it was promised.
struct PushPromise {
  enum class What : std::uint8_t {
    begin,   ///< the delivery
    stored,  ///< the sender hears that it is stored, or at least accepted
    forget,  ///< the message: its record is on disk, and a repeated order finds that
    next,    ///< the user's next stored message may go (X-19)
  };
  ChangeId change;
  What what = What::begin;
  Text id;  ///< of the message; for `next` the AOR
  PushSender sender{};
  Instant until;
};

/// A step that waits for DNS.
struct PushLookUp {
  PushId push;
  std::size_t step = 0;
  Instant until;
};

/// What came of a message's last round, until it is tried again.
struct PushRound {
  Instant began;
  delivery::Reason reason = delivery::Reason::none;
  std::vector<delivery::Step> steps;
};

/// Whom a delivery begins with.
struct PushTerminals {
  std::vector<delivery::Target> targets;
  std::size_t together = 1;  ///< so many of the first are one wish: they are served at once if the strategy says so
};

/// Stored messages on their way at a time: a storm of registrations must not become one of messages.
inline constexpr unsigned most_stored_in_progress = 100;

/// All that the push service keeps.
struct PushService {
  PushService(const delivery::Settings& settings, WorkerNumber worker) : numbers{worker}, store{settings} {}

  delivery::MessageNumbers numbers;
  delivery::MessageStore store;
  delivery::RedirectMemory redirects;
  delivery::PushLog log;
  Slab<PushInProgress> in_progress{limits::pushes};
  TimerWheel<PushId> wheel;
  boost::unordered_flat_map<Text, PushId, TextHash, TextEqual> by_id;           ///< of in_progress
  boost::unordered_flat_map<Text, Text, TextHash, TextEqual> by_key;            ///< ids of what is in progress or waits
  boost::unordered_flat_set<Text, TextHash, TextEqual> watched;                 ///< AORs with messages that wait
  auth::Hasher hasher;                                                          ///< for terminals that challenge
  boost::unordered_flat_map<Text, PushRound, TextHash, TextEqual> last_rounds;  ///< of what waits in the store
  std::deque<PushPromise> promises;
  boost::unordered_flat_set<Text, TextHash, TextEqual> promised;  ///< ids whose senders wait for the disk
  std::vector<PushLookUp> look_ups;
  std::uint64_t last_change = 0;
  std::size_t bytes_in_progress = 0;
  unsigned stored_in_progress = 0;
  std::optional<bool> was_central_usable;  ///< nothing while nothing waits
  std::optional<Instant> try_stored_at;    ///< after too much was on its way
  std::uint64_t delivered = 0, stored = 0, failed = 0;
};

}  // namespace ringhold::branch_device
