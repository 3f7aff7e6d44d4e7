#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/text.hpp"

namespace ringhold {

/// The tables of the store. A name and its columns stand in shell/store/schema.sql; the first column is the key.
enum class Table : std::uint8_t { binding, learnt, setting, user };

/// One row, columns in the order of the schema. `columns[0]` is the key.
using Column = std::variant<std::int64_t, Text>;
struct Row {
  Table table = Table::setting;
  std::vector<Column> columns;
};

/// What is to be kept on disk: a row put (inserted or replaced), or the row with that key erased.
struct Change {
  Table table = Table::setting;
  Text key;
  std::vector<Column> columns;  ///< empty: erase
};

/// Numbers the changes that one outbox carried; the store tells the mind when all up to it are on disk.
struct ChangeId {
  std::uint64_t number = 0;
  friend auto operator<=>(const ChangeId&, const ChangeId&) = default;
};

}  // namespace ringhold
