#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/address.hpp"
#include "base/time.hpp"

namespace ringhold::sim {

class World;

/// TCP of the simulated world: messages arrive whole and in order or not at all; what a line swallows is sent again until the
/// connection is given up. Framing is tested elsewhere.
class Streams {
 public:
  using Id = std::uint64_t;

  explicit Streams(World& world) : world_{world} {}

  /// Tries to connect; both ends hear Host::connection_changed, or the caller that it was refused.
  Id connect(const Endpoint& from, const Endpoint& to);
  void send(Id id, const Endpoint& from, std::string bytes);
  /// An orderly end: the other side hears of it.
  void close(Id id, const Endpoint& by);
  /// The host's kernel ends all its connections (kill -9), or they stay half-open (no power).
  enum class End : unsigned char { told, silent };
  void host_gone(const Address& address, End end);
  std::size_t open() const { return connections_.size(); }

 private:
  struct Connection {
    Endpoint client;
    Endpoint server;
    bool established = false;
    Instant last_to_client;  ///< arrivals are in order
    Instant last_to_server;
    bool client_gone = false;
    bool server_gone = false;
  };
  void try_to_establish(Id id, unsigned tries);
  void try_to_deliver(Id id, bool to_server, std::string bytes, Instant sent_at);
  void give_up(Id id, bool refused);

  World& world_;
  Id next_ = 1'000;
  std::map<Id, Connection> connections_;
};

}  // namespace ringhold::sim
