#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/phone_resolver.hpp"
#include "sim/phone_transactions.hpp"
#include "sim/push_desk.hpp"
#include "sim/sip_wire.hpp"
#include "sim/world.hpp"

namespace ringhold::sim {

/// Where a refresh begins (field-notes.md): at the server that holds the registration, or at the first target.
enum class Refresh : std::uint8_t { stay, from_top };

struct PhoneSettings {
  unsigned number = 1;  ///< 10.77.0.10 + number
  unsigned user = 0;    ///< "user<N>"; zero: as its number
  std::uint32_t expires = 60;
  Refresh refresh = Refresh::stay;
  Transport transport = Transport::udp;
  Duration ring = 2s;   ///< until it answers
  Duration talk = 10s;  ///< until the caller hangs up
};

/// One attempt of a call, as its caller saw it.
struct CallAttempt {
  enum class End : std::uint8_t { pending, answered, refused, failed, cancelled, power_lost };
  unsigned caller = 0;
  unsigned callee = 0;
  Instant at;
  Endpoint via;            ///< the server the caller used
  bool both_here = false;  ///< caller and callee held a registration at the branch device, and for some time
  bool half_here = false;  ///< the caller did, the callee held one at the central site only (INT-04)
  End end = End::pending;
  int status = 0;
  Instant ended_at;
  int bye_status = 0;  ///< of the BYE, 408 for none in time; zero: not sent yet
  Instant bye_at;
  std::string call_id;
};
using CallBook = std::vector<CallAttempt>;

/// A refusal of a REGISTER as the phone saw it.
struct Refusal {
  Instant at;
  Endpoint by;
  int status = 0;
};

/// A small SIP user agent over UDP or TCP that knows its domain and its DNS server: resolves, registers at the targets in order with
/// RFC 3263 failover (same Call-ID and CSeq, new branch: DIS-20), refreshes, calls, answers and hangs up.
class Phone final : public Host {
 public:
  Phone(World& world, const PhoneSettings& settings, CallBook& book);

  void power_on();
  void power_off();
  /// A new account, a changed setting: it registers with another Call-ID, and its calls go on.
  void reload();
  bool has_call(const std::string& call_id) const { return legs_.contains(call_id); }
  bool powered() const { return powered_; }

  void receive(const Datagram& datagram) override;
  void unreachable(const Endpoint& local, const Endpoint& remote) override;
  void connection_changed(Streams::Id connection, const Endpoint& local, const Endpoint& remote, ConnectionState state) override;

  /// Calls another phone by its AOR through the server that holds the registration; the entry of the book, if registered.
  std::optional<std::size_t> call(unsigned callee, std::optional<Duration> cancel_after);
  /// It does with pushed content what that desk says; without one it takes nothing.
  void join(PushDesk& desk, PushDesk::Nature nature);
  /// Sends a MESSAGE by the branch device; false: it is not registered there. The final status, and the tag of whom it is from.
  using PushAnswered = std::function<void(int status, const std::string& tag)>;
  bool push(const std::string& user, std::string body, std::optional<unsigned> expires, PushAnswered answered);
  std::optional<Endpoint> registered_at() const;
  Instant registered_until() const { return registered_until_; }
  std::string user() const;
  std::size_t calls_up() const { return legs_.size(); }
  const std::vector<Refusal>& refusals() const { return refusals_; }
  const PhoneResolver& resolver() const { return resolver_; }
  const PhoneSettings& settings() const { return settings_; }

 private:
  /// One dialog, or an INVITE on its way to be one (RFC 3261 §12).
  struct Leg {
    bool outgoing = false;
    std::size_t entry = 0;  ///< in the book, outgoing only
    std::string local;      ///< From value of our requests
    std::string remote;
    std::string target;
    std::vector<std::string> routes;
    unsigned cseq = 1;
    unsigned remote_cseq = 0;  ///< of the other side's last request
    bool confirmed = false;
    bool wants_cancel = false;
    std::string branch;
    SipMessage invite;  ///< incoming only, until answered
    Origin source;
  };

  Endpoint own() const { return {bench::phone(settings_.number), bench::sip_port}; }
  std::string contact() const;
  Target target(const Endpoint& server) const { return {settings_.transport, server}; }
  void after(Duration delay, std::function<void()> run);

  void begin_registration();
  void register_at(std::size_t index);
  void registered(const SipMessage& response, const Endpoint& target);
  void registration_refused(const SipMessage& response, std::size_t index);
  void retry_registration(Duration delay);

  void call_response(const std::string& call_id, const SipMessage& response);
  void call_failed(const std::string& call_id, int status);
  void acknowledge(Leg& leg, const std::string& call_id);
  void hang_up(const std::string& call_id);
  void incoming(const SipMessage& request, const Origin& source);
  void incoming_invite(const SipMessage& request, const Origin& source);
  void incoming_message(const SipMessage& request, const Origin& source);
  void incoming_cancel(const SipMessage& request, const Origin& source);
  void answer(const std::string& call_id);
  SipMessage in_dialog(const Leg& leg, const std::string& call_id, std::string_view method) const;
  Target next_hop(const Leg& leg) const;
  void finish(const Leg& leg, CallAttempt::End end, int status);

  World& world_;
  PhoneSettings settings_;
  CallBook& book_;
  PushDesk* desk_ = nullptr;
  SeededRandom random_;
  PhoneResolver resolver_;
  PhoneTransactions transactions_;
  bool powered_ = false;
  unsigned epoch_ = 0;

  std::string register_call_id_;
  unsigned register_cseq_ = 0;
  std::string register_tag_;
  std::vector<Endpoint> attempt_;
  std::map<Endpoint, Instant> left_alone_;  ///< 503 with Retry-After
  std::optional<Endpoint> registered_at_;
  Instant registered_until_;
  unsigned registration_round_ = 0;
  std::vector<Refusal> refusals_;

  std::map<std::string, Leg> legs_;  ///< by Call-ID
};

}  // namespace ringhold::sim
