#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.hpp"

namespace ringhold {

/// The name of an object in a Slab: index and generation. A stale name finds nothing.
template <typename T>
struct Id {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  ///< zero: names nothing
  explicit operator bool() const { return generation != 0; }
  friend bool operator==(const Id&, const Id&) = default;
};

/// Owns objects of one type; addresses stay valid until the object is erased, memory is used again.
template <typename T>
class Slab {
 public:
  explicit Slab(std::size_t capacity) : capacity_{capacity} {}

  /// The new object's name; a zero Id when `capacity` objects live, which the caller must answer with a refusal.
  template <typename... Arguments>
  Id<T> insert(Arguments&&... arguments) {
    std::uint32_t index;
    if (!free_.empty()) {
      index = free_.back();
      free_.pop_back();
    } else {
      if (used_ >= capacity_) return {};
      index = static_cast<std::uint32_t>(used_);
      if (used_ % chunk_size == 0) chunks_.push_back(std::make_unique<Entry[]>(chunk_size));
      ++used_;
    }
    Entry& entry = entry_at(index);
    entry.object.emplace(std::forward<Arguments>(arguments)...);
    ++live_;
    return {index, entry.generation};
  }

  /// Null means gone.
  T* find(Id<T> id) {
    if (id.generation == 0 || id.index >= used_) return nullptr;
    Entry& entry = entry_at(id.index);
    return entry.generation == id.generation && entry.object ? &*entry.object : nullptr;
  }
  const T* find(Id<T> id) const { return const_cast<Slab*>(this)->find(id); }

  /// The name of the object that lives at `index` now; zero when none does.
  Id<T> id_at(std::uint32_t index) const {
    if (index >= used_ || !entry_at(index).object) return {};
    return {index, entry_at(index).generation};
  }
  /// Brings an object near that will be asked for soon.
  void prefetch(Id<T> id) const {
    if (id.index >= used_) return;
    // An object may lie across several lines of the cache; a pointer to bytes walks them.
    const char* const entry = reinterpret_cast<const char*>(&entry_at(id.index));
    for (std::size_t at = 0; at < sizeof(Entry); at += 64) __builtin_prefetch(entry + at);
  }
  /// The object that lives at `index`, for owners that link their objects by index.
  T& at(std::uint32_t index) { return *entry_at(index).object; }
  const T& at(std::uint32_t index) const { return *entry_at(index).object; }

  void erase(Id<T> id) {
    check(find(id) != nullptr);
    Entry& entry = entry_at(id.index);
    entry.object.reset();
    if (++entry.generation == 0) entry.generation = 1;
    free_.push_back(id.index);
    --live_;
  }

  std::size_t size() const { return live_; }
  std::size_t capacity() const { return capacity_; }

  template <typename Visitor>
  void for_each(Visitor&& visit) {
    for (std::uint32_t index = 0; index < used_; ++index)
      if (auto& entry = entry_at(index); entry.object) visit(Id<T>{index, entry.generation}, *entry.object);
  }
  template <typename Visitor>
  void for_each(Visitor&& visit) const {
    for (std::uint32_t index = 0; index < used_; ++index)
      if (auto& entry = entry_at(index); entry.object) visit(Id<T>{index, entry.generation}, *entry.object);
  }

 private:
  struct Entry {
    std::uint32_t generation = 1;
    std::optional<T> object;
  };
  /// A power of two; small, so that few objects take little memory, and large, so that the table of chunks stays in the cache.
  static constexpr std::size_t chunk_size = std::bit_floor(std::max<std::size_t>(1, 16'384 / sizeof(Entry)));
  Entry& entry_at(std::uint32_t index) { return chunks_[index / chunk_size][index % chunk_size]; }
  const Entry& entry_at(std::uint32_t index) const { return chunks_[index / chunk_size][index % chunk_size]; }

  std::size_t capacity_;
  std::size_t live_ = 0;
  std::size_t used_ = 0;  ///< entries that ever held an object
  std::vector<std::unique_ptr<Entry[]>> chunks_;
  std::vector<std::uint32_t> free_;
};

}  // namespace ringhold
