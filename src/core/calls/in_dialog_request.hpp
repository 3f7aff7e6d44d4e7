#pragma once

#include <string_view>

#include "calls/call.hpp"
#include "sip/method.hpp"

namespace ringhold::calls {

/// A request into a dialog as its other party would send it (RFC 3261 §12.2.1.1): tags, CSeq, route set, remote target.
struct InDialogRequest {
  Text request_uri;
  Text routes;   ///< the whole route set of who would send it, in order: also what comes before us
  Text headers;  ///< From, To, Call-ID, CSeq and what is added: whole lines
  std::string_view method;
  Target last_seen;                ///< where the receiver's signalling came from: the way when routes and target lead nowhere
  bool trusts_no_binding = false;  ///< who is registered at the target may not be the receiver: last_seen, unless routes lead on
};

/// RST-10: an INFO whose CSeq is lower than the last of who would send it. A living dialog has to refuse it with 500 and keep
/// its count (§12.2.2), one that is lost says 481.
InDialogRequest probe(const Call& call, const Dialog& dialog, Side to);
/// The same without a route set, to that contact, or, when it is empty, to the one that the dialog knows.
void go_straight(InDialogRequest& request, std::string_view contact);
/// RST-08: a BYE to that side with the next CSeq of the other one, and why (RFC 3326).
InDialogRequest bye(const Call& call, const Dialog& dialog, Side to, std::string_view reason);

}  // namespace ringhold::calls
