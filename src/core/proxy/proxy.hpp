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
  Team team{};
  Duration timer_c = 185s;         ///< RFC 3261 §16.6 step 11: above three minutes
  Duration trying_after = 3500ms;  ///< RFC 4320 §4.1: until Timer E of the client has reached T2
  Duration silence = 4s;           ///< an INVITE without any answer for so long holds up no forked call (C5, RNG-16)
  Duration stopping = 400ms;       ///< after the last step the answers to CANCELs are waited for so long (RNG-10)
};

/// What a response did, for those who keep books on calls.
struct ResponseOutcome {
  bool known = false;  ///< it belonged to a live response context
  ContextId context;
  bool wants_targets = false;  ///< of Search::may_go_on: all have ended without an answer, and nobody rings
  sip::Method method = sip::Method::other;
  int forwarded_status = 0;  ///< zero: nothing went upstream
  Text call_id;              ///< of a final response to INVITE that went upstream, and of a 2xx to UPDATE
  Text from_tag;
  Text to_tag;                        ///< of a 2xx: which dialog it made or refreshed
  std::uint32_t session_expires = 0;  ///< of a 2xx, seconds (RFC 4028); zero: no session timer
  Text legs;                          ///< of the first final response to INVITE: who was called (describe_legs())
};

/// The request that a response or a failure belongs to.
struct Pending {
  std::string_view request;      ///< as it came; valid until the transaction layer's next change
  std::string_view request_uri;  ///< of its target; empty: as it came
  Packet arrival;                ///< without its bytes
  unsigned challenges = 0;       ///< answered for this target so far
};

/// For call records: a line for each leg, "URI AFTER_MS UNTIL_MS STATUS WHY"; the times count from the INVITE. WHY is
/// `answered`, `refused`, `unanswered` (its time to ring was over), `silent`, `elsewhere` (another answered, or declined for
/// all), or `cancelled` (by the caller).
Text describe_legs(const ResponseContext& context, Instant now);

/// What a target gets of Max-Breadth (RFC 5393) while more may come to its step: not all that there is.
std::uint16_t share_in_step(std::uint16_t share, unsigned whole);

/// The places of a hop that take messages of any size (§18.1.1); nothing when its target offers none.
std::optional<Hop> stream_hop(Hop hop, const std::vector<Target>& listeners);

/// The proxy of RFC 3261 §16. Every operation answers into the outbox and through the transaction layer that it is given.
class Proxy {
 public:
  Proxy(const Settings& settings, Random& random);

  /// §16.3 steps 1 and 2, and §16.4: what of the Route set is ours and where the request points.
  std::expected<Preprocessed, Refusal> preprocess(const sip::Message& request) const;
  /// §16.3 steps 3 to 5 for a request that is not for us: Max-Forwards (483), loop (482), Proxy-Require (420).
  std::optional<Refusal> may_not_forward(const sip::Message& request, const Preprocessed& way) const;
  /// The flow that the last Route of ours names (RFC 5626 §5.3); nothing without one, or when its token is not ours.
  std::optional<Destination> flow(const Preprocessed& way) const { return forwarding_.flow(way.flow_token); }

  /// §16.6: forks to the target set in parallel. `request` is not an ACK or CANCEL. An INVITE is answered with 100 at once.
  /// Without targets, with more than Max-Breadth allows (440), or when the tables are full, the request is refused. What names
  /// it while it is under way; nothing when it is not.
  ContextId forward(const sip::Message& request, const Packet& packet, const Preprocessed& way, std::span<const Hop> hops,
                    transaction::Layer& layer, Instant now, Outbox& outbox, Search search = Search::complete);
  /// More targets for an INVITE of Search::may_go_on. Whether any of them is tried.
  /// `invite` is request() of it, parsed.
  bool add_targets(ContextId id, const sip::Message& invite, std::span<const Hop> hops, transaction::Layer& layer, Instant now,
                   Outbox& outbox);
  /// CANCELs what rings of an INVITE of Search::may_go_on; it is not waited for.
  void stop_ringing(ContextId id, transaction::Layer& layer, Instant now, Outbox& outbox);
  /// The same for the target with that Request-URI.
  void stop_ringing(ContextId id, std::string_view request_uri, transaction::Layer& layer, Instant now, Outbox& outbox);
  /// The request that a search is for, as it came; empty when there is none. Valid until the transaction layer's next change.
  std::string_view request(ContextId id, const transaction::Layer& layer) const;
  /// Whether the target with that Request-URI is being called.
  bool is_calling(ContextId id, std::string_view request_uri) const;
  /// Whether it is an INVITE of Search::may_go_on for which nobody is called any more.
  bool wants_targets(ContextId id) const;
  /// No more targets come: what is left is stopped, and the best response goes up (480 when nobody decided).
  ResponseOutcome end_search(ContextId id, transaction::Layer& layer, Instant now, Outbox& outbox);
  /// §16.11: without state, for an ACK to a 2xx.
  void forward_ack(const sip::Message& ack, const Packet& packet, const Preprocessed& way, const Hop& hop, Outbox& outbox);
  /// Answers a request as UAS: INVITE with a server transaction (its ACK must be absorbed), others without (§8.2.7).
  void refuse(const sip::Message& request, const Packet& packet, const Refusal& refusal, transaction::Layer& layer, Instant now,
              Outbox& outbox);
  /// Answers without a transaction (§8.2.7): OPTIONS to ourselves, malformed requests.
  void refuse_without_state(const sip::Message& request, const Packet& packet, const Refusal& refusal, Outbox& outbox) const;
  void answer_without_state(const sip::Message& request, const Packet& packet, const Answer& answer, Outbox& outbox) const;
  /// §16.10: answers the CANCEL and cancels every pending leg of the INVITE it matches; 481 if there is none.
  void cancel(const sip::Message& request, const Packet& packet, const transaction::Received& received, transaction::Layer& layer,
              Instant now, Outbox& outbox);

