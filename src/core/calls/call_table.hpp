#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "base/outbox.hpp"
#include "base/slab.hpp"
#include "base/team.hpp"
#include "base/timer_wheel.hpp"
#include "calls/call.hpp"
#include "calls/call_record.hpp"
#include "sip/message.hpp"

namespace ringhold::calls {

using CallId = Id<Call>;

/// What a final response that went upstream says of a call.
struct Answer {
  std::string_view call_id;
  std::string_view from_tag;
  std::string_view to_tag;  ///< of a 2xx
  int status = 0;           ///< as it was sent
  Duration session{};       ///< Session-Expires of a 2xx; zero: none
  std::string_view legs{};  ///< who was called, as a CallRecord says it
};

/// The calls whose INVITE passed here, by Call-ID and the caller's tag. Fed by the mind with what the proxy forwarded.
class CallTable {
 public:
  /// `worker` makes the ids of records different from those of others.
  explicit CallTable(std::size_t capacity = limits::calls, std::size_t records = limits::call_records, WorkerNumber worker = 0)
      : calls_{capacity}, log_{records}, worker_{worker} {}

  /// An INVITE outside of a dialog was forwarded; the parties are AORs, `mode` has static storage. Beyond the bound the call
  /// passes untracked, counted.
  void invited(const sip::Message& invite, Text caller, Text callee, std::string_view mode, Instant now, Outbox& outbox);
  /// An INVITE outside of a dialog that went nowhere: a record, and nothing to track.
  void turned_away(const sip::Message& invite, std::string_view caller, std::string_view callee, std::string_view mode, int status,
                   Instant now, Outbox& outbox);
  /// A final response to an INVITE went upstream.
  void responded(const Answer& answer, Instant now, Outbox& outbox);
  /// A 2xx to UPDATE went upstream: it may change the session timer (RFC 4028 §7).
  void refreshed(const Answer& answer, Instant now);
  /// A request in a dialog passed: BYE ends that dialog, and with the last one the call; others show that it lives.
  void passed(const sip::Message& request, Instant now, Outbox& outbox);
  void expire(Instant now, Outbox& outbox);
  std::optional<Instant> next_expiry() const { return wheel_.next(); }

  bool in_call(std::string_view aor) const { return by_party_.contains(aor); }
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
  void restore(const Row& row, Outbox& outbox) { log_.restore(row, outbox); }
  /// Which of so many workers keeps a record: who made it, if he is still there.
  static bool is_of(const Row& row, WorkerNumber worker, WorkerNumber workers);
  std::size_t size() const { return calls_.size(); }
  std::uint64_t untracked() const { return untracked_; }
  template <typename Visit>
  void for_each(Visit&& visit) const {
    calls_.for_each([&](CallId, const Call& call) { visit(call); });
  }

  /// A ringing call lives as long as Timer C allows with some provisionals; an answered one until its session timer has run
  /// out (RFC 4028 §10), and without one half a day, when both phones may have lost their power without a BYE.
  static constexpr Duration longest_ringing = 10min;
  static constexpr Duration longest_call = 12h;
  static constexpr Duration session_grace = 32s;       ///< the BYE of a session that was not refreshed may still come
  static constexpr std::size_t dialogs_per_call = 16;  ///< more 2xx of one INVITE are not told apart

 private:
  CallId find(std::string_view call_id, std::string_view tag, std::string_view other_tag) const;
  static void renew(Call& call, Instant now);
  void schedule(CallId id, Call& call);
  void end(CallId id, End how, EndedBy by, int status, Instant now, Outbox& outbox);
  Text next_record_id(Instant began);
  CallRecord record_of(const Call& call, End how, EndedBy by, int status, Instant now);
  void join(const Text& aor);
  void leave(const Text& aor);

  Slab<Call> calls_;
  TimerWheel<CallId> wheel_;
  boost::unordered_flat_map<Text, CallId, TextHash, TextEqual> by_dialog_;   ///< Call-ID and the caller's tag
  boost::unordered_flat_map<Text, unsigned, TextHash, TextEqual> by_party_;  ///< how many calls an AOR has
  std::vector<Party> parties_;
  bool notes_parties_ = false;
  std::uint64_t untracked_ = 0;
  CallLog log_;
  WorkerNumber worker_;
  std::uint32_t next_record_ = 0;
};

}  // namespace ringhold::calls
