#pragma once

#include <memory>
#include <optional>
#include <span>

#include "base/flow.hpp"
#include "base/journal.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "branch_device/command.hpp"
#include "branch_device/settings.hpp"

namespace ringhold::branch_device {

/// The whole mind of `ringhold serve`: DNS proxy, registrar, proxy, health and modes. One per worker; five inputs and
/// one question, nothing else crosses the line between mind and shell.
class BranchDevice {
 public:
  /// `team`: one of several minds that serve the same branch; only the leader probes and serves DNS.
  BranchDevice(const Settings& settings, Random& random, const Team& team = {});
  ~BranchDevice();
  BranchDevice(BranchDevice&&) noexcept;
  BranchDevice& operator=(BranchDevice&&) noexcept;

  /// Puts back what the store kept; before start(). Expired rows are not resurrected (R6).
  void restore(std::span<const Row> rows, Instant now);
  /// Begins: probes, look-ups. Once.
  void start(Instant now, Outbox& outbox);

  /// One whole message that arrived on a listener, a connection or an upstream socket.
  void receive(const Packet& packet, Instant now, Outbox& outbox);
  /// Timers due; late calls are normal.
  void expire(Instant now, Outbox& outbox);
  /// A connection opened or closed, or a destination cannot be reached.
  void connection_changed(const FlowChange& change, Instant now, Outbox& outbox);
  /// What another mind of the team says.
  void told(const Word& word, Instant now, Outbox& outbox);
  /// All changes of this mind up to there are on disk. Late, or never while the disk fails, is normal.
  void committed(ChangeId change, Instant now, Outbox& outbox);
  /// HTTP API and command line.
  Answer command(const Command& command, Instant now, Outbox& outbox);
  /// When expire() wants to be called next.
  std::optional<Instant> next_expiry() const;

  /// Applies new settings (SIGHUP) without dropping calls or bindings; listeners are the shell's.
  void reconfigure(const Settings& settings, Instant now, Outbox& outbox);

 private:
  friend class PushService;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ringhold::branch_device
