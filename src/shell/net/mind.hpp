#pragma once

#include <optional>

#include "base/flow.hpp"
#include "base/outbox.hpp"
#include "base/time.hpp"

namespace ringhold::net {

/// What a worker needs of a mind; `branch_device` stands behind it in `ringhold serve`, a small fake in the tests.
class Mind {
 public:
  virtual ~Mind() = default;
  virtual void start(Instant now, Outbox& outbox) = 0;
  virtual void receive(const Packet& packet, Instant now, Outbox& outbox) = 0;
  virtual void expire(Instant now, Outbox& outbox) = 0;
  virtual void connection_changed(const FlowChange& change, Instant now, Outbox& outbox) = 0;
  /// What the mind of another worker says; a mind that works alone is told nothing.
  virtual void told(const Word&, Instant, Outbox&) {}
  virtual std::optional<Instant> next_expiry() const = 0;
};

/// Takes the notes and changes of each batch before the outbox is emptied; must not wait.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void take(Outbox& outbox) = 0;
  /// False: changes go nowhere, so that minds need not make rows (store.url = "memory:").
  virtual bool keeps_changes() const { return true; }
};

}  // namespace ringhold::net
