#pragma once

#include <boost/container/flat_map.hpp>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "agent/account.hpp"
#include "agent/agent.hpp"
#include "agent/edge.hpp"
#include "agent/finding.hpp"
#include "auth/algorithm.hpp"
#include "base/timer_wheel.hpp"
#include "sip/message.hpp"
#include "switching/watch.hpp"
#include "transaction/layer.hpp"

namespace ringhold::agent {

/// What the agent knows of a server, whoever stands there.
struct Server {
  switching::Watch watch;
  std::size_t attached = 0;  ///< accounts registered there
  std::size_t wanted = 0;    ///< accounts that would rather be there, or that are nowhere
  bool told = false;         ///< those who want it have been told that it answers
  transaction::TransactionId heartbeat;
  Instant asked_at{};
  std::optional<Instant> connecting_since;
  std::optional<Duration> connected_in;
  std::optional<Duration> answered_in;
};

/// Content that the handler has, and whose sender waits.
struct Handled {
  std::uint64_t id = 0;
  transaction::TransactionId server;
  Endpoint source;
  Text aor;
};
inline constexpr std::size_t most_handled = 64;  ///< at a time; more: 480

struct Agent::State {
  State(const Settings& given, Random& given_random);

  // agent.cpp
  /// What the last step has left to do.
  void settle(Instant now, Outbox& outbox);
  void receive_sip(const Packet& packet, Instant now, Outbox& outbox);
  /// Whether it is an answer to a heartbeat.
  bool take_heartbeat(const sip::Message& response, const transaction::Received& received, Instant now, Outbox& outbox);
  void on_failures(std::span<const transaction::Failure> failures, Instant now, Outbox& outbox);
  void keep_time(AccountIndex index);

  // accounts.cpp
  Account& at(AccountIndex index) { return accounts[static_cast<std::size_t>(index)]; }
  void restore(const Row& row);
  /// The machine's step, and its actions.
  void happened(AccountIndex index, switching::Event event, Instant now, Outbox& outbox);
  void act(AccountIndex index, switching::Action action, Instant now, Outbox& outbox);
  void plan_refresh(Account& account, Instant now);
  void wait(Account& account, Duration duration, Instant now, Outbox& outbox);
  void on_due(AccountIndex index, Instant now, Outbox& outbox);
  void take_servers(Instant now, Outbox& outbox);
  /// Which servers the account's state gives reason to watch.
  void count(const Account& account, int by);
  void begin_stay(Account& account);
  /// A REGISTER to where it stands; when it has just come there, in its turn.
  /// To the first server, where DNS has put another one there, or left the present one out.
  void follow_order(Account& account, Instant now);
  void register_in_turn(AccountIndex index, Instant now, Outbox& outbox);
  void send_postponed(AccountIndex index, Instant now, Outbox& outbox);
  /// Whether its servers have to be looked up again before it goes by them.
  static bool is_outdated(const Account& account, Instant now) { return account.listed_until <= now || account.list.servers().empty(); }

  /// The servers that the last look-up has told, in an order of the account's own if they are others than before.
  void take_list(Account& account);

  // reordering.cpp
  /// A server does not answer: DNS is asked whether the order is another one by now, and again as long as nobody answers.
  void doubt_order(Instant now);
  /// One question for all accounts.
  void ask_order_again(Instant now, Outbox& outbox);
  /// Who gets no answer goes by what DNS says now, whatever TTL he was given.
  void spread_order(Instant now);
  /// When to look whether the REGISTER under way is still without answer.
  void plan_overtaking(AccountIndex index, Instant now);
  /// It is: then it is not waited for any longer if a server answers that has come before; if none has, DNS may know of one.
  void overtake(AccountIndex index, Instant now, Outbox& outbox);
  /// SWI-18: whether DNS says something else is found out while somebody waits, and cuts the wait short.
  void plan_search(Instant now);
  void search(Instant now, Outbox& outbox);
  void end_waits(Instant now);
  const Target* overtaker(const Account& account, Instant now) const;

  // registering.cpp
  void send(AccountIndex index, Purpose purpose, Instant now, Outbox& outbox);
  /// The same request again, changed by what the last answer asked for.
  bool transmit(AccountIndex index, Registration& registration, std::string_view credentials, Instant now, Outbox& outbox);
  void on_response(const sip::Message& response, const transaction::Owner& owner, Instant now, Outbox& outbox);
  void on_failure(const transaction::Failure& failure, Instant now, Outbox& outbox);
  /// The binding at the server that was left is removed.
  void has_let_go(AccountIndex index, Instant now, Outbox& outbox);
  /// What a final response is to the machine; it takes along what it needs of it.
  switching::Event classify(AccountIndex index, const sip::Message& response, Instant now, Outbox& outbox);
  /// After a 2xx.
  switching::Event taken(Account& account, const sip::Message& response, Instant now, Outbox& outbox);
  /// The failure of what is under way, in the machine's words.
  switching::Event failed(Account& account, Why why, int status, Instant now, Outbox& outbox);
  std::optional<Text> credentials_for(const Registration& registration, const Account& account, const sip::Message& challenge);
  /// The next number.
  void take_cseq(Account& account, Outbox& outbox) const;
  Destination way_to(const Target& server) const;

