#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ringhold::location {

/// A hash table of chains of bindings: eight bytes for each chain, the key stays in the binding. What the table cannot
/// know (whether a chain has the key that is asked for) the caller's `matches(index)` tells.
/// Open addressing with linear probing: a look-up misses one cache line here, not two (boost::unordered_flat_set keeps marks and
/// values apart), and the line can be asked for before it is needed.
class Index {
 public:
  static constexpr std::uint32_t none = UINT32_MAX;

  /// The first of the chain, or `none`.
  template <typename Matches>
  std::uint32_t find(std::uint32_t hash, Matches&& matches) const {
    const std::size_t at = place_of(hash, matches);
    return at == nowhere ? none : slots_[at].first;
  }
  /// The chain with that key begins with `first` from now on; the chain is made when there is none.
  template <typename Matches>
  void set(std::uint32_t hash, std::uint32_t first, Matches&& matches) {
    if (const std::size_t at = place_of(hash, matches); at != nowhere) {
      slots_[at].first = first;
      return;
    }
    if ((used_ + 1) * 4 > slots_.size() * 3) grow();
    insert({hash, first});
    ++used_;
  }
  template <typename Matches>
  void erase(std::uint32_t hash, Matches&& matches) {
    std::size_t hole = place_of(hash, matches);
    if (hole == nowhere) return;
    // Those behind move up, so that no search ends too early at the hole.
    for (std::size_t at = next(hole); slots_[at].first != none; at = next(at)) {
      const std::size_t home = home_of(slots_[at].hash);
      if (((at - home) & (slots_.size() - 1)) < ((at - hole) & (slots_.size() - 1))) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole].first = none;
    --used_;
  }
  /// Brings the line of that hash near, if it will be looked up soon.
  void prefetch(std::uint32_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[home_of(hash)]);
  }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t first = none;  ///< none: empty
  };
  static constexpr std::size_t nowhere = SIZE_MAX;
  static constexpr std::size_t fewest_slots = 64;

  template <typename Matches>
  std::size_t place_of(std::uint32_t hash, Matches& matches) const {
    if (slots_.empty()) return nowhere;
    for (std::size_t at = home_of(hash); slots_[at].first != none; at = next(at))
      if (slots_[at].hash == hash && matches(slots_[at].first)) return at;
    return nowhere;
  }
  /// The upper bits of a multiplication (Knuth, TAOCP 6.4): near hashes come to lie apart.
  std::size_t home_of(std::uint32_t hash) const { return static_cast<std::size_t>(hash * 0x9e37'79b9'7f4a'7c15U >> shift_); }
  std::size_t next(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }
  void insert(const Slot& slot) {
    std::size_t at = home_of(slot.hash);
    while (slots_[at].first != none) at = next(at);
    slots_[at] = slot;
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? fewest_slots : slots_.size() * 2);
    old.swap(slots_);
    shift_ = 64 - static_cast<unsigned>(std::countr_zero(slots_.size()));
    for (const Slot& slot : old)
      if (slot.first != none) insert(slot);
  }

  std::vector<Slot> slots_;  ///< a power of two, at most three quarters in use
  std::size_t used_ = 0;
  unsigned shift_ = 0;
};

}  // namespace ringhold::location
