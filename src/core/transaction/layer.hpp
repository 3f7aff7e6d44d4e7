#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/flow.hpp"
#include "base/outbox.hpp"
#include "base/slab.hpp"
#include "base/time.hpp"
#include "sip/message.hpp"

namespace ringhold::transaction {

/// RFC 3261 §17.1.1.1 and Table 4. Defaults are the RFC's.
struct Timers {
  Duration t1 = 500ms;
  Duration t2 = 4s;
  Duration t4 = 5s;
  Duration timeout() const { return 64 * t1; }  ///< Timers B, D, F, H, J, L, M
};

struct Transaction;
struct Outcome;
using TransactionId = Id<Transaction>;

/// Who started or serves a transaction, in that one's own numbering; the layer only keeps it.
struct Owner {
  enum class Kind : std::uint8_t { none, proxy, central, events, release, delivery, registration, heartbeat };
  Kind kind = Kind::none;
  std::uint32_t index = 0;
  std::uint32_t generation = 0;
  std::uint32_t leg = 0;
};

/// What a received message is to the one who asked.
enum class Disposition : std::uint8_t {
  new_request,  ///< belongs to no transaction: the caller serves it (create_server) or answers without state
  ack,          ///< an ACK for a 2xx: forward it without state (RFC 3261 §16.11)
  cancel,       ///< a CANCEL: `transaction` is the INVITE server transaction it matches, or zero (answer 481)
  response,     ///< for the client transaction `transaction`, to be processed by its owner
  absorbed,     ///< retransmission or ACK to a non-2xx: dealt with
  stray,        ///< a response that belongs to no client transaction
};

struct Received {
  Disposition disposition = Disposition::absorbed;
  TransactionId transaction;
  Owner owner;
};

/// A client transaction that will have no (further) response.
struct Failure {
  enum class Cause : std::uint8_t { timeout, transport_error };
  TransactionId transaction;
  Owner owner;
  Cause cause = Cause::timeout;
};

/// The four machines of RFC 3261 §17 with RFC 6026, and matching by branch with the RFC 2543 fallback (§17.2.3).
class Layer {
 public:
  Layer(const Timers& timers, std::size_t capacity);
  ~Layer();
  Layer(Layer&&) noexcept;
  Layer& operator=(Layer&&) noexcept;

  /// Whether a request belongs to a server transaction that exists: a retransmission, an ACK or a CANCEL.
  bool knows(const sip::Message& request) const;
  /// Classifies a valid message; sends what a retransmission calls for.
  Received receive(const sip::Message& message, const Packet& packet, Instant now, Outbox& outbox);

  /// A server transaction for a new request (not ACK). Responses go back by RFC 3261 §18.2.2 and RFC 3581: by the flow
  /// of `packet`; if that is gone, to the top Via's received/rport or sent-by. Zero when the table is full.
  TransactionId create_server(const sip::Message& request, const Packet& packet, Owner owner, Instant now);

  /// Passes a response to a server transaction: the bytes of outbox.bytes() from `begin` on. Sent or absorbed as the
  /// state demands (a second final response is not sent, but 2xx to INVITE are: RFC 6026).
  void respond(TransactionId server, int status, std::size_t begin, Instant now, Outbox& outbox);

  /// Sends a request (bytes of outbox.bytes() from `begin` on; its top Via must carry `branch`) in a new client
  /// transaction. Zero when the table is full; then nothing is sent.
  TransactionId start_client(sip::Method method, std::string_view branch, std::size_t begin, const Destination& destination, Owner owner,
                             Instant now, Outbox& outbox);

  /// The request as it was sent or received, for CANCEL, failover and own responses. Empty when gone, and when it cannot
  /// be needed: a server's after its final response was passed, an INVITE client's after a 2xx.
  std::string_view request(TransactionId id) const;
  /// Where a client transaction sends; null when gone.
  const Destination* destination(TransactionId id) const;
  bool is_proceeding(TransactionId id) const;    ///< server: no final response sent; client: none received
  bool has_provisional(TransactionId id) const;  ///< client: a 1xx came, so a CANCEL may be sent (RFC 3261 §9.1)
  Owner owner(TransactionId id) const;
  void set_owner(TransactionId id, Owner owner);

  /// Timers due. The failures, and request() and destination() of their transactions, are valid until the next call of
  /// expire() or flow_changed(). A final response that nobody acknowledged, or that could not be sent, is a fact only.
  std::span<const Failure> expire(Instant now, Outbox& outbox);
  /// Transport errors (RFC 3261 §17.1.4, §17.2.4), by flow or by unreachable remote.
  std::span<const Failure> flow_changed(const FlowChange& change, Instant now, Outbox& outbox);
  /// The transaction ends now and its owner gets no failure: a CANCEL stayed unanswered (RFC 3261 §9.1), or a non-INVITE
  /// will not be answered (RFC 4320 §4.2).
  void abandon(TransactionId id);

  std::optional<Instant> next_expiry() const;
  std::size_t size() const;

 private:
  struct State;
  Received receive_response(const sip::Message& response, Instant now, Outbox& outbox);
  void settle(TransactionId id, const Outcome& outcome, Instant now);
  std::unique_ptr<State> state_;
};

}  // namespace ringhold::transaction
