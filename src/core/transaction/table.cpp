#include "transaction/table.hpp"

#include "base/check.hpp"
#include "base/limits.hpp"

#include <algorithm>

namespace ringhold::transaction {

namespace {

/// The connection, if there is one. UDP sockets are shared by all, so there the remote is the peer.
std::uint64_t peer_hash(Transport transport, FlowId flow, const Endpoint& remote) {
  if (is_reliable(transport) && flow) return FlowIdHash{}(flow);
  return EndpointHash{}(remote) * 4U + static_cast<std::uint64_t>(std::to_underlying(transport));
}

std::uint64_t peer_hash(const Destination& destination) { return peer_hash(destination.transport, destination.flow, destination.remote); }

bool is_at(const Destination& destination, const FlowChange& change) {
  if (destination.transport != change.transport) return false;
  const bool by_connection = is_reliable(change.transport) && destination.flow;
  return by_connection ? destination.flow == change.flow : destination.remote == change.remote;
}

}  // namespace

Table::AgeList& Table::age_list(const Transaction& transaction) {
  return transaction.is_client() && transaction.method != sip::Method::invite ? absorbing_strays_ : absorbing_repeats_;
}

void Table::make_room(Instant now) {
  // A client that had its response is missed by nobody: what comes again for it is a stray, and strays are dropped.
  TransactionId id = absorbing_strays_.oldest_before(slab_, now);
  if (!id) id = absorbing_repeats_.oldest_before(slab_, now - limits::transaction_rest);
  if (id) erase(id);
}

TransactionId Table::insert(Transaction&& transaction, std::uint64_t key_hash, Instant now) {
  if (slab_.size() == slab_.capacity()) make_room(now);
  const bool client = transaction.is_client();
  const std::uint64_t peer = peer_hash(transaction.destination);
  const TransactionId id = slab_.insert(std::move(transaction));
  if (!id) return id;
  link(client ? clients_ : servers_, &Transaction::by_key, id, key_hash);
  link(peers_, &Transaction::by_peer, id, peer);
  return id;
}

void Table::link(Heads& heads, Link Transaction::* place, TransactionId id, std::uint64_t hash) {
  TransactionId& head = heads[hash];
  Transaction* transaction = slab_.find(id);
  check(transaction != nullptr);
  transaction->*place = {hash, {}, head};
  if (Transaction* second = slab_.find(head)) (second->*place).previous = id;
  head = id;
}

void Table::unlink(Heads& heads, Link Transaction::* place, TransactionId id, Transaction& transaction) {
  const Link link = transaction.*place;
  if (Transaction* next = slab_.find(link.next)) (next->*place).previous = link.previous;
  if (Transaction* previous = slab_.find(link.previous)) {
    (previous->*place).next = link.next;
  } else if (const auto head = heads.find(link.hash); head != heads.end() && head->second == id) {
    if (link.next)
      head->second = link.next;
    else
      heads.erase(head);
  }
  transaction.*place = Link{};
}

TransactionId Table::find(const Heads& heads, const Key& key, ToTag to_tag) const {
  const auto head = heads.find(key.hash());
  if (head == heads.end()) return {};
  for (TransactionId id = head->second; const Transaction* transaction = slab_.find(id); id = transaction->by_key.next) {
    if (transaction->key() != key.text()) continue;
    if (!transaction->to_tags) return id;
    if ((to_tag.of_response ? transaction->to_tags->response : transaction->to_tags->request) == to_tag.text) return id;
  }
  return {};
}

std::vector<TransactionId> Table::at(const FlowChange& change) const {
  std::vector<TransactionId> found;
  const auto collect = [&](std::uint64_t hash) {
    const auto head = peers_.find(hash);
    if (head == peers_.end()) return;
    for (TransactionId id = head->second; const Transaction* transaction = slab_.find(id); id = transaction->by_peer.next)
      if (is_at(transaction->destination, change)) found.push_back(id);
  };
  if (is_reliable(change.transport) && change.flow) collect(peer_hash(change.transport, change.flow, {}));
  collect(peer_hash(change.transport, {}, change.remote));
  return found;
}

void Table::unlink(TransactionId id) {
  Transaction* transaction = slab_.find(id);
  if (transaction == nullptr) return;
  unlink(transaction->is_client() ? clients_ : servers_, &Transaction::by_key, id, *transaction);
  unlink(peers_, &Transaction::by_peer, id, *transaction);
  age_list(*transaction).remove(slab_, id, *transaction);
}

void Table::erase(TransactionId id) {
  if (slab_.find(id) == nullptr) return;
  unlink(id);
  slab_.erase(id);
}

void Table::redirect(TransactionId id, const Destination& destination) {
  Transaction* transaction = slab_.find(id);
  if (transaction == nullptr) return;
  unlink(peers_, &Transaction::by_peer, id, *transaction);
  transaction->destination = destination;
  link(peers_, &Transaction::by_peer, id, peer_hash(destination));
}

void Table::schedule(TransactionId id, Instant now) {
  Transaction* transaction = slab_.find(id);
  if (transaction == nullptr) return;
  if (transaction->only_absorbs()) age_list(*transaction).add(slab_, id, *transaction, now);
  const Instant next = std::min({transaction->retransmit_at, transaction->timeout_at, transaction->end_at});
  if (next >= transaction->in_wheel) return;
  transaction->in_wheel = next;
  wheel_.add(next, id);
}

}  // namespace ringhold::transaction
