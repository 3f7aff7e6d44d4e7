#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/journal.hpp"

namespace ringhold::store {

/// Changes on their way from a worker to the store's thread, as bytes: the worker copies and frees in its own thread, because
/// memory that one thread takes and another gives back costs both.
class PackedChanges {
 public:
  void add(const Change& change);
  std::size_t size() const { return count_; }
  std::size_t bytes() const { return bytes_.size(); }
  void clear();

  /// Visits each, in the order in which they came.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    std::string_view rest = bytes_;
    while (!rest.empty()) {
      Head head;
      std::memcpy(&head, rest.data(), sizeof head);
      rest.remove_prefix(sizeof head);
      const std::string_view key = rest.substr(0, head.key_bytes);
      const std::string_view columns = rest.substr(head.key_bytes, head.column_bytes);
      visit(Change{head.table, Text{key}, Columns{columns, head.columns}});
      rest.remove_prefix(std::size_t{head.key_bytes} + head.column_bytes);
    }
  }

 private:
  struct Head {
    Table table = Table::setting;
    std::uint32_t key_bytes = 0;
    std::uint32_t column_bytes = 0;
    std::uint32_t columns = 0;
  };
  std::string bytes_;
  std::size_t count_ = 0;
};

}  // namespace ringhold::store
