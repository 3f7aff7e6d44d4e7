#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/time.hpp"

namespace ringhold {

/// When objects are due. One entry per object at its earliest deadline; nothing is cancelled: the owner looks at its own
/// deadlines when its key comes up, and puts itself back if it came too early. Four levels of 256 slots of 1 ms, 256 ms,
/// 65 s and 4.7 h; adding and expiring cost the same for one and for a million entries. Keys are small values (ids).
template <typename Key>
class TimerWheel {
 public:
  struct Entry {
    std::uint64_t tick;
    Key key;
  };

  void add(Instant deadline, Key key) {
    if (!started_) start(deadline);
    place(Entry{tick_of(deadline), key});
    ++size_;
  }

  /// Calls `due(key)` for every entry whose deadline is not after `now`; `due` may add entries.
  template <typename Due>
  void expire(Instant now, Due&& due) {
    expire_groups(now, [&](std::span<const Entry> group) {
      for (const Entry& entry : group) due(entry.key);
    });
  }
  /// The same, with all entries of one tick at once.
  template <typename Due>
  void expire_groups(Instant now, Due&& due) {
    const std::uint64_t now_tick = static_cast<std::uint64_t>(now.time_since_epoch() / tick_length);
    if (!started_) {
      // Told the time before the first entry: nothing can be behind it, so there is no history to walk through.
      current_ = now_tick + 1;
      started_ = true;
      return;
    }
    while (current_ <= now_tick) {
      if (size_ == 0) {
        current_ = now_tick + 1;
        break;
      }
      auto& slot = levels_[0][current_ % slots];
      if (!slot.empty()) {
        due_.swap(slot);
        clear_bit(0, current_ % slots);
        ++current_;
        size_ -= due_.size();
        due(std::span<const Entry>{due_});
        due_.clear();
      } else {
        ++current_;
      }
      if (current_ % slots == 0)
        cascade(1);
      else
        skip_empty(now_tick);
    }
  }

  /// Not later than the earliest deadline; may be up to one wheel turn of a higher level earlier, so expire() is then
  /// called once for nothing. Nothing when empty.
  std::optional<Instant> next() const {
    if (size_ == 0) return std::nullopt;
    const std::size_t from = current_ % slots;
    for (std::size_t i = from; i < slots;) {
      const auto word = bits_[0][i / 64] >> (i % 64);
      if (word != 0) return instant_of(current_ - from + i + static_cast<std::size_t>(std::countr_zero(word)));
      i = (i / 64 + 1) * 64;
    }
    return instant_of(current_ - from + slots);
  }

  std::size_t size() const { return size_; }

 private:
  static constexpr Duration tick_length = 1ms;
  static constexpr std::size_t slots = 256;
  static constexpr std::size_t level_count = 4;

  /// Rounded up: an entry never comes before its deadline.
  static std::uint64_t tick_of(Instant instant) {
    const auto since = instant.time_since_epoch();
    if (since <= Duration::zero()) return 0;
    return static_cast<std::uint64_t>((since + tick_length - 1ns) / tick_length);
  }
  static Instant instant_of(std::uint64_t tick) { return Instant{tick_length * static_cast<Duration::rep>(tick)}; }

  void start(Instant first_deadline) {
    // The wheel begins far enough back that a deadline added later, but before the first expire(), is not behind it.
    const auto tick = tick_of(first_deadline);
    current_ = tick > history ? tick - history : 0;
    started_ = true;
  }

  void place(const Entry& entry) {
    const std::uint64_t tick = entry.tick < current_ ? current_ : entry.tick;
    std::uint64_t distance = tick - current_;
    std::size_t level = 0;
    while (level + 1 < level_count && (tick >> (8 * (level + 1))) != (current_ >> (8 * (level + 1)))) ++level;
    std::uint64_t position = tick;
    // Beyond the last level's reach: park it in the slot that comes last; it is placed anew from there.
    if (level == level_count - 1 && (distance >> (8 * level)) >= slots) position = current_ + ((slots - 1ULL) << (8 * level));
    const std::size_t slot = (position >> (8 * level)) % slots;
    levels_[level][slot].push_back(entry);
    bits_[level][slot / 64] |= 1ULL << (slot % 64);
  }

  void cascade(std::size_t level) {
    if (level >= level_count) return;
    const std::size_t slot = (current_ >> (8 * level)) % slots;
    if (slot == 0) cascade(level + 1);
    std::vector<Entry> moved;
    moved.swap(levels_[level][slot]);
    clear_bit(level, slot);
    for (const Entry& entry : moved) place(entry);
  }

  /// Jumps over empty slots of the lowest level, never past its end or `limit`.
  void skip_empty(std::uint64_t limit) {
    std::size_t i = current_ % slots;
    const std::uint64_t base = current_ - i;
    while (i < slots) {
      const auto word = bits_[0][i / 64] >> (i % 64);
      if (word != 0) {
        i += static_cast<std::size_t>(std::countr_zero(word));
        break;
      }
      i = (i / 64 + 1) * 64;
    }
    std::uint64_t next = base + i;
    if (next > limit + 1) next = limit + 1;
    if (next <= current_) return;
    current_ = next;
    if (current_ % slots == 0) cascade(1);
  }

  void clear_bit(std::size_t level, std::size_t slot) { bits_[level][slot / 64] &= ~(1ULL << (slot % 64)); }

  static constexpr std::uint64_t history = 24ULL * 3600 * 1000;
  bool started_ = false;
  std::uint64_t current_ = 0;  ///< the first tick that has not been expired
  std::size_t size_ = 0;
  std::array<std::array<std::vector<Entry>, slots>, level_count> levels_;
  std::array<std::array<std::uint64_t, slots / 64>, level_count> bits_{};
  std::vector<Entry> due_;
};

}  // namespace ringhold
