#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/flow.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "base/timer_wheel.hpp"
#include "proxy/forwarding.hpp"
#include "proxy/response_context.hpp"
#include "proxy/route_preprocessing.hpp"
#include "proxy/validation.hpp"
#include "sip/message.hpp"
#include "transaction/layer.hpp"

namespace ringhold::proxy {

struct Settings {
  Identity identity;
  Duration timer_c = 185s;  ///< RFC 3261 §16.6 step 11: above three minutes
};

/// What a response did, for those who keep books on calls.
struct ResponseOutcome {
  bool known = false;  ///< it belonged to a live response context
  sip::Method method = sip::Method::other;
  int forwarded_status = 0;  ///< zero: nothing went upstream
  Text call_id;              ///< of an INVITE
  Text from_tag;
};

/// The proxy of RFC 3261 §16. Every operation answers into the outbox and through the transaction layer that it is given.
class Proxy {
 public:
  Proxy(const Settings& settings, Random& random);

  /// §16.3 and §16.4: refuses what a proxy must refuse, tells what of the Route set is ours and where the request points.
  std::expected<Preprocessed, Refusal> preprocess(const sip::Message& request) const;

  /// §16.6: forks to the target set in parallel. `request` is not an ACK or CANCEL. An INVITE is answered with 100 at once.
  /// Without targets, or when the tables are full, the request is refused.
  void forward(const sip::Message& request, const Packet& packet, const Preprocessed& way, std::span<const Hop> hops,
               transaction::Layer& layer, Instant now, Outbox& outbox);
  /// §16.11: without state, for an ACK to a 2xx.
  void forward_ack(const sip::Message& ack, const Packet& packet, const Preprocessed& way, const Hop& hop, Outbox& outbox);
  /// Answers a request as UAS: INVITE with a server transaction (its ACK must be absorbed), others without (§8.2.7).
  void refuse(const sip::Message& request, const Packet& packet, const Refusal& refusal, transaction::Layer& layer, Instant now,
              Outbox& outbox);
  /// Answers without a transaction (§8.2.7): OPTIONS to ourselves, malformed requests.
  void refuse_without_state(const sip::Message& request, const Packet& packet, const Refusal& refusal, Outbox& outbox) const;
  /// §16.10: answers the CANCEL and cancels every pending leg of the INVITE it matches; 481 if there is none.
  void cancel(const sip::Message& request, const Packet& packet, const transaction::Received& received, transaction::Layer& layer,
              Instant now, Outbox& outbox);

  /// §16.7, for a response whose owner is the proxy.
  ResponseOutcome on_response(const sip::Message& response, const transaction::Received& received, transaction::Layer& layer, Instant now,
                              Outbox& outbox);
  /// §16.9 and timeouts: the next address is tried, else the leg ended with 503 or 408.
  ResponseOutcome on_failure(const transaction::Failure& failure, transaction::Layer& layer, Instant now, Outbox& outbox);
  /// Timer C and the ends of contexts.
  std::vector<ResponseOutcome> expire(transaction::Layer& layer, Instant now, Outbox& outbox);

  std::optional<Instant> next_expiry() const { return wheel_.next(); }
  std::size_t size() const { return contexts_.size(); }

 private:
  struct Place {
    ContextId context;
    std::size_t leg;
  };

  ResponseOutcome on_success(Place place, const sip::Message& response, transaction::Layer& layer, Instant now, Outbox& outbox);
  ResponseOutcome end_leg(Place place, int status, const sip::Message* response, transaction::Layer& layer, Instant now, Outbox& outbox);
  int send_best(ResponseContext& context, transaction::Layer& layer, Instant now, Outbox& outbox);
  bool start_next_alternate(Place place, transaction::Layer& layer, Instant now, Outbox& outbox);
  void cancel_pending(ResponseContext& context, std::string_view reason_line, transaction::Layer& layer, Instant now, Outbox& outbox);
  void send_cancel(Leg& leg, transaction::Layer& layer, Instant now, Outbox& outbox);
  void pass_up(ResponseContext& context, const sip::Message& response, int status, transaction::Layer& layer, Instant now, Outbox& outbox);
  void answer(ResponseContext& context, int status, transaction::Layer& layer, Instant now, Outbox& outbox);
  void finish(ContextId id, Instant now);
  ResponseOutcome end_context(ContextId id, transaction::Layer& layer, Instant now, Outbox& outbox);
  static ResponseOutcome outcome_of(const ResponseContext& context, int forwarded_status);
  void keep_time(ContextId id);

  static constexpr Duration cancel_patience = 32s;  ///< 64·T1, RFC 3261 §9.1 and RFC 6026 §7.2

  Settings settings_;
  Forwarding forwarding_;
  Slab<ResponseContext> contexts_;
  TimerWheel<ContextId> wheel_;
};

}  // namespace ringhold::proxy
