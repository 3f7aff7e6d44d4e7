#pragma once

#include <algorithm>
#include <array>
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
  dns::Question question;  ///< in his spelling
  bool recursion_desired = false;
  bool checking_disabled = false;
  std::optional<dns::Edns> edns;
  Instant asked_at;

  bool dnssec_ok() const { return edns && edns->dnssec_ok; }
};

/// One packet to one upstream, from a socket of its own (D1). While it is open its answer counts, also when others were
/// sent after it: an upstream that is slow is not one that is dead.
struct Attempt {
  std::uint32_t slot = 0;
  std::uint16_t id = 0;
  Transport transport = Transport::udp;
  Endpoint upstream;
  Instant sent_at;
  bool open = false;
};

/// One question that is with an upstream; all who asked it meanwhile wait for the same answer (D1).
struct Query {
  static constexpr std::size_t most_attempts = 3;  ///< over UDP twice, and over TCP once
  static constexpr Instant never = Instant::max();

  dns::Question question;
  bool dnssec_ok = false;
  bool checking_disabled = false;
  Text key;
  std::vector<Client> clients;  ///< those who wait; empty: our own look-up, or they were answered without
  std::array<Attempt, most_attempts> attempts;
  std::size_t attempt_count = 0;
  bool for_routing = false;  ///< the answer is also kept for those who asked by look_up()
  bool late = false;         ///< dns.timeout is over: an answer is still learnt, but nobody waits for it
  Instant retry_at;
  Instant answer_by;  ///< dns.timeout after the first client asked (D6)
  Instant give_up_at;

  Instant deadline() const { return std::min({retry_at, late ? never : answer_by, give_up_at}); }
  bool any_open() const {
    return std::any_of(attempts.begin(), attempts.end(), [](const Attempt& one) { return one.open; });
  }
};
using QueryId = Id<Query>;

}  // namespace ringhold::nameserver
