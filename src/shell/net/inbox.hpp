#pragma once

#include <cstdint>

#include "base/flow.hpp"
#include "base/outbox.hpp"
#include "base/time.hpp"
#include "shell/net/counters.hpp"

namespace ringhold::net {

/// A socket that has something to do, by number: handlers hold this and never the object, which may be gone by then.
struct Source {
  enum class Kind : std::uint8_t { listener, acceptor, connection, writable_connection, upstream, dhcp };
  Kind kind = Kind::listener;
  Protocol protocol = Protocol::sip;
  std::uint64_t number = 0;
  std::uint64_t serial = 0;  ///< tells an upstream slot's socket from the one before it
};

/// Takes what the sockets bring. The worker is the only one; sockets see no more of it than this.
class Inbox {
 public:
  virtual ~Inbox() = default;
  /// A whole message: the mind gets it at once.
  virtual void received(const Packet& packet) = 0;
  /// Told to the mind after what it wants sent has been sent.
  virtual void changed(const FlowChange& change) = 0;
  /// To be served in this turn or the next.
  virtual void ready(const Source& source) = 0;
  /// What administrators should know of a socket.
  virtual void note(const Fact& fact) = 0;
  virtual Instant now() const = 0;
  virtual Counters& counters() = 0;
};

}  // namespace ringhold::net
