#pragma once

#include <array>
#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.hpp"
#include "base/slab.hpp"
#include "base/text.hpp"
#include "base/time.hpp"

namespace ringhold::calls {

enum class CallState : std::uint8_t { ringing, answered };
enum class Side : std::uint8_t { caller, callee };
constexpr Side other(Side side) { return side == Side::caller ? Side::callee : Side::caller; }
constexpr std::size_t index_of(Side side) { return side == Side::caller ? 0 : 1; }

/// What is needed to send a request into a dialog in the name of one of its parties (RFC 3261 §12.2.1.1), as its requests and
/// responses showed it. A forked call may have several (§13.2.2.4), of which all but one get a BYE at once. Those that ended
/// are remembered, because their 2xx may come again.
struct Dialog {
  Text callee_tag;
  Text callee_target;                   ///< the URI of its Contact
  Text routes;                          ///< Record-Route of its response, from the callee's end to the caller's
  Target callee_at;                     ///< where its signalling comes from
  std::array<std::uint32_t, 2> cseq{};  ///< the last that was seen in a request of each Side; zero: none
  bool whole = false;                   ///< nothing of target and routes was left out: a request of ours would go the right way
  bool alive = true;
  bool early = false;  ///< made by a provisional response (§12.1)
};

/// Names a search in progress at the proxy, in its own numbering.
struct Search {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;
};

/// One call as the proxy saw it. A hundred thousand of them have to fit into 100 MB.
struct Call {
  static constexpr std::uint32_t none = UINT32_MAX;

  Text call_id;
  Text from_tag;
  std::array<Text, 2> parties;  ///< AORs of both sides: as which they are registered, if they are
  Text uris;                    ///< of From and To of the INVITE, a line each; empty: both are the AORs
  Text caller_target;           ///< the URI of its Contact
  Text legs;                    ///< who was called, as a CallRecord says it
  Target caller_at;             ///< where its signalling comes from
  std::string_view mode;        ///< when it began; static storage
  std::uint32_t invite_cseq = 0;
  CallState state = CallState::ringing;
  std::optional<Side> restarted;    ///< whose restart ends it (B1)
  std::array<bool, 2> other_aor{};  ///< From or To of the INVITE name another one, in `uris`
  bool caller_whole = false;        ///< as Dialog::whole
  bool follows_bindings = false;    ///< a ring plan, which calls who restarts again (X-09)
  boost::container::small_vector<Dialog, 1> dialogs;
  Search search;                                           ///< while it rings
  Instant began;                                           ///< of the INVITE
  Instant since;                                           ///< the same; once answered, of the answer
  Duration session{};                                      ///< Session-Expires of the last 2xx (RFC 4028); zero: no session timer
  Instant end_by;                                          ///< then it is forgotten: nobody may be left to say BYE
  Instant kept_at;                                         ///< when its row was written
  Instant in_wheel = Instant::max();                       ///< its earliest entry in the timer wheel
  std::array<std::uint32_t, 2> next_of_party{none, none};  ///< twice the index of a call, and one more for its callee
  std::array<std::uint32_t, 2> previous_of_party{none, none};

  const Text& party(Side side) const { return parties[index_of(side)]; }
  std::string_view uri(Side side) const {
    if (uris.empty()) return party(side);
    const std::string_view both = uris;
    const auto line = both.find('\n');
    return side == Side::caller ? both.substr(0, line) : both.substr(line + 1);
  }
  std::string_view tag(Side side, const Dialog& dialog) const { return side == Side::caller ? from_tag : dialog.callee_tag; }
  const Text& target(Side side, const Dialog& dialog) const { return side == Side::caller ? caller_target : dialog.callee_target; }
  const Target& at(Side side, const Dialog& dialog) const { return side == Side::caller ? caller_at : dialog.callee_at; }
  /// Whether requests can be sent to its parties.
  bool is_whole(const Dialog& dialog) const { return caller_whole && dialog.whole; }
  Dialog* find(std::string_view callee_tag) {
    for (Dialog& dialog : dialogs)
      if (dialog.callee_tag == callee_tag) return &dialog;
    return nullptr;
  }
};

using CallId = Id<Call>;

}  // namespace ringhold::calls
