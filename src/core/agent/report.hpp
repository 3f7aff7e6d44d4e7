#pragma once

#include <optional>
#include <vector>

#include "agent/account.hpp"

namespace ringhold::agent {

/// An account, for people and monitoring systems.
struct AccountReport {
  Text aor;
  switching::State state = switching::State::resolving;
  std::optional<Target> server;     ///< where a binding stands
  std::optional<std::size_t> rank;  ///< of that server; 0 is the first
  Duration expires_in{};
  std::optional<Instant> registered_since;
  Outcome last;
  std::vector<Target> servers;  ///< in the order in which they are tried
  std::size_t phones = 0;       ///< contacts that are registered behind us for it
};

/// A server that some account has to do with.
struct ServerReport {
  Target server;
  std::size_t accounts = 0;  ///< registered there
  std::optional<Instant> answering_since;
  std::optional<Instant> heard_at;
  std::optional<Duration> connected_in;  ///< of the last connection that was made; TCP and TLS only
  std::optional<Duration> answered_in;   ///< of the last OPTIONS
};

struct Report {
  std::vector<AccountReport> accounts;
  std::vector<ServerReport> servers;
  std::optional<Duration> resolved_in;  ///< the last look-up; nothing: servers are configured, or there was no answer yet
  bool is_resolved = false;
};

}  // namespace ringhold::agent
