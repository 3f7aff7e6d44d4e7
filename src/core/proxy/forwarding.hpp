#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/outbox.hpp"
#include "base/text.hpp"
#include "proxy/response_context.hpp"
#include "proxy/route_preprocessing.hpp"
#include "proxy/validation.hpp"
#include "sip/message.hpp"

namespace ringhold::proxy {

/// A Via branch of ours: the cookie, a number that is never used twice, and the loop hash (RFC 3261 §16.6 step 8).
class Branch {
 public:
  Branch(std::uint64_t number, std::uint32_t loop_hash);
  std::string_view text() const { return {text_, sizeof text_}; }

 private:
  char text_[7 + 13 + 1 + 7];
};

/// Writes what a proxy sends: forwarded requests (§16.6), forwarded responses (§16.7), CANCEL (§9.1) and own answers.
/// Bytes of the received message with splices; nothing is kept between calls but a counter.
class Forwarding {
 public:
  /// `seed` begins the branch numbers, `secret` keys tags and loop hashes so that nobody outside can compute them.
  Forwarding(const Identity& identity, std::uint64_t seed, std::uint64_t secret);

  Branch new_branch(const sip::Message& request, const Preprocessed& way);
  /// The same for every retransmission of the same ACK (§16.11).
  Branch stateless_branch(const sip::Message& ack) const;
  /// §16.3 step 4 with RFC 5393: a Via of ours with the same loop hash.
  bool has_looped(const sip::Message& request, const Preprocessed& way) const;

  /// Appends the request as it leaves: Request-URI, routes, Record-Route for what makes dialogs, Max-Forwards, our Via,
  /// received and rport in the Via below.
  void write_request(const sip::Message& request, const Packet& packet, const Preprocessed& way, const Hop& hop, const Branch& branch,
                     Outbox& outbox) const;
  /// A request that we sent before, for another address: a new branch, all else the same (RFC 3263 §4.3).
  std::optional<Branch> write_again(std::string_view sent_request, const Destination& next, Outbox& outbox);
  /// The CANCEL for a request that we sent; returns its branch, which is the request's.
  std::optional<Text> write_cancel(std::string_view sent_request, std::string_view reason_line, Outbox& outbox) const;
  /// The response without our Via.
  void write_response(const sip::Message& response, std::string& out) const;
  /// The best response with the challenges of the others (§16.7 step 7).
  void write_best(const ResponseContext& context, std::string& out) const;
  void keep_challenges(const sip::Message& response, std::vector<Text>& challenges) const;
  /// A response of our own to a received request.
  void write_refusal(const sip::Message& request, const Endpoint& source, const Refusal& refusal, std::string& out) const;

 private:
  std::uint32_t loop_hash(const sip::Message& request, std::string_view request_uri) const;
  std::size_t listener(Transport transport, const Endpoint& local) const;  ///< index; the best match

  Identity identity_;
  std::vector<Text> via_heads_;      ///< for each listener: "Via: SIP/2.0/UDP 10.77.0.2:5060;branch="
  std::vector<Text> record_routes_;  ///< for each listener: its whole Record-Route line
  std::uint64_t next_number_;
  std::uint64_t secret_;
};

}  // namespace ringhold::proxy
