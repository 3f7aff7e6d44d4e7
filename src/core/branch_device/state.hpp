#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "auth/authenticator.hpp"
#include "auth/trust.hpp"
#include "branch_device/admission.hpp"
#include "branch_device/branch_device.hpp"
#include "branch_device/push_service.hpp"
#include "branch_device/word.hpp"
#include "calls/call_table.hpp"
#include "calls/release.hpp"
#include "central/central.hpp"
#include "events/notifier.hpp"
#include "location/location_service.hpp"
#include "nameserver/nameserver.hpp"
#include "proxy/proxy.hpp"
#include "registrar/registrar.hpp"
#include "resolver/targets.hpp"
#include "ringing/caller_preferences.hpp"
#include "ringing/media_service.hpp"
#include "transaction/layer.hpp"

namespace ringhold::branch_device {

/// Plain counts for the metrics.
struct Counters {
  static constexpr std::size_t methods = 15;
  std::array<std::uint64_t, methods> requests_in{}, requests_out{};
  std::array<std::uint64_t, 700> responses_in{}, responses_out{};
  std::uint64_t sip_malformed = 0;
  std::uint64_t sip_outsiders = 0;
  std::uint64_t sip_strays = 0;
  std::uint64_t sip_shed = 0;           ///< answered 503 (R7)
  std::uint64_t sip_dropped = 0;        ///< past a source's rate, or a scanner (X2)
  std::uint64_t restarts_released = 0;  ///< restarts that ended calls
  std::uint64_t restarts_harmless = 0;  ///< and those that did not
};

/// A call that goes by steps: the targets are those of the first step that anybody is in.
struct Ring {
  Text aor;
  ringing::RingPlan plan;
  std::size_t first = 0;
};

/// Where a request goes (C2): the target set, or why there is none.
struct Way {
  std::vector<proxy::Hop> hops;
  proxy::Refusal refusal{480, {}, {}};
  std::vector<dns::Question> missing{};  ///< with the answers to these there may be more hops
  std::optional<Ring> ring{};
};

/// Requests whose next hop is a name that has to be looked up first (RFC 3263); nothing waits but they. Beyond the bound, and
/// when time is over, they go by what is known.
struct Parked {
  Packet packet;  ///< its bytes are in `bytes`
  Text bytes;
  Instant until;
  std::vector<dns::Question> asked{};  ///< once each, whatever comes of it
  std::vector<nameserver::Nameserver::LookedUp> answers{};
};

/// The capabilities and what passes between them.
struct BranchDevice::State {
  State(const Settings& given, Random& given_random, const Team& given_team);

  // dispatch.cpp
  void receive_sip(const Packet& packet, Instant now, Outbox& outbox);
  void new_request(const sip::Message& request, const Packet& packet, Instant now, Outbox& outbox);
  void on_ack(const sip::Message& ack, const Packet& packet, Instant now, Outbox& outbox);
  void route(const sip::Message& request, const Packet& packet, const proxy::Preprocessed& way, const Way& found, Instant now,
             Outbox& outbox);
  void on_register(const sip::Message& request, const Packet& packet, Instant now, Outbox& outbox);
  void on_response(const sip::Message& response, const Packet& packet, const transaction::Received& received, Instant now, Outbox& outbox);
  void on_failures(std::span<const transaction::Failure> failures, Instant now, Outbox& outbox);
  /// Of what came with a response, that one and where it came from.
  void keep_books(const proxy::ResponseOutcome& outcome, Instant now, Outbox& outbox, const sip::Message* response = nullptr,
                  const Target& from = {});
  bool is_served(const Endpoint& remote) const;
  void refuse_outsider(const Packet& packet, Instant now, Outbox& outbox);
  bool is_admitted(const sip::Message& request, const Packet& packet, Instant now, Outbox& outbox);

