#include "shell/store/sqlite_store.hpp"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <utility>

namespace ringhold::store {

namespace {

constexpr std::uintmax_t checked_at_start_bytes = 16U << 20U;  ///< a larger file would delay the start

StoreError::Kind kind_of(int code) {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return StoreError::Kind::damaged;
    default: return StoreError::Kind::unavailable;
  }
}

std::unexpected<StoreError> damaged(std::string text) { return std::unexpected{StoreError{StoreError::Kind::damaged, std::move(text)}}; }

Column column_of(sqlite3_stmt* statement, int i) {
  if (sqlite3_column_type(statement, i) == SQLITE_INTEGER) return static_cast<std::int64_t>(sqlite3_column_int64(statement, i));
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
  return text == nullptr ? Text{} : Text{text, static_cast<std::size_t>(sqlite3_column_bytes(statement, i))};
}

void create_folder_of(const std::string& path) {
  const auto folder = std::filesystem::path{path}.parent_path();
  std::error_code ignored;
  if (folder.empty() || std::filesystem::exists(folder, ignored)) return;
  std::filesystem::create_directories(folder, ignored);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, ignored);
}

}  // namespace

void SqliteStore::CloseDatabase::operator()(sqlite3* database) const { sqlite3_close_v2(database); }
void SqliteStore::EndStatement::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

StoreError SqliteStore::error() const { return {kind_of(sqlite3_extended_errcode(database_.get())), sqlite3_errmsg(database_.get())}; }

std::expected<SqliteStore, StoreError> SqliteStore::open(const std::string& path) {
  create_folder_of(path);
  // The addresses of a branch's phones are nobody else's business.
  const mode_t before = umask(0077);
  SqliteStore store;
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  store.database_.reset(database);
  auto ready = code == SQLITE_OK ? store.set_up() : std::unexpected{database == nullptr ? StoreError{} : store.error()};
  umask(before);
  if (!ready) return std::unexpected{ready.error()};
  std::error_code ignored;
  if (std::filesystem::file_size(path, ignored) > checked_at_start_bytes) return store;
  const auto check = store.prepare("PRAGMA quick_check(1)");
  if (!check) return std::unexpected{check.error()};
  if (sqlite3_step(check->get()) != SQLITE_ROW) return std::unexpected{store.error()};
  if (const Column verdict = column_of(check->get(), 0); verdict != Column{Text{"ok"}}) return damaged(std::get<Text>(verdict));
  return store;
}

std::expected<void, StoreError> SqliteStore::set_up() {
  sqlite3_busy_timeout(database_.get(), 2'000);
  sqlite3_extended_result_codes(database_.get(), 1);
  if (sqlite3_db_readonly(database_.get(), "main") == 1)
    return std::unexpected{StoreError{StoreError::Kind::unavailable, "the file is write-protected"}};
  if (auto done = execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -1024; "
                          "PRAGMA journal_size_limit = 4194304");
      !done)
    return done;
  if (auto done = check_version(); !done) return done;
  if (auto done = execute(std::string{schema()}.c_str()); !done) return done;
  for (const Table table : all_tables)
    if (auto done = prepare_table(table); !done) return done;
  return {};
}

std::expected<void, StoreError> SqliteStore::check_version() {
  auto statement = prepare("PRAGMA user_version");
  if (!statement) return std::unexpected{statement.error()};
  if (sqlite3_step(statement->get()) != SQLITE_ROW) return std::unexpected{error()};
  const int version = sqlite3_column_int(statement->get(), 0);
  statement->reset();
  if (version == schema_version) return {};
  if (version != 0) return damaged(fmt::format("schema version {} instead of {}", version, schema_version));
  return execute(fmt::format("PRAGMA user_version = {}", schema_version).c_str());
}

std::expected<void, StoreError> SqliteStore::prepare_table(Table table) {
  TableStatements& statements = tables_[std::to_underlying(table)];
  auto columns = prepare(fmt::format("SELECT name FROM pragma_table_info('{}') ORDER BY cid", name(table)));
  if (!columns) return std::unexpected{columns.error()};
  std::string key;
  std::string marks;
  statements.columns = 0;
  for (; sqlite3_step(columns->get()) == SQLITE_ROW; ++statements.columns) {
    if (statements.columns == 0) key = std::get<Text>(column_of(columns->get(), 0));
    marks += statements.columns == 0 ? "?" : ",?";
  }
  if (key.empty()) return damaged(fmt::format("table {} has no columns", name(table)));
  auto put = prepare(fmt::format("INSERT OR REPLACE INTO {} VALUES ({})", name(table), marks));
  if (!put) return std::unexpected{put.error()};
  auto erase = prepare(fmt::format("DELETE FROM {} WHERE {} = ?", name(table), key));
  if (!erase) return std::unexpected{erase.error()};
  statements.put = std::move(*put);
  statements.erase = std::move(*erase);
  return {};
}

