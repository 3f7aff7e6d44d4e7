#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/journal.hpp"

namespace ringhold::store {

/// A new version moves an older database aside, and with it the users: add tables, and leave the old ones as they are.
inline constexpr int schema_version = 1;

inline constexpr std::array all_tables{Table::binding,       Table::learnt,      Table::setting,       Table::user,   Table::ring_profile,
                                       Table::terminal_type, Table::call,        Table::ring_schedule, Table::dialog, Table::redirect,
                                       Table::push_message,  Table::push_record, Table::agent_account};
static_assert(all_tables.size() == static_cast<std::size_t>(Table::agent_account) + 1);
/// Whether somebody was told that a change is kept: it is on disk when he is, whatever happens to the machine (INT-08).
constexpr bool is_promised(Table table) {
  return table != Table::binding && table != Table::learnt && table != Table::call && table != Table::dialog && table != Table::push_record;
}
std::string_view name(Table table);
/// The statements that create the tables, if they are not there.
std::string_view schema();

}  // namespace ringhold::store
