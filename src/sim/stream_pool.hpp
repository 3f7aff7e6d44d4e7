#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/world.hpp"

namespace ringhold::sim {

/// The TCP connections of one host: what goes to an endpoint takes the connection that is open to it, or opens one.
class StreamPool {
 public:
  StreamPool(World& world, const Address& own) : world_{world}, own_{own} {}

  /// The connection that carries it, now or as soon as it is open.
  Streams::Id send(const Endpoint& to, std::string bytes);
  /// False: that connection is gone.
  bool send_on(Streams::Id id, std::string bytes);
  void close(Streams::Id id);
  void changed(Streams::Id id, const Endpoint& local, const Endpoint& remote, ConnectionState state);
  /// The host died: `end` says whether its peers hear of it.
  void clear(Streams::End end);

 private:
  struct Member {
    Endpoint local;
    Endpoint remote;
    bool open = false;
    std::vector<std::string> queue;
  };
  World& world_;
  Address own_;
  std::uint16_t next_port_ = 30'000;
  std::map<Streams::Id, Member> members_;
};

}  // namespace ringhold::sim