std::expected<void, StoreError> SqliteStore::execute(const char* statements) {
  if (sqlite3_exec(database_.get(), statements, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return std::unexpected{error()};
}

std::expected<SqliteStore::Statement, StoreError> SqliteStore::prepare(const std::string& text) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_.get(), text.c_str(), -1, &statement, nullptr) != SQLITE_OK) return std::unexpected{error()};
  return Statement{statement};
}

std::expected<std::vector<Row>, StoreError> SqliteStore::load() {
  std::vector<Row> rows;
  for (const Table table : all_tables)
    if (auto done = load_table(table, rows); !done) return std::unexpected{done.error()};
  return rows;
}

std::expected<void, StoreError> SqliteStore::load_table(Table table, std::vector<Row>& rows) {
  auto statement = prepare(fmt::format("SELECT * FROM {}", name(table)));
  if (!statement) return std::unexpected{statement.error()};
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(statement->get())) == SQLITE_ROW) {
    Row row{table, {}};
    const int count = sqlite3_column_count(statement->get());
    for (int i = 0; i < count; ++i) row.columns.push_back(column_of(statement->get(), i));
    rows.push_back(std::move(row));
  }
  if (code != SQLITE_DONE) return std::unexpected{error()};
  return {};
}

bool SqliteStore::fits(const Change& change) const {
  return change.columns.empty() || change.columns.size() == tables_[std::to_underlying(change.table)].columns;
}

std::expected<std::size_t, StoreError> SqliteStore::apply(std::span<const Change> changes) {
  std::size_t left_out = 0;
  // What an administrator was promised also survives a power cut; phones bring their bindings again.
  const bool promised = std::ranges::any_of(changes, [](const Change& change) { return is_promised(change.table); });
  auto done = execute(promised ? "PRAGMA synchronous = FULL; BEGIN IMMEDIATE" : "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE");
  for (const Change& change : changes) {
    if (!done) break;
    if (fits(change))
      done = apply_one(change);
    else
      ++left_out;
  }
  if (done) done = execute("COMMIT");
  if (done) return left_out;
  (void)execute("ROLLBACK");
  return std::unexpected{done.error()};
}

std::expected<void, StoreError> SqliteStore::apply_one(const Change& change) {
  const TableStatements& statements = tables_[std::to_underlying(change.table)];
  sqlite3_stmt* statement = change.columns.empty() ? statements.erase.get() : statements.put.get();
  const auto bind_text = [&](int i, std::string_view text) {
    sqlite3_bind_text(statement, i, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  };
  if (change.columns.empty()) bind_text(1, change.key);
  int position = 0;
  change.columns.for_each([&]<typename Value>(const Value& value) {
    if constexpr (std::is_same_v<Value, std::int64_t>)
      sqlite3_bind_int64(statement, ++position, value);
    else
      bind_text(++position, value);
  });
  const int code = sqlite3_step(statement);
  std::expected<void, StoreError> done;
  if (code != SQLITE_DONE) done = std::unexpected{error()};
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return done;
}

std::expected<std::string, StoreError> SqliteStore::move_aside(const std::string& path) {
  const std::string aside = fmt::format("{}.damaged-{}", path, std::time(nullptr));
  std::error_code failed;
  std::filesystem::rename(path, aside, failed);
  if (failed) return std::unexpected{StoreError{StoreError::Kind::unavailable, "cannot be moved aside: " + failed.message()}};
  for (const char* suffix : {"-wal", "-shm"}) {
    std::error_code ignored;
    std::filesystem::rename(path + suffix, aside + suffix, ignored);
  }
  return aside;
}

std::vector<Row> SqliteStore::read_only_rows(const std::string& path) {
  SqliteStore store;
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(("file:" + path + "?immutable=1").c_str(), &database, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, nullptr);
  store.database_.reset(database);
  if (code != SQLITE_OK) return {};
  return store.load().value_or(std::vector<Row>{});
}

}  // namespace ringhold::store
