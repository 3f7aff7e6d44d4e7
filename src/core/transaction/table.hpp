#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/slab.hpp"
#include "base/timer_wheel.hpp"
#include "transaction/matching.hpp"
#include "transaction/transaction.hpp"

namespace ringhold::transaction {

/// Where the transactions live: found by id, by key, by peer, and by the wheel when one of their timers is due.
class Table {
 public:
  explicit Table(std::size_t capacity) : slab_{capacity} {}

  /// `transaction` has its bytes and destination. A full table lets go of those that only absorb repetitions, oldest first
  /// (limits::transaction_rest); zero when there is none.
  TransactionId insert(Transaction&& transaction, std::uint64_t key_hash, Instant now);
  Transaction* find(TransactionId id) { return slab_.find(id); }
  const Transaction* find(TransactionId id) const { return slab_.find(id); }
  TransactionId find_client(const Key& key) const { return find(clients_, key, {}); }
  /// `to_tag` is that of the request, and counts for RFC 2543 elements only; `ack`s have that of the response.
  TransactionId find_server(const Key& key, std::string_view to_tag) const { return find(servers_, key, ToTag{to_tag, false}); }
  TransactionId find_server_for_ack(const Key& key, std::string_view to_tag) const { return find(servers_, key, ToTag{to_tag, true}); }
  /// Those that send over this connection, or over UDP or a connection yet to come to this remote.
  std::vector<TransactionId> at(const FlowChange& change) const;
  std::size_t size() const { return slab_.size(); }

  /// Nobody finds it any more but by id.
  void unlink(TransactionId id);
  void erase(TransactionId id);
  /// Gives it another destination.
  void redirect(TransactionId id, const Destination& destination);
  /// Sees that the wheel calls at its earliest deadline. To be called after each step.
  void schedule(TransactionId id, Instant now);
  /// Calls `due(id, transaction)` for those with a deadline that may have come, and schedules what stays.
  template <typename Due>
  void expire(Instant now, Due&& due) {
    wheel_.expire(now, [&](TransactionId id) {
      Transaction* transaction = slab_.find(id);
      // A second entry, left from a deadline that was moved forward: the first one has called already.
      if (transaction == nullptr || now < transaction->in_wheel) return;
      transaction->in_wheel = never;
      due(id, *transaction);
      schedule(id, now);
    });
  }
  std::optional<Instant> next_expiry() const { return wheel_.next(); }

 private:
  using Heads = boost::unordered_flat_map<std::uint64_t, TransactionId>;
  struct ToTag {
    std::string_view text;
    bool of_response = false;
  };

  TransactionId find(const Heads& heads, const Key& key, ToTag to_tag) const;
  void link(Heads& heads, Link Transaction::* place, TransactionId id, std::uint64_t hash);
  void unlink(Heads& heads, Link Transaction::* place, TransactionId id, Transaction& transaction);

  using AgeList = ringhold::AgeList<Transaction, &Transaction::by_age>;
  AgeList& age_list(const Transaction& transaction);
  void make_room(Instant now);

  Slab<Transaction> slab_;
  AgeList absorbing_strays_;   ///< non-INVITE clients that have their response
  AgeList absorbing_repeats_;  ///< what would be served, or passed on, a second time
  Heads clients_, servers_, peers_;
  TimerWheel<TransactionId> wheel_;
};

}  // namespace ringhold::transaction