  // authentication.cpp
  bool asks_for_digest() const;
  /// False: it was answered.
  bool may_register(const sip::Message& request, const Packet& packet, std::string_view aor, Instant now, Outbox& outbox);
  /// False: it was answered, or went on without its credentials.
  bool may_pass(const sip::Message& request, const Packet& packet, const proxy::Preprocessed& way, const Way& found, Instant now,
                Outbox& outbox);
  bool must_prove(const sip::Message& request, const Packet& packet, const proxy::Preprocessed& way, const Way& found,
                  std::string_view from_user, Instant now) const;
  bool is_emergency(std::string_view request_uri) const;
  /// After a REGISTER: whether its source may call in the name of its user.
  void remember_source(const Packet& packet, std::string_view aor, Instant now, Outbox& outbox);
  void remember_restored_sources(Instant now);
  std::string_view user_of(std::string_view aor) const;
  auth::Tier tier_of(const location::Binding& binding, Instant now) const;
  /// Of somebody who is served.
  void note_device(const Packet& packet, Instant now);
  void settle_authentication(Outbox& outbox);

  // user_commands.cpp
  Answer users(const GetUsers& asked) const;
  Answer put_users(const PutUsers& given, Outbox& outbox);
  Answer remove_user(const RemoveUser& asked, Outbox& outbox);

  // routing.cpp
  Way find_way(const sip::Message& request, const Packet& packet, const proxy::Preprocessed& way, Instant now) const;
  Way find_way_by_uri(const sip::Message& request, const Packet& packet, const proxy::Preprocessed& way, Instant now) const;
  std::optional<proxy::Hop> hop_to_contact(const sip::Uri& uri, Instant now) const;
  /// To the proxy of `route` by the flow by which it has registered who is asked (an agent, whose phones' contacts are its own). It is
  /// another one of the same host than `flow`, by which it was reached before.
  std::optional<proxy::Hop> hop_to_proxy_of(const sip::Message& request, const sip::Uri& route, const Destination& flow, Instant now) const;
  std::vector<proxy::Hop> hops_to_user(std::string_view aor, Instant now) const;
  std::vector<proxy::Hop> hops_to_gruu(const registrar::Gruu::Target& target, Instant now) const;
  std::vector<proxy::Hop> hops_to_bindings(const location::Bindings& bindings) const;
  /// Names that are not known yet go to `missing`.
  std::vector<proxy::Hop> hops_to_uri(std::string_view text, Instant now, std::vector<dns::Question>& missing) const;
  std::vector<Address> addresses_of(std::string_view host) const;
  std::vector<proxy::Hop> hops_to_central() const;
  Text aor_of(const sip::Uri& uri) const;
  /// Who stands in From or To: a user of ours by the one AOR, whatever host of ours and parameters are there.
  Text party_of(const Result<sip::NameAddr>& address) const;

  /// So many steps have their turn within ringing.total.
  std::size_t most_steps_in_time() const;

  // ringing.cpp
  ringing::TerminalTypes::Found type_of(const location::Binding& binding) const;
  ringing::Step all_types() const;
  /// Whether a step that is not elsewhere calls him there.
  bool is_in_step(const location::Binding& binding, const ringing::Step& step) const;
  std::vector<proxy::Hop> hops_in_step(std::string_view aor, const ringing::Step& step, const ringing::CallerPreferences& preferences,
                                       Instant now) const;
  /// The first step of `ring` from `ring.first` on that anybody is in; nothing when there is none.
  std::vector<proxy::Hop> hops_in_first_step(Ring& ring, const sip::Uri& uri, const ringing::CallerPreferences& preferences,
                                             Instant now) const;
  bool is_application_server(const Endpoint& remote) const;
  /// For an INVITE that names types (RNG-06), or to a user with a ring profile; nothing: all his contacts at once.
  std::optional<Way> way_by_types(const sip::Message& request, const Packet& packet, const sip::Uri& uri, std::string_view aor,
                                  Instant now) const;
  /// The central site challenged a call in its last step: who calls again with an answer is led there at once, and nobody
  /// rings twice.
  void note_challenge(const proxy::ResponseOutcome& outcome, Instant now);
  bool was_challenged_elsewhere(const sip::Message& request, Instant now) const;
  void start_ringing(proxy::ContextId search, const Ring& ring, Instant now, Outbox& outbox);
  /// The next step that anybody is in, or the end of the search.
  void ring_on(proxy::ContextId search, Instant now, Outbox& outbox);
  void stop_watching(proxy::ContextId search);
  void expire_steps(Instant now, Outbox& outbox);
  /// Of a phone that is reached by a first one already (RFC 5626 §7: never two at a time).
  bool is_another_flow(const location::Binding& binding, Instant now) const;
  /// Who registers while his step rings is called, too; who leaves is not (RNG-17).
  void follow_bindings(std::span<const location::BindingEvent> events, Instant now, Outbox& outbox);

