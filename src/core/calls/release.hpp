#pragma once

#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/outbox.hpp"
#include "base/slab.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "base/timer_wheel.hpp"
#include "calls/call_table.hpp"
#include "calls/check.hpp"
#include "calls/in_dialog_request.hpp"
#include "calls/policy.hpp"
#include "transaction/layer.hpp"

namespace ringhold::calls {

/// A terminal that seems to have lost its calls.
struct Suspect {
  enum class Why : std::uint8_t {
    restarted,  ///< it registered with another Call-ID (R4)
    lapsed,     ///< its binding ran out in a call (X-29): never released without being asked
  };
  struct Place {
    Text contact;
    Endpoint source;  ///< port zero: others may send from there, too
  };
  Text aor;
  std::vector<Place> places;  ///< where its binding was
  std::vector<Text> others;   ///< contacts of the user's other terminals
  Text user_agent;
  Text new_contact;         ///< where it can be asked when that is not where it was; empty: nowhere else
  bool has_moved = false;   ///< its contact's address or port is another one
  bool is_foreign = false;  ///< from another address than before: never released without being asked (RST-11)
  Why why = Why::restarted;
  std::uint64_t number = 0;  ///< of the restart, for take_concluded()
};

struct Check;
using CheckId = Id<Check>;

/// What the mind has to do for the release: it knows the ways.
struct Errand {
  enum class Kind : std::uint8_t { probe, bye, cancel, drop_target };
  Kind kind = Kind::probe;
  InDialogRequest request;   ///< probe, bye
  CheckId check;             ///< probe: whose answer counts; tell sent()
  std::uint32_t place = 0;   ///< probe: 0 where the dialog has the terminal, 1 at its new contact; for Owner::leg
  bool is_repeated = false;  ///< probe: of an audit that has been answered before; not needed where the terminal is registered
  Search search;             ///< cancel: the whole INVITE; drop_target: its target `contact`
  Text contact;
};

/// One dialog that is asked.
struct Check {
  CallId call;
  Text callee_tag;  ///< empty: a caller that hears it ring
  Text asked_tag;   ///< the dialog in which it is asked
  Side lost = Side::caller;
  CheckState state = CheckState::asked;
  Suspect::Why why = Suspect::Why::restarted;
  bool is_asked = false;       ///< now; else it waits for its time, or for a dialog
  bool is_resting = false;     ///< it has just lived; whatever speaks against it waits
  bool wants_again = false;    ///< something has spoken against it meanwhile
  bool is_sent = false;        ///< the present question has left for the terminal's own place
  bool is_refused = false;     ///< nobody can be reached at its own place
  bool new_says_gone = false;  ///< its new contact knows nothing of the dialog
  unsigned unsent = 0;         ///< questions that could not be sent, one after another
  unsigned rounds = 0;         ///< lapsed: of silence
  unsigned audits = 0;         ///< lapsed: answers
  bool has_moved = false;
  bool is_foreign = false;  ///< as of Suspect: what is registered now is not believed
  Text new_contact;
  Text contact;  ///< as registered: the target of a ringing call
  Text user_agent;
  boost::container::small_vector<transaction::TransactionId, 2> probes;
  Instant began;
  Instant due;
  std::uint64_t number = 0;
};

/// What came of a restart when all that it concerned has been decided.
struct Concluded {
  std::uint64_t number = 0;
  unsigned released = 0;
  unsigned kept = 0;
};

/// Ends the calls of terminals that have lost them (B1, B2). It decides; what it wants sent the mind takes as errands.
class Release {
 public:
  explicit Release(const ReleaseSettings& settings) : settings_{settings}, checks_{limits::calls} {}
  /// What is under way and not wanted any more ends without a word.
  void reconfigure(const ReleaseSettings& settings) { settings_ = settings; }

  /// Calls of the terminal are asked, released or left alone, as the policy says.
  void suspect(const Suspect& suspect, CallTable& calls, Instant now, Outbox& outbox);
  /// A terminal is asked at that time whether its call lives, and then again and again.
  void audit(CallId call, std::string_view callee_tag, Side side, Instant at);
  /// Of a repeated audit: the terminal is registered here, where a restart would be seen.
  void put_off(CheckId id, Instant now);
  /// A 2xx came for a caller that has been restarted: its call is ended at once.
  void answered_too_late(const Answer& answer, CallTable& calls, Instant now, Outbox& outbox);
  /// The errands since the last time.
  std::vector<Errand> take_errands() { return std::exchange(errands_, {}); }
  /// A probe was sent to that place, or could not be: zero.
  void sent(const Errand& errand, transaction::TransactionId probe);

