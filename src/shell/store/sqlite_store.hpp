#pragma once

#include <array>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/journal.hpp"
#include "shell/store/schema.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace ringhold::store {

/// Why the database does not serve.
struct StoreError {
  enum class Kind : unsigned char {
    damaged,      ///< not a database, corrupt, or of another version: it is to be moved aside
    unavailable,  ///< cannot be opened, read or written now
  };
  Kind kind = Kind::unavailable;
  std::string text;
};

/// One open SQLite database in WAL mode; used by one thread.
class SqliteStore {
 public:
  /// Opens or creates. Missing folders are created, readable by us only.
  static std::expected<SqliteStore, StoreError> open(const std::string& path);
  /// Renames the database and its journals to PATH.damaged-TIME; where to, or why not.
  static std::expected<std::string, StoreError> move_aside(const std::string& path);
  /// The rows of a database that can be read but not opened for writing (a read-only file system).
  static std::vector<Row> read_only_rows(const std::string& path);

  std::expected<std::vector<Row>, StoreError> load();
  /// All or nothing, in one transaction. How many rows had another number of columns than the schema, and were left out.
  std::expected<std::size_t, StoreError> apply(std::span<const Change> changes);

 private:
  struct CloseDatabase {
    void operator()(sqlite3* database) const;
  };
  struct EndStatement {
    void operator()(sqlite3_stmt* statement) const;
  };
  using Statement = std::unique_ptr<sqlite3_stmt, EndStatement>;
  struct TableStatements {
    Statement put;
    Statement erase;
    std::size_t columns = 0;
  };

  StoreError error() const;
  std::expected<void, StoreError> execute(const char* statements);
  std::expected<Statement, StoreError> prepare(const std::string& text);
  std::expected<void, StoreError> set_up();
  std::expected<void, StoreError> check_version();
  std::expected<void, StoreError> prepare_table(Table table);
  bool fits(const Change& change) const;
  std::expected<void, StoreError> apply_one(const Change& change);
  std::expected<void, StoreError> load_table(Table table, std::vector<Row>& rows);

  // The statements end before the database is closed.
  std::unique_ptr<sqlite3, CloseDatabase> database_;
  std::array<TableStatements, all_tables.size()> tables_;  ///< by Table
};

}  // namespace ringhold::store
