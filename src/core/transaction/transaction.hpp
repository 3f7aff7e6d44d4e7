#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/age_list.hpp"
#include "base/flow.hpp"
#include "base/slab.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "sip/method.hpp"
#include "transaction/invite_client.hpp"
#include "transaction/invite_server.hpp"
#include "transaction/layer.hpp"
#include "transaction/non_invite_client.hpp"
#include "transaction/non_invite_server.hpp"

namespace ringhold::transaction {

/// A timer that does not run.
inline constexpr Instant never = Instant::max();

/// A place in a chain of transactions that share a hash.
struct Link {
  std::uint64_t hash = 0;
  TransactionId previous;
  TransactionId next;
};

/// One transaction of any of the four kinds; the kind is the machine that its state belongs to.
struct Transaction {
  using State = std::variant<invite_client::State, non_invite_client::State, invite_server::State, non_invite_server::State>;
  /// RFC 2543 elements only: what tells an ACK to this response from others (§17.2.3).
  struct ToTags {
    Text request;
    Text response;
  };

  State state;
  sip::Method method = sip::Method::other;
  bool provisional = false;  ///< client: a 1xx was received
  Port sent_by_port{};       ///< server: where a response goes when the connection is gone (§18.2.2)
  Owner owner;
  Destination destination;
  Link by_key;
  Link by_peer;
  AgeLink<Transaction> by_age;  ///< while it only answers repetitions

  Instant retransmit_at = never;  ///< Timer A, E or G
  Instant timeout_at = never;     ///< Timer B, F or H
  Instant end_at = never;         ///< Timer D, I, J, K, L or M
  Instant in_wheel = never;       ///< when the wheel calls next
  Duration interval{};            ///< present length of Timer A, E or G

  std::string bytes;  ///< key, request, response: one piece of memory
  std::uint32_t key_size = 0;
  std::uint32_t request_size = 0;
  std::unique_ptr<ToTags> to_tags;

  bool is_client() const {
    return std::holds_alternative<invite_client::State>(state) || std::holds_alternative<non_invite_client::State>(state);
  }
  bool is_terminated() const {
    return std::visit([](auto s) { return s == decltype(s)::terminated; }, state);
  }
  /// The owner is done with it; it waits for what may be sent again (Timers D, I, J, K, L, M).
  bool only_absorbs() const {
    struct Visitor {
      bool operator()(invite_client::State s) const { return s == invite_client::State::accepted || s == invite_client::State::completed; }
      bool operator()(non_invite_client::State s) const { return s == non_invite_client::State::completed; }
      bool operator()(invite_server::State s) const { return s == invite_server::State::accepted || s == invite_server::State::confirmed; }
      bool operator()(non_invite_server::State s) const { return s == non_invite_server::State::completed; }
    };
    return std::visit(Visitor{}, state);
  }
  std::string_view key() const { return std::string_view{bytes}.substr(0, key_size); }
  std::string_view request() const { return std::string_view{bytes}.substr(key_size, request_size); }
  std::string_view response() const { return std::string_view{bytes}.substr(key_size + request_size); }

  void keep_response(std::string_view response) {
    bytes.resize(key_size + request_size);
    bytes.append(response);
  }
  void drop_request() {
    bytes.erase(key_size, request_size);
    request_size = 0;
  }
};

}  // namespace ringhold::transaction
