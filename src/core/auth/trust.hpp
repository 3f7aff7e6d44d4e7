#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <string_view>

#include "auth/keyed_hash.hpp"
#include "base/address.hpp"
#include "base/flow.hpp"
#include "base/time.hpp"

namespace ringhold::auth {

/// How far somebody is trusted (R3); which calls a tier may make is decided elsewhere (X4).
enum class Tier : std::uint8_t {
  digest,   ///< has proved who he is
  known,    ///< a device that was seen while the central site lived
  unknown,  ///< merely within the branch's networks
};
std::string_view name(Tier tier);

/// From where users have registered by digest: what comes from there in their name is not challenged again.
class Sources {
 public:
  Sources(const KeyedHash& hash, std::size_t bound) : hash_{hash}, bound_{bound} {}

  /// At the bound nobody is remembered but who was already: he is challenged each time.
  void remember(const Packet& packet, std::string_view user, Instant until, Instant now);
  void forget(const Packet& packet, std::string_view user) { until_.erase(key(packet, user)); }
  bool knows(const Packet& packet, std::string_view user, Instant now) const;
  std::size_t size() const { return until_.size(); }

 private:
  std::uint64_t key(const Packet& packet, std::string_view user) const;
  KeyedHash hash_;
  std::size_t bound_;
  Instant swept_at_;
  boost::unordered_flat_map<std::uint64_t, Instant> until_;
};

/// The addresses from which devices were heard while the central site lived. In memory only: they are heard again in normal
/// times. At the bound no more are learnt.
class KnownDevices {
 public:
  explicit KnownDevices(std::size_t bound) : bound_{bound} {}
  void note(const Address& address, Instant now);
  bool knows(const Address& address, Instant now) const;

  static constexpr Duration remembered = 30 * 24h;

 private:
  struct Hash {
    std::size_t operator()(const Address& address) const { return EndpointHash{}({address, Port{}}); }
  };
  std::size_t bound_;
  Instant swept_at_;
  boost::unordered_flat_map<Address, Instant, Hash> seen_;
};

}  // namespace ringhold::auth
