#include "base/journal.hpp"

namespace ringhold {

Columns::Columns(std::initializer_list<Column> columns) {
  for (const Column& column : columns) std::visit([&](const auto& value) { add(value); }, column);
}

void Columns::add(std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  packed_.push_back(static_cast<char>(Kind::text));
  append_bytes(packed_, size);
  packed_.append(text);
  ++count_;
}

void Columns::add(std::int64_t number) {
  packed_.push_back(static_cast<char>(Kind::number));
  append_bytes(packed_, number);
  ++count_;
}

std::vector<Column> Columns::unpacked() const {
  std::vector<Column> columns;
  columns.reserve(count_);
  for_each([&]<typename Value>(const Value& value) {
    if constexpr (std::is_same_v<Value, std::int64_t>)
      columns.emplace_back(value);
    else
      columns.emplace_back(std::in_place_type<Text>, value);
  });
  return columns;
}

}  // namespace ringhold
