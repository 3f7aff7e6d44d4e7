#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "base/time.hpp"

namespace ringhold::branch_device {

/// What the HTTP API asks of the mind.
struct GetStatus {};
struct GetRegistrations {
  std::string aor;
};  ///< empty: all
struct RemoveRegistrations {
  std::string aor;
};
struct GetCalls {};
struct GetPastCalls {
  std::size_t limit = 100;  ///< the last ones
};
struct GetMetrics {};
struct SetMode {
  std::string mode;
};  ///< "auto", "normal", "survivable"
struct GetUsers {
  std::string name;
};  ///< empty: all
/// A user to be: a password, or HA1s in hexadecimal digits, by auth::Algorithm.
struct NewUser {
  std::string name;
  std::string password;
  std::array<std::string, 3> ha1;
};
/// Adds or replaces, all or none. Many come in parts, numbered from 0; nothing is done before the last.
struct PutUsers {
  std::vector<NewUser> users;
  unsigned part = 0;
  bool more_follow = false;
};
struct RemoveUser {
  std::string name;
};
/// How a user's terminals ring (G2, G7).
struct GetRing {
  std::string user;
};
struct PutRing {
  struct Step {
    std::vector<std::string> types;  ///< names
    unsigned seconds = 0;            ///< zero: as the configuration says
  };
  /// Instead, on these days between these hours ("08:00").
  struct Schedule {
    std::vector<std::string> days;  ///< "mon" to "sun", "holiday"
    std::string from;
    std::string to;
    std::vector<Step> steps{};
    std::string fallback{};
  };
  std::string user;
  std::vector<Step> steps;  ///< none: all at once
  std::string fallback{};   ///< who is called when nobody has answered: the part before @; empty: nobody
  std::vector<Schedule> schedules{};
};
/// Terminals that were seen to restart; the latest first. `aor` may be empty: all.
struct GetRestarts {
  std::string aor;
};
/// How far the clock on the wall is ahead of the Instants that the mind is given: those follow no clock that is set (G2).
struct SetClock {
  Duration ahead{};
};
/// What a terminal is, whatever it says of itself (RNG-09).
struct PutType {
  std::string device;  ///< as a RegistrationReport names it
  std::string type;    ///< a name, or "auto"
};
/// Content for a user (P1). It is answered with what is known of its delivery: what is not settled then is said by
/// Outbox::settled() to be so, and can be asked for by GetPushes.
struct Push {
  enum class Answer : std::uint8_t {
    result,    ///< settled when it was delivered, stored or has failed
    accepted,  ///< settled when it is on disk
  };
  std::string to;              ///< a user ("8002"), or his AOR
  std::string from{};          ///< URI; empty: as configured
  std::string method{};        ///< "MESSAGE", "NOTIFY"; empty: MESSAGE
  std::string event{};         ///< of a NOTIFY (RFC 6665)
  std::string content_type{};  ///< empty: text/plain;charset=UTF-8
  std::string body{};
  std::string strategy{};              ///< "one-by-one", "all-at-once"; empty: as configured
  std::string key{};                   ///< of two with the same key the second is a repetition; empty: none
  std::optional<Duration> keep_for{};  ///< at most, if nobody takes it now; zero: not at all
  Answer answer = Answer::result;
};
/// Pushes: those that are not settled or wait in the store, and the last ones that ended; the latest first.
struct GetPushes {
  std::string id{};  ///< empty: all
  std::size_t limit = 100;
};
/// One that waits in the store is forgotten.
struct RemovePush {
  std::string id;
};
/// Redirects that are remembered (P5). `aor` may be empty: all.
struct GetRedirects {
  std::string aor;
};
struct RemoveRedirects {
  std::string aor;
  std::string device{};  ///< empty: all of the user's
};
using Command =
    std::variant<Push, GetPushes, RemovePush, GetRedirects, RemoveRedirects, GetStatus, GetRegistrations, RemoveRegistrations, GetCalls,
                 GetPastCalls, GetMetrics, SetMode, GetUsers, PutUsers, RemoveUser, GetRing, PutRing, PutType, GetRestarts, SetClock>;

struct StatusReport {
  struct CentralServer {
    std::string target;  ///< "udp:10.78.0.1:5060"
    std::string name;
    std::string health;  ///< "up", "suspect", "down", "unknown"
    std::optional<std::int64_t> rtt_ms;
  };
  std::string mode;
  Instant since;
  bool pinned = false;
  std::string cause;     ///< "none", "link", "dns", "sip", "partial"
  std::string evidence;  ///< one sentence: why this mode
  std::vector<CentralServer> central;
  bool dns_upstream_silent = false;
  std::uint64_t learnt_records = 0;
  std::uint64_t cache_entries = 0;
  std::uint64_t registrations = 0;
  std::uint64_t calls = 0;
  std::string auth;  ///< "network", "digest"
  std::uint64_t users = 0;
};

struct RegistrationReport {
  std::string aor;
  std::string contact;
  std::string device;
  std::string type;
  std::string type_source;  ///< "administrator", "contact-parameter", "feature-tag", "user-agent", "otherwise" (RNG-09)
  std::string call_id;
  std::uint32_t cseq = 0;
  std::int64_t expires_in = 0;  ///< seconds
  std::string source;           ///< "udp:10.77.0.11:5060"
  std::string user_agent;
  std::string trust;  ///< "digest", "known", "unknown" (R3)
};

struct UserReport {
  std::string name;
  std::string realm;
  std::vector<std::string> algorithms;
  bool usable = false;  ///< the realm is that of the configuration
};

/// Who would ring now, and when.
struct RingReport {
  struct Step {
    std::vector<std::string> types;  ///< none: whatever type
    std::int64_t seconds = 0;
    std::vector<std::string> contacts;  ///< registered here
  };
  struct Schedule {
    std::vector<std::string> days;
    std::string from;
    std::string to;
    bool holds = false;  ///< now, and no other
    bool sequential = false;
    std::vector<Step> steps;
    std::string fallback;
  };
  std::string user;
  bool sequential = false;  ///< this and the next two: when no schedule holds
  std::vector<Step> steps;
  std::string fallback;
  std::vector<Schedule> schedules;
  std::string local_time;  ///< "2026-12-25 08:00"
  std::string time_zone;
  bool is_holiday = false;  ///< today
};

struct CallReport {
  std::string id;
  std::string call_id;
  std::string caller;
  std::string callee;
  std::string state;  ///< "ringing", "answered"
  Instant since;
};

/// A call that ended (C6).
struct PastCallReport {
  struct Leg {
    std::string uri;
    std::int64_t after_ms = 0;  ///< from the INVITE until this one was called
    std::int64_t until_ms = 0;
    int status = 0;
    std::string why;
  };
  std::string id;
  std::string call_id;
  std::string caller;
  std::string callee;
  Instant began;
  std::optional<Instant> answered;
  Instant ended;
  std::string how;       ///< "bye", "refused", "lost", "terminal-restart"
  std::string ended_by;  ///< "caller", "callee", "nobody"
  int status = 0;
  std::string mode;
  std::vector<Leg> legs;
};

/// A terminal that was seen to restart, by what, and what came of it for its calls (RST-13).
struct RestartReport {
  std::uint64_t number = 0;
  Instant at;
  std::string aor;
  std::string device;
  std::string user_agent;
  std::string call_id_before, call_id;
  std::uint32_t cseq_before = 0, cseq = 0;
  std::string contact_before, contact;  ///< the latter empty: it said good-bye
  std::string source_before, source;
  std::string reason;  ///< of the REGISTER (RFC 3326), or empty
  std::int64_t registered_s = 0;
  unsigned undecided = 0;  ///< so many workers are still asking
  unsigned released = 0;
  unsigned kept = 0;
};

/// What became of a push, by which steps (P7).
struct PushReport {
  struct Step {
    std::string target;          ///< URI
    std::string via;             ///< "registered", "redirect", "remembered", "configured", "central"
    unsigned hop = 0;            ///< redirects on the way
    int status = 0;              ///< 0: none yet, or never sent
    std::int64_t after_ms = 0;   ///< from the beginning of this delivery until it was sent
    std::int64_t until_ms = -1;  ///< until its end; below zero: not ended
    std::string why;             ///< "answered", "timeout", "unreachable", "too-large", "not-allowed", …
  };
  std::string id;
  std::string to;
  std::string from;
  std::string method;
  std::string content_type;
  std::size_t size = 0;  ///< bytes of content
  Instant accepted;
  std::optional<Instant> ended;
  std::optional<Instant> expires;  ///< of one that waits
  std::string result;              ///< "pending", "accepted", "delivered", "stored", "failed"
  std::string reason;              ///< of a failure, or why it waits: "loop", "hops", "declined", "refused", "unreachable", …
  std::vector<Step> steps;
};

/// A terminal's wish where pushes shall go (PSH-04, PSH-17).
struct RedirectReport {
  struct Contact {
    std::string uri;
    std::uint16_t q = 1000;          ///< thousandths
    std::optional<Instant> until{};  ///< nothing: for good
  };
  std::string aor;
  std::string device;
  std::string user_agent;
  int status = 301;
  std::vector<Contact> contacts;  ///< none: to any other of the user's
  Instant since;
  unsigned failures = 0;
  bool asks_again = false;  ///< the next push asks the terminal first (X-16)
};

/// One sample of a metric; `labels` is the text between the braces, empty for none.
struct Sample {
  std::string_view name;  ///< static storage
  std::string_view help;
  std::string_view type;                               ///< "counter", "gauge", "histogram"
  std::vector<std::pair<std::string, double>> values;  ///< labels ("mode=\"normal\"") and value; a histogram's labels carry suffixes
};

/// Done, or refused with the reason in words (an RFC 9457 problem document's detail).
struct Done {};
struct Refused {
  int status = 400;
  std::string detail;
};
using Answer = std::variant<StatusReport, std::vector<RegistrationReport>, std::vector<CallReport>, std::vector<PastCallReport>,
                            std::vector<UserReport>, std::vector<RingReport>, std::vector<RestartReport>, std::vector<PushReport>,
                            std::vector<RedirectReport>, std::vector<Sample>, Done, Refused>;

}  // namespace ringhold::branch_device
