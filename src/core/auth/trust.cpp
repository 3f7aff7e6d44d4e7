#include "auth/trust.hpp"

#include <array>
#include <cstring>

namespace ringhold::auth {

namespace {

constexpr Duration sweep_pause = 10s;  ///< a full table is looked through no more often

/// Whether there is room for one more, after those that `is_over` were thrown out.
template <typename Table, typename IsOver>
bool has_room(Table& table, std::size_t bound, Instant& swept_at, Instant now, IsOver&& is_over) {
  if (table.size() < bound) return true;
  if (now < swept_at + sweep_pause) return false;
  swept_at = now;
  boost::unordered::erase_if(table, is_over);
  return table.size() < bound;
}

}  // namespace

std::string_view name(Tier tier) {
  switch (tier) {
    case Tier::digest: return "digest";
    case Tier::known: return "known";
    case Tier::unknown: return "unknown";
  }
  return "";
}

std::uint64_t Sources::key(const Packet& packet, std::string_view user) const {
  // A connection is known by its flow, which is never used twice; over UDP there is nothing but the address.
  std::array<char, 256> bytes{};
  const std::uint64_t flow = is_reliable(packet.transport) ? packet.flow.number : 0;
  const auto address = packet.remote.address.bytes();
  const std::uint16_t port = to_number(packet.remote.port);
  std::size_t size = 0;
  const auto add = [&](const void* from, std::size_t count) {
    count = std::min(count, bytes.size() - size);
    std::memcpy(bytes.data() + size, from, count);
    size += count;
  };
  bytes[size++] = static_cast<char>(packet.transport);
  add(&flow, sizeof flow);
  add(&port, sizeof port);
  bytes[size++] = static_cast<char>(address.size());
  add(address.data(), address.size());
  add(user.data(), user.size());
  return hash_({bytes.data(), size});
}

void Sources::remember(const Packet& packet, std::string_view user, Instant until, Instant now) {
  const std::uint64_t number = key(packet, user);
  if (const auto found = until_.find(number); found != until_.end())
    found->second = until;
  else if (has_room(until_, bound_, swept_at_, now, [&](const auto& entry) { return entry.second <= now; }))
    until_.emplace(number, until);
}

bool Sources::knows(const Packet& packet, std::string_view user, Instant now) const {
  const auto found = until_.find(key(packet, user));
  return found != until_.end() && now < found->second;
}

void KnownDevices::note(const Address& address, Instant now) {
  if (const auto found = seen_.find(address); found != seen_.end())
    found->second = now;
  else if (has_room(seen_, bound_, swept_at_, now, [&](const auto& entry) { return entry.second + remembered < now; }))
    seen_.emplace(address, now);
}

bool KnownDevices::knows(const Address& address, Instant now) const {
  const auto found = seen_.find(address);
  return found != seen_.end() && now <= found->second + remembered;
}

}  // namespace ringhold::auth
