#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/index.hpp"
#include "base/limits.hpp"
#include "base/outbox.hpp"
#include "base/slab.hpp"
#include "base/team.hpp"
#include "base/timer_wheel.hpp"
#include "calls/call.hpp"
#include "calls/call_record.hpp"
#include "sip/message.hpp"

namespace ringhold::calls {

/// What a response that went upstream says of a call.
struct Answer {
  std::string_view call_id;
  std::string_view from_tag;
  std::string_view to_tag;                 ///< of a 2xx
  int status = 0;                          ///< as it was sent
  Duration session{};                      ///< Session-Expires of a 2xx; zero: none
  std::string_view legs{};                 ///< who was called, as a CallRecord says it
  const sip::Message* response = nullptr;  ///< of one that makes or refreshes a dialog: as it came
  Target from{};                           ///< and where from
  std::string_view terminal{};             ///< the AOR as which who answers is registered; empty: he is not
};

/// An INVITE outside of a dialog that is forwarded, beside what it says itself.
struct Attempt {
  Text caller;  ///< AORs
  Text callee;
  std::string_view mode;        ///< static storage
  Target from;                  ///< where it came from
  std::string_view terminal{};  ///< the AOR as which who calls is registered; empty: he is not
  Search search{};
  bool follows_bindings = false;  ///< as in Call
};

/// The calls whose INVITE passed here, by Call-ID and the caller's tag. Fed by the mind with what the proxy forwarded.
class CallTable {
 public:
  /// `worker` makes the ids of records different from those of others.
  explicit CallTable(std::size_t capacity = limits::calls, std::size_t records = limits::call_records, WorkerNumber worker = 0)
      : calls_{capacity}, log_{records}, worker_{worker} {}

  /// An INVITE outside of a dialog was forwarded. Beyond the bound the call passes untracked, counted.
  void invited(const sip::Message& invite, Attempt attempt, Instant now, Outbox& outbox);
  /// An INVITE outside of a dialog that went nowhere: a record, and nothing to track.
  void turned_away(const sip::Message& invite, std::string_view caller, std::string_view callee, std::string_view mode, int status,
                   Instant now, Outbox& outbox);
  /// A provisional response with a To tag went upstream: an early dialog (RFC 3261 §12.1).
  void rang(const Answer& answer);
  /// A final response to an INVITE went upstream. Whether it is a 2xx to somebody who has been restarted meanwhile.
  bool responded(const Answer& answer, Instant now, Outbox& outbox);
  /// A 2xx to UPDATE went upstream: it may change the session timer (RFC 4028 §7).
  void refreshed(const Answer& answer, Instant now, Outbox& outbox);
  /// A request in a dialog passed, from there: BYE ends that dialog, and with the last one the call; others show that it lives.
  void passed(const sip::Message& request, const Target& from, Instant now, Outbox& outbox);
  /// Nobody is left at that side of a dialog (B1). With the last dialog the call ends.
  void release(CallId id, std::string_view callee_tag, Side restarted, Instant now, Outbox& outbox);
  /// The same of one that rings: its final response ends it.
  void note_restarted(CallId id, Side side);
  void expire(Instant now, Outbox& outbox);
  std::optional<Instant> next_expiry() const { return wheel_.next(); }

  Call* find(CallId id) { return calls_.find(id); }
  /// The call that a request belongs to, by the tags of both sides in whatever order.
  CallId find(std::string_view call_id, std::string_view tag, std::string_view other_tag) const;
  bool in_call(std::string_view aor) const { return first_of(aor) != Call::none; }
  /// The calls of an AOR, and which side of each it is.
  std::vector<std::pair<CallId, Side>> calls_of(std::string_view aor) const;
  /// Whether a request belongs to a call that passed here.
  bool knows(const sip::Message& request) const;
  /// The parties whose first call began here, or whose last one ended, since the last time; each once for each change.
  struct Party {
    Text aor;
    bool calls = false;
  };
  std::vector<Party> take_parties() { return std::exchange(parties_, {}); }
  /// Whether anybody takes them; before that nothing is noted.
  void note_parties() { notes_parties_ = true; }
  /// Those that ended (C6).
  const CallLog& past() const { return log_; }
  /// A call that ended, or a dialog that was up when we ended.
  void restore(const Row& row, Instant now, Outbox& outbox);
  /// Which of so many workers keeps a record: who made it, if he is still there.
  static bool is_of(const Row& row, WorkerNumber worker, WorkerNumber workers);
  std::size_t size() const { return calls_.size(); }
  std::uint64_t untracked() const { return untracked_; }
  template <typename Visit>
  void for_each(Visit&& visit) const {
    calls_.for_each(visit);
  }

  /// A ringing call lives as long as Timer C allows with some provisionals; an answered one until its session timer has run
  /// out (RFC 4028 §10), and without one half a day, when both phones may have lost their power without a BYE.
  static constexpr Duration longest_ringing = 10min;
  static constexpr Duration longest_call = 12h;
  static constexpr Duration session_grace = 32s;       ///< the BYE of a session that was not refreshed may still come
  static constexpr std::size_t dialogs_per_call = 16;  ///< more 2xx of one INVITE are not told apart
  static constexpr std::size_t early_per_call = 4;     ///< more that only ring are not kept

 private:
  std::uint32_t find_index(std::string_view call_id, std::string_view caller_tag) const;
  CallId track(Call call);
  std::uint32_t first_of(std::string_view aor) const;
  const Text& party_at(std::uint32_t node) const { return calls_.at(node / 2).parties[node % 2]; }
  static void renew(Call& call, Instant now);
  void schedule(CallId id, Call& call);
  Dialog* take_dialog(Call& call, const Answer& answer);
  static bool is_up(const Call& call);
  static void forget_early(Call& call);
  void rename(CallId id, Side side, std::string_view aor);
  void keep(Call& call, const Dialog& dialog, Instant now, Outbox& outbox) const;
  static void forget(const Call& call, const Dialog& dialog, Outbox& outbox);
  void end(CallId id, End how, EndedBy by, int status, Instant now, Outbox& outbox);
  Text next_record_id(Instant began);
  CallRecord record_of(const Call& call, End how, EndedBy by, int status, Instant now);
  void join(std::uint32_t node);
  void leave(std::uint32_t node);

  Slab<Call> calls_;
  TimerWheel<CallId> wheel_;
  Index by_dialog_;  ///< Call-ID and the caller's tag
  Index by_party_;   ///< chains of `next_of_party`
  std::vector<Party> parties_;
  bool notes_parties_ = false;
  std::uint64_t untracked_ = 0;
  CallLog log_;
  WorkerNumber worker_;
  std::uint32_t next_record_ = 0;
};

}  // namespace ringhold::calls