  /// The same without a CANCEL of the caller: he is gone. `reason` is a whole line for those who ring (RFC 3326).
  void cancel(ContextId id, std::string_view reason, transaction::Layer& layer, Instant now, Outbox& outbox);
  /// The target with that Request-URI is gone: it is told to stop, and nobody waits for it.
  ResponseOutcome drop_target(ContextId id, std::string_view request_uri, transaction::Layer& layer, Instant now, Outbox& outbox);
  /// Sends a request of our own to `hop`, in a client transaction of `owner`: one that has no Via yet, whose Routes may begin with
  /// ours. Zero when the table is full.
  transaction::TransactionId send(const sip::Message& request, const Preprocessed& way, const Hop& hop, transaction::Owner owner,
                                  transaction::Layer& layer, Instant now, Outbox& outbox);

  /// §16.7, for a response whose owner is the proxy.
  ResponseOutcome on_response(const sip::Message& response, const transaction::Received& received, transaction::Layer& layer, Instant now,
                              Outbox& outbox);
  /// §16.7 step 4, for a 3xx to a request for a user of ours: its Contacts are `hops`, and become targets where they have not been
  /// tried; the 3xx goes nowhere then. Else as on_response().
  ResponseOutcome on_redirect(const sip::Message& response, const transaction::Received& received, std::span<const Hop> hops,
                              transaction::Layer& layer, Instant now, Outbox& outbox);
  /// §22.3, for a 401 or 407 from a server that we have credentials for: the request goes there once more, with these lines. Nothing
  /// goes upstream then. When it cannot be sent, as on_response().
  ResponseOutcome on_challenge(const sip::Message& response, const transaction::Received& received, std::string_view credentials,
                               transaction::Layer& layer, Instant now, Outbox& outbox);
  /// Nothing when its sender has its final response already.
  std::optional<Pending> pending(const transaction::Owner& owner, const transaction::Layer& layer) const;
  /// §16.9 and timeouts: the next address is tried, else the leg ended with 503 or 408.
  ResponseOutcome on_failure(const transaction::Failure& failure, transaction::Layer& layer, Instant now, Outbox& outbox);
  /// Timer C, late 100s, silent legs and the ends of contexts. What went upstream.
  std::vector<ResponseOutcome> expire(transaction::Layer& layer, Instant now, Outbox& outbox);

  std::optional<Instant> next_expiry() const { return wheel_.next(); }
  std::size_t size() const { return contexts_.size(); }

 private:
  struct Place {
    ContextId context;
    std::size_t leg;
  };
  enum class Setback : std::uint8_t { unavailable, timeout, transport_error };

  // recursion.cpp
  /// Its leg, while it is waited for; null when it is not.
  Leg* awaited_leg(const transaction::Received& received);
  // proxy.cpp
  bool start_leg(Place place, const sip::Message& request, const Preprocessed& way, transaction::Layer& layer, Instant now, Outbox& outbox);
  void cancel_pending(ResponseContext& context, transaction::Layer& layer, Instant now, Outbox& outbox);
  void cancel_leg(ResponseContext& context, Leg& leg, transaction::Layer& layer, Instant now, Outbox& outbox);
  void send_cancel(ResponseContext& context, Leg& leg, transaction::Layer& layer, Instant now, Outbox& outbox);
  void answer(ResponseContext& context, int status, transaction::Layer& layer, Instant now, Outbox& outbox);
  void keep_time(ContextId id);
  // responses.cpp
  ResponseOutcome on_provisional_response(Place place, const sip::Message& response, transaction::Layer& layer, Instant now,
                                          Outbox& outbox);
  ResponseOutcome on_success(Place place, const sip::Message& response, transaction::Layer& layer, Instant now, Outbox& outbox);
  ResponseOutcome end_leg(Place place, int status, const sip::Message* response, transaction::Layer& layer, Instant now, Outbox& outbox);
  int send_best(ResponseContext& context, transaction::Layer& layer, Instant now, Outbox& outbox);
  bool try_next_place(Place place, Setback why, transaction::Layer& layer, Instant now, Outbox& outbox);
  bool give_up_silent(ContextId id, transaction::Layer& layer, Instant now, Outbox& outbox);
  void pass_up(ResponseContext& context, const sip::Message& response, transaction::Layer& layer, Instant now, Outbox& outbox);
  void finish(ContextId id, Instant now);
  ResponseOutcome close(ContextId id, transaction::Layer& layer, Instant now, Outbox& outbox);
  static ResponseOutcome outcome_of(ContextId id, const ResponseContext& context, int forwarded_status);
  static void tell_legs(const ResponseContext& context, ResponseOutcome& outcome, Instant now);
  // timer_c.cpp
  void expire_context(ContextId id, transaction::Layer& layer, Instant now, Outbox& outbox, std::vector<ResponseOutcome>& outcomes);
  ResponseOutcome on_early_due(ContextId id, transaction::Layer& layer, Instant now, Outbox& outbox);
  ResponseOutcome on_leg_due(Place place, transaction::Layer& layer, Instant now, Outbox& outbox);
  void end_context(ContextId id, transaction::Layer& layer);

  static constexpr Duration cancel_patience = 32s;  ///< 64·T1, RFC 3261 §9.1 and RFC 6026 §7.2

  Settings settings_;
  Forwarding forwarding_;
  Slab<ResponseContext> contexts_;
  TimerWheel<ContextId> wheel_;
};

}  // namespace ringhold::proxy