  // relaying.cpp
  Source source_of(const Packet& packet) const;
  void on_request(const sip::Message& request, const Packet& packet, Source source, Instant now, Outbox& outbox);
  void on_ack(const sip::Message& ack, const Packet& packet, Source source, Instant now, Outbox& outbox);
  void register_phone(const sip::Message& request, const Packet& packet, Instant now, Outbox& outbox);
  /// A request of a server, out of dialog, for an account.
  void serve(AccountIndex index, const sip::Message& request, const Packet& packet, const proxy::Preprocessed& way, Instant now,
             Outbox& outbox);
  void pass_on(const sip::Message& request, const Packet& packet, const proxy::Preprocessed& way, const Way& found, Instant now,
               Outbox& outbox);

  // routing.cpp
  bool is_server(const Address& address) const;
  bool is_server(const Endpoint& endpoint) const;
  /// Whose address-of-record that is; also where our own host stands in place of the domain.
  std::optional<AccountIndex> account_named(const sip::Uri& uri) const;
  /// In whose name a phone sends.
  std::optional<AccountIndex> account_of(const sip::Message& request, Instant now) const;
  /// Whom a server wants.
  std::optional<AccountIndex> account_called(const sip::Message& request, const sip::Uri& uri) const;
  std::vector<proxy::Hop> hops_to_phones(AccountIndex index, Instant now) const;
  std::optional<proxy::Hop> hop_to_contact(const sip::Uri& uri, Instant now) const;
  /// Of a phone's request out of dialog.
  Way way_out(const sip::Message& request, const proxy::Preprocessed& way, Instant now);
  Way way_without_server(const Account& account, const sip::Message& request, const sip::Uri& uri, Instant now) const;
  /// SWI-19: by its Route set and remote target, whatever server is the present one.
  Way way_in_dialog(const sip::Message& request, const Packet& packet, const proxy::Preprocessed& way, Source source, Instant now);
  Way way_to_place(const sip::Uri& uri, const sip::Message& request, const proxy::Preprocessed& way, Source source, Instant now);

  // proving.cpp
  void on_relayed_response(const sip::Message& response, const Packet& packet, const transaction::Received& received, Instant now,
                           Outbox& outbox);
  void on_relayed_failure(const transaction::Failure& failure, Instant now, Outbox& outbox);
  /// Credentials from the start, where the account's challenges are known.
  void prove_early(AccountIndex index, const sip::Message& request, std::string_view request_uri, proxy::Hop& hop);
  /// Credentials for a request that was challenged; nothing: the challenge is for its sender.
  std::optional<Text> prove(AccountIndex index, const proxy::Pending& pending, const sip::Message& request, const sip::Message& challenge,
                            const Target& server);

  // pushing.cpp
  /// False: it is no content, or nobody here takes it.
  bool take_content(AccountIndex index, const sip::Message& request, const Packet& packet, Instant now, Outbox& outbox);
  void content_handled(std::uint64_t id, const HandlerOutcome& outcome, Instant now, Outbox& outbox);

  // doubting.cpp
  /// SWI-13: what was sent to that server has failed there; its account finds out by a registration.
  void doubt(AccountIndex index, const Target& server, std::string_view why, Instant now, Outbox& outbox);
  void await_ack(const sip::Message& response, AccountIndex index, const Packet& arrival, Instant now);
  void acknowledged(const sip::Message& ack);
  void expire_acks(Instant now, Outbox& outbox);

  // watching.cpp
  /// Who is watched, and why, after accounts have moved.
  void settle_watches(Instant now);
  void heard(const Target& target, Instant now, Outbox& outbox);
  void send_heartbeat(const Target& target, Instant now, Outbox& outbox);
  void heartbeat_lost(const Target& target, Instant now, Outbox& outbox);
  void expire_watches(Instant now, Outbox& outbox);
  std::optional<Instant> next_watch() const;
  /// Somewhere in a span that grows with the number of accounts, so that a server gets them one after another.
  Instant in_turn(std::size_t accounts_concerned, Instant now, Duration each);
  /// The next turn of those who leave a server: few go at once, many one after another.
  Instant turn_to_move(Instant now);
  /// Whether it has answered what it was asked last.
  bool answers(const Target& server) const;
  /// SWI-17: for return_after without a gap.
  bool has_stayed(const Target& server, Instant now) const;

  Settings settings;
  Random& random;
  transaction::Layer layer;
  Finding finding;
  auth::Hasher hasher;
  Edge edge;
  std::vector<Account> accounts;
  TimerWheel<AccountIndex> wheel;
  boost::container::flat_map<Target, Server> servers;
  std::vector<Target> servers_in_order;  ///< of the last look-up, for the report of who has no account there
  std::vector<AccountIndex> waiting_for_servers;
  std::deque<AccountIndex> unsendable;  ///< whose request could not even be begun
  bool watches_changed = false;
  bool order_doubted = false;        ///< since DNS was asked last
  std::optional<Instant> order_due;  ///< when DNS is asked for the order, or whether somebody still gets no answer
  Instant order_asked_at{};
  unsigned spread_edition = 0;
  std::optional<Instant> search_due;
  Instant last_move{};                 ///< the turn that was given last
  bool has_left = false;               ///< nothing is begun any more
  bool has_connection_closed = false;  ///< in this step: what failed with it may succeed over another one
  std::vector<Handled> handled;
  std::uint64_t last_content = 0;
};

}  // namespace ringhold::agent
