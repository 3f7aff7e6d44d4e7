#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "base/flow.hpp"
#include "sip/message.hpp"
#include "sip/splice.hpp"

namespace ringhold::sip {

/// A response that we make ourselves (RFC 3261 §8.2.6): all Via lines (the first with received and rport), From, To with
/// `to_tag` if it has none, Call-ID, CSeq, then `headers` (whole lines) and Content-Length: 0.
/// An empty `reason` is the standard phrase; an empty `to_tag` adds none (100).
void append_response(std::string& out, const Message& request, const Endpoint& source, int status, std::string_view reason,
                     std::string_view to_tag, std::string_view headers);

/// Where a response to `request` goes (§18.2.2, RFC 3581): back by the flow; over UDP to a numeric maddr, else to the source
/// port if the client asked with rport, else to the port of its sent-by.
Destination response_destination(const Message& request, const Packet& packet);

/// Where we are for a request of our own to `destination`, as its Via and Contact say: the listener of that transport and address
/// family, else what the destination names.
Endpoint own_endpoint(std::span<const Target> listeners, const Destination& destination);

/// §18.2.1 and RFC 3581 §4 as edits: received if sent-by differs from the source or rport was asked, and rport's value.
/// The texts live in `note`.
struct ReceivedNote {
  std::array<char, 80> text;  ///< holds the longest: an IPv6 address and a port
};
void note_received(Splice& splice, const Via& top, const Endpoint& source, ReceivedNote& note);

/// The ACK for a final response other than 2xx (§17.1.1.3): same branch and Request-URI, To of the response, same Routes.
/// `sent_invite` is as we sent it.
void append_ack(std::string& out, const Message& sent_invite, const Message& response);

/// The CANCEL for a request that we sent (§9.1); `headers` are whole lines to add (Reason).
void append_cancel(std::string& out, const Message& sent_invite, std::string_view headers);

}  // namespace ringhold::sip
