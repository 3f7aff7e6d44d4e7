#pragma once

#include <string>
#include <utility>
#include <variant>

#include "base/flow.hpp"
#include "base/journal.hpp"
#include "base/team.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "calls/release.hpp"
#include "central/central.hpp"

namespace ringhold::branch_device {

/// From the leader to all: how the central site is.
struct StandingNews {
  central::Central::Standing standing;
};
/// From the leader to all: a row that all share (users, and the key of temporary GRUUs).
struct RowNews {
  Change change;
};
/// To the leader: what became of a request that was relayed to a central server (S1).
struct RelayNews {
  Target target;
  central::RelaySign sign;
};
/// To the leader: whether anybody is registered here.
struct RegistrationNews {
  WorkerNumber from = 0;
  bool any = false;
};
/// To the leader: a phone was sent home, or held for its call (S5).
struct ReturnNews {
  Instant at;
};
/// To the worker that has the AOR's bindings: its first call with the sender has begun, or the last one ended.
struct PartyNews {
  Text aor;
  bool calls = false;
};
/// To all: who registered from there has proved who he is; without `until` no longer.
struct SourceNews {
  Packet source;  ///< without bytes
  Text user;
  std::optional<Instant> until;
};

/// To all: a terminal seems to have lost its calls.
struct SuspectNews {
  calls::Suspect suspect;
};

/// To the worker that saw a restart: what came of it for the sender's calls.
struct ConcludedNews {
  calls::Concluded concluded;
};

/// The minds of a team tell each other these things and no others (docs/decisions/0009).
class News final : public Word {
 public:
  using Content =
      std::variant<StandingNews, RowNews, RelayNews, RegistrationNews, ReturnNews, PartyNews, SourceNews, SuspectNews, ConcludedNews>;
  explicit News(Content content) : content_{std::move(content)} {}
  const Content& content() const { return content_; }

 private:
  Content content_;
};

}  // namespace ringhold::branch_device
