#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "base/time.hpp"
#include "delivery/attempt.hpp"
#include "delivery/policy.hpp"

namespace ringhold::delivery {

/// How an address came to be served.
enum class Via : std::uint8_t {
  registered,  ///< a terminal of the user's
  redirect,    ///< a terminal has just named it
  remembered,  ///< a terminal had named it earlier (P5)
  configured,  ///< the administrator has, for redirects that name none (PSH-05)
  central,     ///< the central site, where the user may be
  subscribed,  ///< who wants the NOTIFYs of his event package, and is not registered
};
std::string_view name(Via via);
std::optional<Via> parse_via(std::string_view text);

/// Where a message may go.
struct Target {
  Text uri;     ///< becomes the Request-URI
  Text device;  ///< registered: the terminal; remembered: the one whose wish it was; else empty
  Via via = Via::registered;
  unsigned hop = 0;  ///< so many redirects led there
  friend bool operator==(const Target&, const Target&) = default;
};

/// Why a step ended as it did, beside its status.
enum class Why : std::uint8_t {
  none,          ///< it has not ended
  answered,      ///< its status says it
  timeout,       ///< nobody answered
  unreachable,   ///< nobody could be reached
  too_large,     ///< for a datagram, and there is no stream (RFC 3428 §8)
  unsolicited,   ///< a NOTIFY to a terminal that never asks for it (RFC 6665 §4.1)
  unsubscribed,  ///< one that may yet subscribe to it
};
std::string_view name(Why why);
std::optional<Why> parse_why(std::string_view text);

/// One request of a delivery.
struct Step {
  Target target;
  AttemptState state = AttemptState::trying;
  Why why = Why::none;
  int status = 0;  ///< of the final response; zero: none
  Instant sent_at;
  Instant ended_at;
};

/// What comes of a delivery as a whole.
enum class Outcome : std::uint8_t {
  pending,    ///< somebody is still being tried
  delivered,  ///< somebody took it
  refused,    ///< all have refused it, or one for all (6xx): there is no use in trying again
  unreached,  ///< somebody may take it another time
};

/// Of a delivery that failed, what stood in the way.
enum class Reason : std::uint8_t {
  none,
  nobody,
  unreachable,
  refused,
  declined,
  loop,
  hops,
  steps,
  too_large,
  unsolicited,
  expired,
  store_full,
  store_failing,
  removed
};
std::string_view name(Reason reason);
std::optional<Reason> parse_reason(std::string_view text);

/// One message on its way through the terminals of its user: whom to try next, and what the answers mean (PSH-03 to PSH-16). It
/// sends nothing: its owner asks whom to send to, and tells what came of it.
class Delivery {
 public:
  Delivery(Strategy strategy, Duration attempt) : strategy_{strategy}, attempt_{attempt} {}

  /// One group of addresses that may be served at once, behind those that wait already.
  void add(std::vector<Target> group) { queue_.push_back(std::move(group)); }
  /// The user's terminals, the first one first; `together` of them are one wish (PSH-10: the others come when these have failed).
  void add_terminals(std::vector<Target> terminals, std::size_t together = 1);

  /// Terminals that have come meanwhile: served when it is their turn, but nobody waits for the central site then. Whether any is new.
  bool join(std::vector<Target> terminals);

  /// The next address to send to: a step begins that counts as sent `now`. Nothing: an answer is waited for, or nobody is left.
  std::optional<std::size_t> next(Instant now);
  /// What became of a step, and what that calls for. `follow` and `look_elsewhere` are the owner's to do by the next two.
  Set<AttemptAction> happened(std::size_t step, AttemptEvent event, Why why, int status, Instant now);
  /// To be tried next, as a terminal wished it: in this order. Those that were tried are left out, as are those after too many hops.
  /// Whether any is left.
  bool follow(std::size_t step, std::vector<Target> contacts);
  /// Whether follow() would take any of these.
  bool leads_on(std::size_t step, std::span<const Target> contacts);
  /// It is decided: nobody else is tried, whatever comes late.
  void close();
  /// Steps whose attempt time is over.
  boost::container::small_vector<std::size_t, 2> overdue(Instant now) const;

  std::span<const Step> steps() const { return steps_; }
  Outcome outcome() const;
  Reason reason() const;  ///< of an outcome that is not `delivered`
  /// The best that a SIP sender can be told (PSH-11): the status of who refused last, else 480.
  int best_status() const;
  bool is_over() const;  ///< no answer is waited for any more
  bool is_delivered() const { return delivered_; }
  bool is_stopped() const { return delivered_ || stopped_ || closed_; }  ///< nobody else is tried
  std::optional<Instant> next_expiry() const;

 private:
  bool was_tried(std::string_view uri) const;
  bool is_trying() const;
  bool has_to_wait() const;

  Strategy strategy_;
  Duration attempt_;
  bool delivered_ = false;
  bool stopped_ = false;
  bool closed_ = false;
  bool looped_ = false;
  bool went_too_far_ = false;
  std::deque<std::vector<Target>> queue_;
  std::vector<Target> group_;  ///< of the present group, those that have not been tried yet; the first one last
  std::vector<Step> steps_;
};

/// Whether a final status says nothing for another time.
bool is_for_now(int status);
/// Whether there is use in trying that address another time.
bool may_take_it_later(const Step& step);

}  // namespace ringhold::delivery