  // preferring.cpp
  /// Takes away what the caller wants no call to, and has those come first that he wants rather (RFC 3841 §7.2.4).
  static void apply(const ringing::CallerPreferences& preferences, location::Bindings& bindings);
  /// What an INVITE to a user without a ring profile is to be forked to one after another: the higher q-values first
  /// (RFC 3261 §16.6), or as the caller wants it. Nothing: to all of `bindings` at once. Drops of them what the caller does.
  std::optional<Way> way_by_preference(const sip::Message& request, const Packet& packet, const sip::Uri& uri, std::string_view aor,
                                       location::Bindings& bindings, Instant now) const;

  // ring_commands.cpp
  std::vector<RingReport::Step> step_reports(std::string_view aor, const ringing::RingPlan& plan, Instant now) const;
  std::vector<RingReport> ring_reports(const GetRing& asked, Instant now) const;
  Answer put_ring(const PutRing& given, Outbox& outbox);
  Answer put_type(const PutType& given, Outbox& outbox);

  // releasing.cpp
  void note_restart(const registrar::Restart& restart, const sip::Message& request, std::string_view aor, Instant now, Outbox& outbox);
  /// Of a terminal that is, or was, registered here; the other workers hear of it.
  void release_calls(calls::Suspect suspect, Instant now, Outbox& outbox);
  void take_suspect(const calls::Suspect& suspect, Instant now, Outbox& outbox);
  void note_concluded(const calls::Concluded& concluded, Instant now, Outbox& outbox);
  /// bindings that ran out in a call.
  void audit(Instant now, Outbox& outbox);
  void lose_flow(FlowId flow, Instant now, Outbox& outbox);
  /// A terminal that was not registered here comes while it is in a call: it may have been restarted meanwhile.
  void audit_newcomer(const sip::Message& request, const Packet& packet, std::string_view aor, Instant now, Outbox& outbox);
  void audit_terminal(std::string_view aor, const calls::Suspect::Place& place, std::string_view user_agent, Instant now, Outbox& outbox);
  /// Dialogs that outlived us: a BYE may have come while nobody was here.
  void audit_restored(Instant now);
  bool is_terminal_here(const calls::Call& call, const calls::Dialog& dialog, calls::Side side) const;
  void expire_releases(Instant now, Outbox& outbox);
  /// Sends what the release of calls wants sent.
  void run_errands(Instant now, Outbox& outbox);
  /// The AOR of whose contact a message names; empty: nobody's that is registered here.
  std::string_view terminal_at(const sip::Message& message, Instant now) const;
  void send_probe(const calls::Errand& errand, Instant now, Outbox& outbox);
  transaction::TransactionId send_in_dialog(const calls::InDialogRequest& request, transaction::Owner owner, Instant now, Outbox& outbox);
  Text routes_from_us(std::string_view routes) const;
  /// A sign of life of who has that tag.
  void note_life(std::string_view call_id, std::string_view tag, std::string_view other_tag, Instant now, Outbox& outbox);
  std::vector<RestartReport> restart_reports(std::string_view aor) const;

  // subscribing.cpp
  /// A SUBSCRIBE that names one of our hosts. False: it is for others, and is forwarded.
  bool on_subscribe(const sip::Message& request, const Packet& packet, const sip::Uri& uri, Instant now, Outbox& outbox);

  // resolving.cpp
  resolver::Resolution resolve(const resolver::Wanted& wanted, Instant now) const;
  /// Keeps a request until its questions are answered. False: it has to go by what is known.
  bool park(const Packet& packet, const std::vector<dns::Question>& missing, Instant now, Outbox& outbox);
  /// Tries those that wait again, because there was an answer or because their time is over.
  void resume_parked(Instant now, Outbox& outbox);
  /// §9.2 for an INVITE that still waits: 200 for the CANCEL, 487 for the INVITE. Whether there is one.
  bool cancel_parked(const sip::Message& cancel, const Packet& packet, Instant now, Outbox& outbox);
  std::optional<Instant> parked_until() const;

