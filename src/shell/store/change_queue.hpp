#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/journal.hpp"

namespace ringhold::store {

/// Changes that wait for the disk. Of two for one key the newer wins. At the bound, a change of a key that does not wait
/// already is dropped and counted: memory stays bounded however long the disk fails. What somebody was promised has room of its own
/// beyond that.
class ChangeQueue {
 public:
  explicit ChangeQueue(std::size_t capacity, std::size_t promised_capacity = 0)
      : capacity_{capacity}, promised_capacity_{promised_capacity} {}

  void put(Change change);
  /// Those taken back because they could not be written; newer ones of the same key stay.
  void put_back(std::vector<Change> changes);
  std::vector<Change> take(std::size_t most);
  std::size_t size() const { return changes_.size(); }
  bool empty() const { return changes_.empty(); }
  std::uint64_t dropped() const { return dropped_; }
  /// Of these, such as is_promised() tells of.
  std::uint64_t promised_dropped() const { return promised_dropped_; }

 private:
  using Key = std::pair<Table, Text>;
  struct KeyHash {
    std::size_t operator()(const Key& key) const { return TextHash{}(key.second) * 4 + static_cast<std::size_t>(key.first); }
  };
  std::size_t capacity_;
  std::size_t promised_capacity_;
  std::uint64_t dropped_ = 0;
  std::uint64_t promised_dropped_ = 0;
  boost::unordered_flat_map<Key, Change, KeyHash> changes_;
};

}  // namespace ringhold::store
