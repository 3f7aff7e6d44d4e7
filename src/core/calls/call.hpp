#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <string_view>

#include "base/text.hpp"
#include "base/time.hpp"

namespace ringhold::calls {

enum class CallState : std::uint8_t { ringing, answered };

/// A callee whose 2xx went up. A forked call may have several (RFC 3261 §13.2.2.4), of which all but one get a BYE at once.
/// Those that ended are remembered, because their 2xx may come again.
struct Dialog {
  Text callee_tag;
  bool alive = true;
};

/// One call as the proxy saw it.
struct Call {
  Text call_id;
  Text from_tag;
  Text caller;  ///< AOR of From
  Text callee;  ///< AOR of To
  CallState state = CallState::ringing;
  boost::container::small_vector<Dialog, 1> dialogs;
  Instant began;                      ///< of the INVITE
  Instant since;                      ///< the same; once answered, of the answer
  std::string_view mode;              ///< when it began; static storage
  Text legs;                          ///< who was called, as a CallRecord says it
  Duration session{};                 ///< Session-Expires of the last 2xx (RFC 4028); zero: no session timer
  Instant end_by;                     ///< then it is forgotten: nobody may be left to say BYE
  Instant in_wheel = Instant::max();  ///< its earliest entry in the timer wheel
};

}  // namespace ringhold::calls