  // team.cpp
  /// Nothing: it is for whoever knows its dialog or its contact.
  std::optional<WorkerNumber> worker_for(const sip::Message& message) const;
  /// True: another worker serves it.
  bool hand_over(const sip::Message& message, const Packet& packet, Outbox& outbox);
  bool is_at_home(const sip::Message& request) const;
  void note_relay(const Target& target, central::RelaySign sign, Instant now, Outbox& outbox);
  bool in_call(std::string_view aor) const;
  void tell_all(const std::shared_ptr<const Word>& word, Outbox& outbox) const;
  void tell_rows(std::size_t first_change, Outbox& outbox) const;
  void tell_source(const Packet& packet, std::string_view user, std::optional<Instant> until, Outbox& outbox) const;
  void settle_team(Outbox& outbox);
  void lead(Outbox& outbox);
  void take_news(const News& news, Instant now, Outbox& outbox);
  void take_row(const Change& change, Outbox& outbox);

  // branch_device.cpp
  /// Hands on what one capability has learnt and another needs to know.
  void settle(Instant now, Outbox& outbox);
  void count_sent(std::size_t first_send, const Outbox& outbox);

  // reports.cpp
  StatusReport status() const;
  std::vector<RegistrationReport> registrations(std::string_view aor, Instant now) const;
  std::vector<CallReport> call_reports() const;
  std::vector<PastCallReport> past_call_reports(std::size_t limit) const;
  std::vector<Sample> metrics() const;
  void add_site(std::vector<Sample>& samples) const;

  Settings settings;
  Team team;
  Random& random;
  proxy::Identity identity;
  transaction::Layer layer;
  location::LocationService location;
  registrar::Registrar registrar;
  events::Notifier notifier;
  proxy::Proxy proxy;
  calls::CallTable calls;
  calls::Release release;
  std::deque<RestartReport> restarts;  ///< the last ones, oldest first
  std::uint64_t restarts_seen = 0;
  struct LostFlow {
    location::Lapsed lapsed;
    Instant until;
  };
  std::deque<LostFlow> lost_flows;  ///< of terminals in calls, oldest first
  ringing::MediaService media;
  PushService pushes;
  central::Central central;
  nameserver::Nameserver nameserver;
  Admission admission;
  Admission outsiders;         ///< bounds the refusals that they get
  std::vector<Parked> parked;  ///< oldest first
  struct Challenged {
    Text call_id;
    Text from_tag;
    Instant until;
  };
  std::vector<Challenged> challenged_elsewhere;  ///< oldest first
  const Parked* resumed = nullptr;               ///< the one that is tried again in this step
  auth::Authenticator authenticator;
  auth::KnownDevices known_devices{limits::known_devices};
  std::vector<auth::User> staged_users;  ///< parts of an import that has not ended
  Counters counters;
  std::uint64_t told_standing = 0;
  bool told_any = false;
  std::optional<Instant> told_return;
  std::array<bool, most_workers> others_with_phones{};
  boost::unordered_flat_map<Text, unsigned, TextHash, TextEqual> calls_elsewhere;  ///< by AOR: with how many workers
  nameserver::UpstreamState told_upstream = nameserver::UpstreamState::unknown;
  bool told_order_normal = true;
  bool told_no_users = false;
  std::vector<Change> restored_changes;  ///< rows that had expired, to be erased once there is an outbox
};

/// What of a phone counts in the order: of several flows (RFC 5626 §7: never two at a time) the highest q.
std::uint16_t q_of(const location::Binding& binding, const location::Bindings& all);

/// The settings of one capability out of the whole.
proxy::Identity identity_of(const Settings& settings);
nameserver::Settings nameserver_settings(const Settings& settings);
central::Settings central_settings(const Settings& settings);
registrar::Settings registrar_settings(const Settings& settings);
ringing::Settings ringing_settings(const Settings& settings);
calls::ReleaseSettings release_settings(const Settings& settings);
events::Settings events_settings(const Settings& settings, const Team& team);
auth::Settings auth_settings(const Settings& settings, const Team& team);

}  // namespace ringhold::branch_device
