#pragma once

#include <cstdint>
#include <optional>

#include "base/flow.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "sip/method.hpp"
#include "transaction/invite_client.hpp"
#include "transaction/invite_server.hpp"
#include "transaction/layer.hpp"
#include "transaction/non_invite_client.hpp"
#include "transaction/non_invite_server.hpp"

namespace ringhold::transaction {

/// One transaction of any of the four kinds. Timers are deadlines here; the layer's wheel holds the earliest.
struct Transaction {
  enum class Kind : std::uint8_t { invite_client, non_invite_client, invite_server, non_invite_server };
  Kind kind = Kind::non_invite_client;
  sip::Method method = sip::Method::other;
  invite_client::State invite_client_state = invite_client::State::calling;
  non_invite_client::State non_invite_client_state = non_invite_client::State::trying;
  invite_server::State invite_server_state = invite_server::State::proceeding;
  non_invite_server::State non_invite_server_state = non_invite_server::State::trying;
  bool provisional = false;              ///< a 1xx was received
  bool failed = false;                   ///< reported as a Failure; kept until the next step
  Owner owner;
  Text key;
  Destination destination;
  Text request;                          ///< as sent (client) or as received (server)
  Text response;                         ///< server: the last one, kept for retransmission over UDP
  Text ack;                              ///< INVITE client: the ACK to a non-2xx
  std::optional<Instant> retransmit_at;  ///< Timer A, E or G
  Duration interval{};                   ///< its present length
  std::optional<Instant> end_at;         ///< Timer B, D, F, H, I, J, K, L or M, whichever the state runs
  std::optional<Instant> in_wheel;

  bool is_client() const { return kind == Kind::invite_client || kind == Kind::non_invite_client; }
  bool is_terminated() const;
};

}  // namespace ringhold::transaction
