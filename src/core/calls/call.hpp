#pragma once

#include <cstdint>

#include "base/text.hpp"
#include "base/time.hpp"

namespace ringhold::calls {

enum class CallState : std::uint8_t { ringing, answered };

/// One call as the proxy saw it.
struct Call {
  Text call_id;
  Text from_tag;
  Text caller;  ///< AOR of From
  Text callee;  ///< AOR of To
  CallState state = CallState::ringing;
  Instant since;   ///< of the INVITE; once answered, of the answer
  Instant end_by;  ///< then it is forgotten: nobody may be left to say BYE
};

/// What became of a call; for log and, later, call records (C6).
enum class End : std::uint8_t { bye, refused, lost };

}  // namespace ringhold::calls
