#include "sim/stream_pool.hpp"

#include <algorithm>
#include <utility>

namespace ringhold::sim {

Streams::Id StreamPool::send(const Endpoint& to, std::string bytes) {
  for (auto& [id, member] : members_) {
    if (member.remote != to) continue;
    if (member.open)
      world_.streams.send(id, member.local, std::move(bytes));
    else
      member.queue.push_back(std::move(bytes));
    return id;
  }
  Member member;
  next_port_ = next_port_ >= 60'000 ? std::uint16_t{30'000} : static_cast<std::uint16_t>(next_port_ + 1);
  member.local = {own_, Port{next_port_}};
  member.remote = to;
  member.queue.push_back(std::move(bytes));
  const auto id = world_.streams.connect(member.local, to);
  members_.emplace(id, std::move(member));
  return id;
}

bool StreamPool::send_on(Streams::Id id, std::string bytes) {
  const auto found = members_.find(id);
  if (found == members_.end()) return false;
  if (found->second.open)
    world_.streams.send(id, found->second.local, std::move(bytes));
  else
    found->second.queue.push_back(std::move(bytes));
  return true;
}

void StreamPool::close(Streams::Id id) {
  const auto found = members_.find(id);
  if (found == members_.end()) return;
  world_.streams.close(id, found->second.local);
  members_.erase(found);
}

void StreamPool::changed(Streams::Id id, const Endpoint& local, const Endpoint& remote, ConnectionState state) {
  if (state != ConnectionState::opened) {
    members_.erase(id);
    return;
  }
  Member& member = members_[id];
  member.local = local;
  member.remote = remote;
  member.open = true;
  for (std::string& bytes : std::exchange(member.queue, {})) world_.streams.send(id, member.local, std::move(bytes));
}

void StreamPool::clear(Streams::End end) {
  members_.clear();
  world_.streams.host_gone(own_, end);
}

}  // namespace ringhold::sim
