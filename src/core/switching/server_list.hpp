#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/address.hpp"
#include "base/time.hpp"
#include "switching/avoidance.hpp"
#include "switching/switching.hpp"

namespace ringhold::switching {

/// The servers of an account in the order in which they are tried, the survivable registrar last, and where the account stands.
class ServerList {
 public:
  /// What DNS says now. Where the account stands is kept, whatever its rank; if that server is gone, it stands nowhere.
  void assign(std::vector<Target> servers);

  std::span<const Target> servers() const { return servers_; }
  /// Null: nowhere yet.
  const Target* current() const { return current_ ? &servers_[*current_] : nullptr; }
  std::optional<std::size_t> rank() const { return current_; }
  std::optional<std::size_t> rank_of(const Target& server) const;
  bool is_better(const Target& server) const;
  /// Whether it has come before the current server since this stay began.
  bool has_overtaken(const Target& server) const;
  /// Whether it is not avoided and has not failed in this round.
  bool may_try(const Target& server, const Avoidance& avoidance, Instant now) const;
  /// SWI-06: whether the account was registered here during this stay.
  bool has_succeeded() const { return succeeded_; }

  /// Each begins a new stay. The first one is that which is not avoided and has not failed in this round; when there is none, the
  /// very first. The next one is not avoided.
  void go_first(const Avoidance& avoidance, Instant now);
  void go_next(const Avoidance& avoidance, Instant now);
  void go_to(const Target& server);
  void succeed() { succeeded_ = true, failed_.clear(); }
  /// A registration at the current server has failed; until new_round() or success.
  void fail();
  void new_round() { failed_.clear(); }
  /// Whether go_first() leads to a server that has not failed in this round.
  bool has_untried(const Avoidance& avoidance, Instant now) const;

  /// Whether one of those is left that have overtaken the current server.
  bool has_untried_overtaker(const Avoidance& avoidance, Instant now) const;

  /// SWI-05: what a failed registration at the current server means.
  Event after_failure(const Avoidance& avoidance, Instant now) const;
  /// The earliest end of an avoidance, if all are avoided now.
  std::optional<Instant> all_avoided_until(const Avoidance& avoidance, Instant now) const;

 private:
  /// The first server from `from` on that may be tried and is not the current one.
  std::optional<std::size_t> find(std::size_t from, const Avoidance& avoidance, Instant now) const;
  std::optional<std::size_t> find_untried(const Avoidance& avoidance, Instant now) const;
  void go(std::size_t place);

  std::vector<Target> servers_;
  std::optional<std::size_t> current_;
  bool succeeded_ = false;
  std::vector<Target> failed_;    ///< in this round
  std::vector<Target> preceded_;  ///< those before the current server when the stay began
};

}  // namespace ringhold::switching
