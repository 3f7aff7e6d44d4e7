#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/flow.hpp"
#include "base/slab.hpp"
#include "delivery/delivery.hpp"
#include "delivery/message.hpp"
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

}  // namespace ringhold::branch_device
