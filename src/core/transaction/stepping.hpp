#pragma once

#include <cstddef>
#include <optional>

#include "base/outbox.hpp"
#include "base/time.hpp"
#include "sip/message.hpp"
#include "transaction/layer.hpp"
#include "transaction/transaction.hpp"

namespace ringhold::transaction {

/// What the actions of a step work with.
struct Surroundings {
  const Timers& timers;
  Instant now;
  Outbox& outbox;
  const sip::Message* response = nullptr;  ///< received, for the ACK to it
  std::optional<std::size_t> begin;        ///< the transaction user's response, in outbox.bytes() from here on
};

/// What a step means to those above.
struct Outcome {
  bool passed = false;  ///< the received message is for the transaction user
  bool sent = false;    ///< the transaction user's response went out
  std::optional<Failure::Cause> failure;
};

/// Takes a step of the machine that the transaction is in, and performs its actions. The event must be of that machine.
Outcome step(Transaction& transaction, invite_client::Event event, const Surroundings& around);
Outcome step(Transaction& transaction, non_invite_client::Event event, const Surroundings& around);
Outcome step(Transaction& transaction, invite_server::Event event, const Surroundings& around);
Outcome step(Transaction& transaction, non_invite_server::Event event, const Surroundings& around);

/// The same, where all machines know the event under some name.
Outcome step_request_again(Transaction& transaction, const Surroundings& around);
Outcome step_respond(Transaction& transaction, int status, const Surroundings& around);
Outcome step_response(Transaction& transaction, int status, const Surroundings& around);
Outcome step_transport_error(Transaction& transaction, const Surroundings& around);
/// The timer that is due, if one is. A timeout or end comes before a retransmission due at the same late moment.
Outcome step_timer(Transaction& transaction, const Surroundings& around);

}  // namespace ringhold::transaction
