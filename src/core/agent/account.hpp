#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "agent/settings.hpp"
#include "auth/answering.hpp"
#include "base/limits.hpp"
#include "switching/server_list.hpp"
#include "transaction/layer.hpp"

namespace ringhold::agent {

/// An account by its place among all.
enum class AccountIndex : std::uint32_t {};

/// Why a registration failed (SWI-03, SWI-04), for log and reports.
enum class Why : std::uint8_t {
  none,
  unresolved,   ///< the name: no answer, or nobody in it
  unsendable,   ///< refused, no route, no connection
  timeout,      ///< Timer F, or 408
  status,       ///< the server said so
  credentials,  ///< challenged again after an answer, or a challenge that cannot be answered
};
std::string_view name(Why why);

/// What a REGISTER of ours is for.
enum class Purpose : std::uint8_t {
  register_here,   ///< where the account stands
  remove_here,     ///< SWI-08
  register_above,  ///< at a better server, while it stands lower (DIS-21)
  let_go,          ///< removal at a server that was left
};

/// A REGISTER under way.
struct Registration {
  transaction::TransactionId transaction;
  Purpose purpose = Purpose::register_here;
  Target server;
  Instant sent_at;
  unsigned challenges = 0;            ///< answered so far
  bool is_on_new_connection = false;  ///< the one that stood had died unnoticed, and it was sent once more
};

/// What became of an account's last try at a server.
struct Outcome {
  Target server;
  Why why = Why::none;
  int status = 0;  ///< zero: none
  Instant at;
  Duration took{};
};

/// One account, and where it stands.
struct Account {
  AccountSettings settings;
  Text user;      ///< of its Contact, escaped
  Text host;      ///< the domain of its address-of-record: the Request-URI of REGISTER
  Text instance;  ///< "<urn:uuid:…>" (RFC 5626 §4.1): a device of its own (X-33)
  Text call_id;   ///< one for all servers (decision 0016)
  Text from_tag;
  std::uint32_t cseq = 0;        ///< the last that was used
  std::uint32_t cseq_limit = 0;  ///< up to here they are on disk as used
  std::vector<Target> numbered;  ///< who has got a request with that last number

  switching::State state = switching::State::waiting;
  switching::ServerList list;
  unsigned edition = 0;              ///< of the look-up that the list is from
  Instant listed_until{};            ///< when the list has to be looked up again: others may have got a later one
  switching::Avoidance avoidance;    ///< of servers that refused this account (503 with Retry-After)
  unsigned waits = 0;                ///< in succession, without success
  auth::KnownChallenges challenges;  ///< for what its phones send; of challenged_by
  Target challenged_by;
  bool refused_in_stay = false;  ///< SWI-09: one round of removing and registering for each stay
  bool is_plain = false;         ///< an extension was refused: without (SWI-21)
  bool is_postponed = false;     ///< its REGISTER to another server than before has to wait for its turn
  bool order_is_read = false;    ///< for the return that is planned (DIS-22)
  bool same_request = false;     ///< the next REGISTER is the last one, for another server (RFC 3263 §4.3, DIS-20)
  Duration expires{};            ///< asked for; 423 raises it
  std::optional<Registration> under_way;
  std::optional<Registration> letting_go;
  std::optional<Target> above;     ///< returning: to this one
  std::optional<Target> left;      ///< where a binding stands that is to be let go
  std::optional<Target> bound_at;  ///< where a binding stands, as far as is known
  Instant bound_until{};           ///< as granted
  std::vector<Target> refused_by;  ///< who has said no since the account was taken somewhere: that they answer is no news
  std::vector<Target> followed;    ///< where 3xx have led in this stay
  Outcome last;                    ///< of the last registration that ended
  std::optional<Instant> registered_since;

  // Deadlines; the wheel has one entry at the earliest.
  static constexpr Instant never = Instant::max();
  Instant due = never;         ///< refresh, or the end of a wait
  Instant doubted_at = never;  ///< when a doubt about the server is looked into
  Instant return_at = never;   ///< when it goes to a server that answers (again)
  Instant in_wheel = never;

  Instant deadline() const { return std::min({due, doubted_at, return_at}); }
};

inline constexpr unsigned most_redirects = 5;
inline constexpr Duration between_accounts = 10ms;     ///< so many do not fall upon a server at once
inline constexpr std::size_t registers_of_return = 2;  ///< the second one when it has been let go below

}  // namespace ringhold::agent
