#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/flow.hpp"
#include "base/slab.hpp"
#include "base/time.hpp"
#include "dns/message.hpp"

namespace ringhold::nameserver {

/// Who asked, and how the answer has to look for him.
struct Client {
  Destination destination;
  std::uint16_t id = 0;
  dns::Question question;                  ///< in his spelling
  bool recursion_desired = false;
  bool checking_disabled = false;
  std::optional<dns::Edns> edns;
  Instant asked_at;

  bool dnssec_ok() const { return edns && edns->dnssec_ok; }
};

/// One question that is with an upstream; all who asked it meanwhile wait for the same answer (D1).
struct Query {
  dns::Question question;
  bool dnssec_ok = false;
  bool checking_disabled = false;
  Text key;
  std::vector<Client> clients;             ///< empty: our own look-up
  std::uint16_t id = 0;
  std::size_t upstream = 0;
  unsigned attempts = 0;
  bool refused = false;                    ///< an attempt ended with an error, not with silence
  bool over_tcp = false;
  Instant sent_at;
  Instant attempt_until;
  Instant answer_by;                       ///< dns.timeout after the first client asked (D6)
};
using QueryId = Id<Query>;

inline constexpr std::size_t clients_per_query = 256;   ///< more who ask the same are dropped; they will repeat

}  // namespace ringhold::nameserver