  void on_response(const transaction::Owner& owner, int status, CallTable& calls, transaction::Layer& layer, Instant now, Outbox& outbox);
  /// Of a probe. It says nothing of a terminal whose connection is gone and that nobody has seen restart.
  void on_failure(const transaction::Failure& failure, CallTable& calls, transaction::Layer& layer, Instant now, Outbox& outbox);
  /// A request in a dialog, or a 2xx to one, came from the side whose tag is `tag`.
  void heard(std::string_view call_id, std::string_view tag, std::string_view other_tag, CallTable& calls, transaction::Layer& layer,
             Instant now, Outbox& outbox);
  void expire(CallTable& calls, transaction::Layer& layer, Instant now, Outbox& outbox);
  std::optional<Instant> next_expiry() const { return wheel_.next(); }

  bool is_idle() const { return checks_.size() == 0; }
  std::size_t size() const { return checks_.size(); }
  std::vector<Concluded> take_concluded() { return std::exchange(concluded_, {}); }

  static constexpr Duration first_audit = 2s;         ///< after our start; phones may have to find us first
  static constexpr Duration between_questions = 5ms;  ///< so that many of them are no storm
  static constexpr unsigned at_once = 16;             ///< so many of one terminal are
  static constexpr Duration rest = 30s;               ///< who has just lived is not asked again
  static constexpr Duration audit_again = 5min;       ///< who is not registered here, as long as its call is up
  static constexpr Duration patience = 4s;            ///< with each of the two probes
  static constexpr std::size_t most_unreliable = 64;  ///< User-Agents that are remembered
  static constexpr unsigned most_unsent = 5;          ///< then who cannot be asked is left alone

 private:
  void suspect_call(const Suspect& suspect, CallId id, Side side, CallTable& calls, Instant now, Outbox& outbox);
  void begin(Check check, bool asks, CallTable& calls, Instant now, Outbox& outbox);
  void go_on(CheckId id, Check news, CallTable& calls, Instant now);
  bool is_wanted(const Check& check) const;
  CheckId add(Check check);
  bool asks(const Suspect& suspect) const;
  CheckId find_like(const Check& like) const;
  /// False: there is nobody to ask yet.
  bool ask(CheckId id, CallTable& calls);
  void ask_or_wait(CheckId id, CallTable& calls, Instant now);
  Dialog* dialog_to_ask(Check& check, CallTable& calls);
  void keep(CheckId id, std::string_view evidence, CallTable& calls, transaction::Layer& layer, Instant now, Outbox& outbox);
  void take(CheckId id, CheckEvent event, std::string_view evidence, CallTable& calls, transaction::Layer& layer, Instant now,
            Outbox& outbox);
  void let_go(const Check& check, bool is_certain, std::string_view evidence, CallTable& calls, Instant now, Outbox& outbox);
  void end(CheckId id, transaction::Layer& layer);
  static void abandon_probes(Check& check, transaction::Layer& layer);
  void forget(CheckId id);
  bool is_unreliable(std::string_view user_agent) const;
  void remember_unreliable(const Text& user_agent);
  void schedule(CheckId id, Instant due);
  void settle(std::uint64_t number);

  ReleaseSettings settings_;
  Slab<Check> checks_;
  TimerWheel<CheckId> wheel_;
  boost::unordered_flat_map<std::uint32_t, std::vector<CheckId>> by_call_;  ///< index of the call
  std::vector<Errand> errands_;
  unsigned begun_ = 0;  ///< questions of the present suspect()
  struct Tally {
    unsigned open = 0;
    Concluded so_far;
  };
  boost::unordered_flat_map<std::uint64_t, Tally> tallies_;
  std::vector<Concluded> concluded_;
  std::deque<Text> unreliable_;  ///< User-Agents that have changed their Call-ID and had their calls all the same
};

}  // namespace ringhold::calls
