#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/team.hpp"
#include "base/text.hpp"
#include "proxy/flow_token.hpp"
#include "proxy/loop_check.hpp"
#include "proxy/response_context.hpp"
#include "proxy/route_preprocessing.hpp"
#include "proxy/validation.hpp"
#include "sip/message.hpp"
#include "sip/splice.hpp"

namespace ringhold::proxy {

/// What tells one copy of a request from the others (RFC 3261 §16.6).
struct Outgoing {
  const Preprocessed& way;
  const Hop& hop;
  const Destination& destination;  ///< the address of the hop that is tried now
  const Branch& branch;
  std::optional<std::uint16_t> breadth;  ///< Max-Breadth to write (RFC 5393); nothing: as received
};

/// A response that we make ourselves, as views: a Refusal that nobody needs to keep.
struct Answer {
  int status = 200;
  std::string_view reason{};   ///< empty: the standard phrase
  std::string_view headers{};  ///< whole lines to add
};

/// Whether a URI demands TLS (RFC 5630).
bool is_sips(std::string_view uri);
/// RFC 5630 §5.3, RFC 3261 §26.2.2: what asks for sips goes over TLS only. The hops that do, with those of their addresses.
std::vector<Hop> secure_hops(std::span<const Hop> hops);
/// Whether somebody stands between us and who made the message: below the top Via there is another one.
bool has_second_via(const sip::Message& message);

/// Writes what a proxy sends: forwarded requests (§16.6), forwarded responses (§16.7), CANCEL (§9.1) and own answers.
/// Bytes of the received message with splices; nothing is kept between calls but a counter.
class Forwarding {
 public:
  /// Draws where the branch numbers begin, and, unless the team has one, the secret that keys tags, loop hashes and flow tokens.
  Forwarding(const Identity& identity, const Team& team, Random& random);

  /// The flow that a Route of ours names (RFC 5626 §5.3); nothing when the token is not one of ours.
  std::optional<Destination> flow(std::string_view token) const;

  Branch new_branch(const sip::Message& request, const Preprocessed& way);
  /// The same for every retransmission of the same ACK (§16.11).
  Branch stateless_branch(const sip::Message& ack, const Preprocessed& way) const;
  /// §16.3 step 4 with RFC 5393: a Via of ours with the same loop hash.
  bool has_looped(const sip::Message& request, const Preprocessed& way) const { return loop_check_.has_looped(request, way, identity_); }

  /// Appends the request as it leaves: Request-URI, routes (also for a strict router), Record-Route for what makes dialogs,
  /// Max-Forwards, Max-Breadth, our Via, received and rport in the Via below, a Content-Length that fits.
  void write_request(const sip::Message& request, const Packet& arrival, const Outgoing& outgoing, Outbox& outbox) const;
  /// The CANCEL for a request that we sent; returns its branch, which is the request's.
  std::optional<Text> write_cancel(std::string_view sent_request, std::string_view reason_lines, Outbox& outbox) const;
  /// The response without our Via.
  void write_response(const sip::Message& response, std::string& out) const;
  /// The best response with the challenges of the others (§16.7 step 7).
  void write_best(const ResponseContext& context, std::string& out) const;
  void keep_challenges(const sip::Message& response, std::vector<Text>& challenges) const;
  /// A response of our own to a received request.
  void write_answer(const sip::Message& request, const Endpoint& source, const Answer& answer, std::string& out) const;
  void write_refusal(const sip::Message& request, const Endpoint& source, const Refusal& refusal, std::string& out) const {
    write_answer(request, source, {refusal.status, refusal.reason, refusal.headers}, out);
  }

 private:
  struct Listener {
    Text via_head;             ///< "Via: SIP/2.0/UDP 10.77.0.2:5060;branch="
    Text record_route;         ///< of its Record-Route what follows the scheme
    Text secure_record_route;  ///< the same for what must stay on TLS (§16.6 step 4)
  };
  /// Who is on one side of us: by which of our listeners, and the token of its flow where nothing else leads there.
  struct Side {
    std::size_t listener = 0;
    Text flow_token;
  };
  Side caller_side(const sip::Message& request, const Packet& arrival) const;
  Side callee_side(const Hop& hop, const Destination& destination) const;
  std::size_t listener(Transport transport, const Endpoint& local) const;  ///< index; the best match
  void add_record_route(sip::Splice& splice, const Side& side, bool secure) const;

  Forwarding(const Identity& identity, const Team& team, std::uint64_t seed, std::uint64_t secret);

  Identity identity_;
  Text mark_;  ///< in the Record-Routes of a team: whose call it is
  std::vector<Listener> listeners_;
  std::uint64_t next_number_;
  SipHash hash_;  ///< for what others see and must not be able to make: tags, branches, flow tokens; each with a label
  LoopCheck loop_check_;
  FlowTokens flow_tokens_;
};

}  // namespace ringhold::proxy
