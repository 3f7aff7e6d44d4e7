#include "sim/streams.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "sim/world.hpp"

namespace ringhold::sim {

namespace {
constexpr Duration retransmission = 1s;
constexpr Duration patience = 20s;  // then the kernel, or who waits for it, gives up
}  // namespace

Streams::Id Streams::connect(const Endpoint& from, const Endpoint& to) {
  const Id id = next_++;
  Connection connection;
  connection.client = from;
  connection.server = to;
  connections_.emplace(id, connection);
  try_to_establish(id, 0);
  return id;
}

void Streams::try_to_establish(Id id, unsigned tries) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  const auto way = world_.carry_stream(connection.client, connection.server);
  const auto back = world_.carry_stream(connection.server, connection.client);
  if (way.refused) {
    world_.clock.after(1ms, [this, id] { give_up(id, true); });
    return;
  }
  if (way.delay && back.delay && world_.is_deserted(connection.server.address)) {
    world_.clock.after(*way.delay + *back.delay, [this, id] { give_up(id, true); });
    return;
  }
  if (!way.delay || !back.delay || world_.host(connection.server.address) == nullptr) {
    if (retransmission * static_cast<int>(tries) >= patience) return give_up(id, true);
    world_.clock.after(retransmission, [this, id, tries] { try_to_establish(id, tries + 1); });
    return;
  }
  world_.clock.after(*way.delay + *back.delay, [this, id] {
    const auto known = connections_.find(id);
    if (known == connections_.end()) return;
    Connection& made = known->second;
    Host* server = world_.host(made.server.address);
    if (server == nullptr || made.server_gone) return give_up(id, true);
    if (made.client_gone) {
      connections_.erase(known);
      return;
    }
    made.established = true;
    const Endpoint client_end = made.client;
    const Endpoint server_end = made.server;
    server->connection_changed(id, server_end, client_end, ConnectionState::opened);
    if (Host* client = world_.host(client_end.address)) client->connection_changed(id, client_end, server_end, ConnectionState::opened);
  });
}

void Streams::send(Id id, const Endpoint& from, std::string bytes) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const bool to_server = from.address == found->second.client.address;
  const Endpoint& to = to_server ? found->second.server : found->second.client;
  world_.ladder.packet(world_.clock.now(), from, to, bytes, "tcp");
  try_to_deliver(id, to_server, std::move(bytes), world_.clock.now());
}

void Streams::try_to_deliver(Id id, bool to_server, std::string bytes, Instant sent_at) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  const Endpoint from = to_server ? connection.client : connection.server;
  const Endpoint to = to_server ? connection.server : connection.client;
  const auto way = world_.carry_stream(from, to);
  const bool peer_gone = to_server ? connection.server_gone : connection.client_gone;
  Instant& last = to_server ? connection.last_to_server : connection.last_to_client;
  const Instant now = world_.clock.now();
  // Who was restarted knows nothing of the connection (RFC 9293 §3.5.2: RST).
  if (way.delay && peer_gone && world_.host(to.address) != nullptr) {
    world_.clock.after(2 * *way.delay, [this, id] { give_up(id, false); });
    return;
  }
  if (!way.delay || peer_gone || world_.host(to.address) == nullptr) {
    if (now - sent_at >= patience) return give_up(id, false);
    // What is sent after this one must not overtake it.
    last = std::max(last, now + retransmission);
    world_.clock.after(retransmission, [this, id, to_server, bytes = std::move(bytes), sent_at]() mutable {
      try_to_deliver(id, to_server, std::move(bytes), sent_at);
    });
    return;
  }
  last = std::max(last + 1us, now + *way.delay);
  world_.clock.at(last, [this, id, from, to, bytes = std::move(bytes)] {
    if (!connections_.contains(id)) return;
    if (Host* host = world_.host(to.address)) host->receive({from, to, bytes, id});
  });
}

void Streams::give_up(Id id, bool refused) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const Connection gone = found->second;
  connections_.erase(found);
  const auto state = refused ? ConnectionState::refused : ConnectionState::closed;
  if (Host* client = world_.host(gone.client.address); client != nullptr && !gone.client_gone)
    client->connection_changed(id, gone.client, gone.server, state);
  if (Host* server = world_.host(gone.server.address); server != nullptr && !gone.server_gone && gone.established)
    server->connection_changed(id, gone.server, gone.client, ConnectionState::closed);
}

void Streams::close(Id id, const Endpoint& by) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const bool by_client = by.address == found->second.client.address;
  (by_client ? found->second.client_gone : found->second.server_gone) = true;
  world_.clock.after(5ms, [this, id] { give_up(id, false); });
}

void Streams::host_gone(const Address& address, End end) {
  std::vector<Id> told;
  for (auto& [id, connection] : connections_) {
    if (connection.client.address == address)
      connection.client_gone = true;
    else if (connection.server.address == address)
      connection.server_gone = true;
    else
      continue;
    told.push_back(id);
  }
  if (end == End::silent) return;
  for (const Id id : told) world_.clock.after(2ms, [this, id] { give_up(id, false); });
}

}  // namespace ringhold::sim
