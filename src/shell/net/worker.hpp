#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"
#include "shell/net/clock.hpp"
#include "shell/net/counters.hpp"
#include "shell/net/mind.hpp"
#include "shell/net/tls_context.hpp"
#include "shell/net/websocket_session.hpp"

namespace ringhold::net {

/// The interface on which a mind asks DHCP servers.
struct DhcpInterface {
  std::string name;
  Address address;  ///< our own on it
  Port port{68};    ///< RFC 2131 §4.1
  friend bool operator==(const DhcpInterface&, const DhcpInterface&) = default;
};

/// Where to listen, as configured; wildcards and port 0 allowed.
struct Listening {
  std::vector<Target> sip;
  std::vector<std::string_view>
      sip_keys{};               ///< the setting that each one is from, for whoever reads why it cannot be opened; else "sip.listen"
  std::vector<Endpoint> dns;    ///< each over UDP and TCP
  std::optional<TlsFiles> tls;  ///< read when the worker is made; what is wrong with them is for inspect() to say
  WebOrigins web_origins;
  std::optional<DhcpInterface> dhcp;  ///< of the first worker; none: no socket of DHCP
  friend bool operator==(const Listening&, const Listening&) = default;
};

class HandOver;

/// A worker's place in its team, and how it reaches the others; alone without.
struct Post {
  Team team;
  HandOver* hand_over = nullptr;  ///< outlives the worker
};

/// One thread with its loop, its sockets and its mind; it shares nothing and waits for nobody.
class Worker {
 public:
  /// Opens the listeners; throws StartError.
  Worker(const Listening& listening, Mind& mind, Sink& sink, Random& random, const RunningClock& clock, const Post& post = {});
  ~Worker();

  /// Where it listens, as bound.
  const Listening& listening() const;
  /// Starts the thread: the mind begins, then packets are taken.
  void start();
  /// Ends after the turn under way, what was decided has been sent. Safe to call twice.
  void stop();

  /// For connections from now on; those that stand keep what they began with.
  void renew(TlsContext context);

  /// A step of the mind asked for by another thread, run between two batches; its outbox is sent like any other.
  using Step = std::move_only_function<void(Instant now, Outbox& outbox, const Counters& counters)>;
  void run(Step step);

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace ringhold::net
