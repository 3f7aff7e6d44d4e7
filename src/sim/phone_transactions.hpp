#pragma once

#include <functional>
#include <map>
#include <string>

#include "sim/sip_wire.hpp"
#include "sim/stream_pool.hpp"
#include "sim/world.hpp"

namespace ringhold::sim {

/// Where a request came from.
struct Origin {
  Endpoint endpoint;
  Streams::Id connection = 0;
};

/// The client and server transactions of a simulated phone (RFC 3261 §17, without the engine's help).
class PhoneTransactions {
 public:
  enum class Failure : unsigned char { timeout, unreachable };
  struct Handlers {
    std::function<void(const SipMessage&)> response;  ///< each 1xx and the final one; each 2xx to INVITE
    std::function<void(Failure)> failure;
  };

  PhoneTransactions(World& world, const Endpoint& own, std::uint64_t seed)
      : world_{world}, own_{own}, random_{seed}, pool_{world, own.address} {}

  /// Sends `request` with a Via of its own, and again as Timers A or E say; returns the branch.
  std::string start(SipMessage request, const Target& to, Handlers handlers);
  /// Sends CANCEL for an INVITE that has had a provisional response (RFC 3261 §9.1).
  void cancel(const std::string& branch);
  void receive_response(const SipMessage& response);
  void unreachable(const Endpoint& remote);
  void connection_changed(Streams::Id id, const Endpoint& local, const Endpoint& remote, ConnectionState state);

  /// True: a retransmission, answered as before, or an ACK that ends one of our final responses.
  bool absorb(const SipMessage& request);
  /// Answers a request that came from `source`; final responses to INVITE go again until they are acknowledged.
  void respond(const SipMessage& request, const Origin& origin, const SipMessage& response);
  /// A request that is no INVITE is answered later or never: its retransmissions are absorbed for so long.
  void hold(const SipMessage& request, Duration duration);
  /// Not in a transaction: ACK to 2xx.
  void send_ack(SipMessage ack, const Target& to);
  /// The power is gone.
  void clear();
  bool idle() const { return clients_.empty(); }

 private:
  enum class State : unsigned char { calling, proceeding, completed };
  struct Client {
    SipMessage request;
    std::string bytes;
    Target to;
    Handlers handlers;
    Duration interval = 500ms;
    Instant deadline;
    State state = State::calling;
    std::string ack;         ///< of a failed INVITE, for repeated final responses
    bool cancelled = false;  ///< of an INVITE: its CANCEL was sent
  };
  struct Server {
    std::string bytes;
    Origin to;
    std::string dialog;  ///< Call-ID and CSeq number: finds the ACK to a 2xx
    Duration interval = 500ms;
    Instant deadline;
    bool repeating = false;
  };

  std::string new_branch();
  std::string via(const Target& to, std::string_view branch) const;
  void transmit(const Target& to, const std::string& bytes);
  void transmit(const Origin& to, const std::string& bytes);
  void fail_all(const Target& to);
  void tick(const std::string& key);
  void repeat(const std::string& key);
  void fail(const std::string& key, Failure failure);
  static std::string server_key(const SipMessage& request);
  static std::string dialog_key(const SipMessage& message);

  World& world_;
  Endpoint own_;
  SeededRandom random_;
  StreamPool pool_;
  unsigned epoch_ = 0;
  std::map<std::string, Client> clients_;
  std::map<std::string, Server> servers_;
};

}  // namespace ringhold::sim
