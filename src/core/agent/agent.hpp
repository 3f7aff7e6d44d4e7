#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "agent/report.hpp"
#include "agent/settings.hpp"
#include "base/flow.hpp"
#include "base/journal.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"

namespace ringhold::agent {

/// The terminal side: keeps accounts registered at the best server that there is (T1 to T13). A mind: packets, due timers and the
/// time come in, what is decided goes to the outbox.
class Agent {
 public:
  Agent(const Settings& settings, Random& random);
  ~Agent();
  Agent(Agent&&) noexcept;
  Agent& operator=(Agent&&) noexcept;

  /// What the store kept, before start(). Rows that make no sense are left out.
  void restore(const std::vector<Row>& rows);
  void start(Instant now, Outbox& outbox);
  void receive(const Packet& packet, Instant now, Outbox& outbox);
  void expire(Instant now, Outbox& outbox);
  void connection_changed(const FlowChange& change, Instant now, Outbox& outbox);
  std::optional<Instant> next_expiry() const;

  /// A link came up, or an address changed: waits are cut short, and servers looked up again (SWI-18).
  void network_changed(Instant now, Outbox& outbox);
  /// What became of content that was handed out.
  void handled(std::uint64_t id, const HandlerOutcome& outcome, Instant now, Outbox& outbox);
  /// Takes every binding away; for those who will not be there any more.
  void leave(Instant now, Outbox& outbox);
  /// Whether nothing is under way that somebody would wait for.
  bool is_idle() const;
  /// Asks a server whether it lives, whatever is known of it (`ringhold agent --once`).
  void probe(const Target& server, Instant now, Outbox& outbox);
  Report report(Instant now) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ringhold::agent
