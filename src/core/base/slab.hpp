#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
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
      if (entries_.size() >= capacity_) return {};
      index = static_cast<std::uint32_t>(entries_.size());
      entries_.emplace_back();
    }
    Entry& entry = entries_[index];
    entry.object.emplace(std::forward<Arguments>(arguments)...);
    ++live_;
    return {index, entry.generation};
  }

  /// Null means gone.
  T* find(Id<T> id) {
    if (id.generation == 0 || id.index >= entries_.size()) return nullptr;
    Entry& entry = entries_[id.index];
    return entry.generation == id.generation && entry.object ? &*entry.object : nullptr;
  }
  const T* find(Id<T> id) const { return const_cast<Slab*>(this)->find(id); }

  /// The name of the object that lives at `index` now; zero when none does.
  Id<T> id_at(std::uint32_t index) const {
    if (index >= entries_.size() || !entries_[index].object) return {};
    return {index, entries_[index].generation};
  }

  void erase(Id<T> id) {
    check(find(id) != nullptr);
    Entry& entry = entries_[id.index];
    entry.object.reset();
    if (++entry.generation == 0) entry.generation = 1;
    free_.push_back(id.index);
    --live_;
  }

  std::size_t size() const { return live_; }
  std::size_t capacity() const { return capacity_; }

  template <typename Visitor>
  void for_each(Visitor&& visit) {
    for (std::uint32_t index = 0; index < entries_.size(); ++index)
      if (entries_[index].object) visit(Id<T>{index, entries_[index].generation}, *entries_[index].object);
  }
  template <typename Visitor>
  void for_each(Visitor&& visit) const {
    for (std::uint32_t index = 0; index < entries_.size(); ++index)
      if (entries_[index].object) visit(Id<T>{index, entries_[index].generation}, *entries_[index].object);
  }

 private:
  struct Entry {
    std::uint32_t generation = 1;
    std::optional<T> object;
  };
  std::size_t capacity_;
  std::size_t live_ = 0;
  std::deque<Entry> entries_;
  std::vector<std::uint32_t> free_;
};

}  // namespace ringhold
