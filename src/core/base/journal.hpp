#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/text.hpp"

namespace ringhold {

/// The tables of the store. A name and its columns stand in shell/store/schema.cpp; the first column is the key.
enum class Table : std::uint8_t {
  binding,
  learnt,
  setting,
  user,
  ring_profile,
  terminal_type,
  call,
  ring_schedule,
  dialog,
  redirect,
  push_message,
  push_record,
  agent_account,
};

/// One row, columns in the order of the schema. `columns[0]` is the key.
using Column = std::variant<std::int64_t, Text>;
struct Row {
  Table table = Table::setting;
  std::vector<Column> columns;
};

/// The columns of a row on its way to the store, packed into one text: rows are made at the rate of requests, and a text of its
/// own for each column would cost a REGISTER more than its look-up.
class Columns {
 public:
  Columns() = default;
  /// What packed() gave of so many columns.
  Columns(std::string_view packed, std::uint32_t count) : packed_{packed}, count_{count} {}
  Columns(std::initializer_list<Column> columns);

  void reserve(std::size_t bytes) { packed_.reserve(bytes); }
  void add(std::string_view text);
  void add(std::int64_t number);

  std::uint32_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  /// Visits each with a text or a number.
  template <typename Visit>
  void for_each(Visit&& visit) const;
  std::vector<Column> unpacked() const;
  std::string_view packed() const { return packed_; }

 private:
  enum class Kind : char { text, number };
  Text packed_;  ///< of each column its kind, and eight bytes of number, or four of length and the text
  std::uint32_t count_ = 0;
};

/// What is to be kept on disk: a row put (inserted or replaced), or the row with that key erased.
struct Change {
  Table table = Table::setting;
  Text key;
  Columns columns;  ///< empty: erase
};

template <typename Visit>
void Columns::for_each(Visit&& visit) const {
  const char* at = packed_.data();
  const auto take = [&](auto& value) {
    std::memcpy(&value, at, sizeof value);
    at += sizeof value;
  };
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (static_cast<Kind>(*at++) == Kind::number) {
      std::int64_t number = 0;
      take(number);
      visit(number);
    } else {
      std::uint32_t size = 0;
      take(size);
      visit(std::string_view{at, size});
      at += size;
    }
  }
}

/// A place in the changes of one mind, in the mind's own numbering, which grows; the store tells the mind when all up to there are on
/// disk.
struct ChangeId {
  std::uint64_t number = 0;
  friend auto operator<=>(const ChangeId&, const ChangeId&) = default;
};

}  // namespace ringhold
