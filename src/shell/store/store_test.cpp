#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "shell/store/change_queue.hpp"
#include "shell/store/sqlite_store.hpp"
#include "shell/store/writer.hpp"

namespace ringhold::store {

namespace {

Change set(Text key, Text value) { return {Table::setting, key, {key, std::move(value)}}; }
Change erase(Text key) { return {Table::setting, std::move(key), {}}; }
Change message(Text key, Text body) {
  return {Table::push_message,
          key,
          {key, Text{"sip:a@b"}, Text{}, Text{"MESSAGE"}, Text{}, Text{"Content-Type: a/b\r\n"}, std::move(body), Text{"one-by-one"},
           std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, Text{}, std::int64_t{0}, std::int64_t{70}}};
}
Change erase_message(Text key) { return {Table::push_message, std::move(key), {}}; }

/// A folder of its own for each test, gone at the end.
class Store : public testing::Test {
 protected:
  Store() {
    std::string name = (std::filesystem::temp_directory_path() / "ringhold-store-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~Store() override { std::filesystem::remove_all(folder_); }
  std::string path(std::string_view file = "ringhold.db") const { return folder_ + "/" + std::string{file}; }
  void keep(std::vector<Change> changes) {
    Writer writer{path(), log_};
    writer.load();
    writer.start();
    writer.put(changes);
    writer.stop();
  }
  std::vector<Row> kept() {
    Writer writer{path(), log_};
    return writer.load();
  }

  std::string folder_;
  observe::Log log_{Severity::error};
};

}  // namespace

TEST_F(Store, keeps_changes_across_a_restart_R6) {
  keep({set("mode.pin", "survivable"), set("mode.last", "normal"), erase("mode.last")});
  const auto rows = kept();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].table, Table::setting);
  EXPECT_EQ(rows[0].columns, (std::vector<Column>{Text{"mode.pin"}, Text{"survivable"}}));
}

TEST_F(Store, gives_back_numbers_and_texts_of_every_table_R6) {
  const Change binding{
      Table::binding,
      "a b",
      {Text{"a b"}, Text{"a"}, Text{"b"}, Text{"d"}, Text{"c"}, std::int64_t{7}, std::int64_t{1000}, std::int64_t{1'795'213'741'042},
       std::int64_t{5}, Text{}, Text{"udp"}, Text{"1.2.3.4:5"}, Text{"[::1]:5"}, Text{"\xc3\xbc"}}};
  const Change learnt{
      Table::learnt, "n", {Text{"n"}, Text{"_sip._udp.example.test"}, std::int64_t{33}, Text{"00ff"}, std::int64_t{9}, std::int64_t{60}}};
  const Change user{Table::user, "alice", {Text{"alice"}, Text{"example.test"}, Text{"0f"}, Text{}, Text{"ff"}}};
  keep({binding, learnt, user});
  const auto rows = kept();
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].columns, binding.columns.unpacked());
  EXPECT_EQ(rows[1].columns, learnt.columns.unpacked());
  EXPECT_EQ(rows[2].columns, user.columns.unpacked());
}

TEST_F(Store, moves_a_damaged_database_aside_and_begins_anew) {
  std::ofstream{path()} << "this is not a database, however long one looks at it; it is text of more than a hundred bytes, all of it text";
  EXPECT_TRUE(kept().empty());
  std::size_t aside = 0;
  for (const auto& entry : std::filesystem::directory_iterator{folder_})
    if (entry.path().filename().string().starts_with("ringhold.db.damaged-")) ++aside;
  EXPECT_EQ(aside, 1U);
  keep({set("a", "b")});
  EXPECT_EQ(kept().size(), 1U);
}

TEST_F(Store, moves_a_database_of_another_version_aside) {
  keep({set("a", "b")});
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path().c_str(), &database), SQLITE_OK);
  sqlite3_exec(database, "PRAGMA user_version = 77", nullptr, nullptr, nullptr);
  sqlite3_close(database);
  EXPECT_TRUE(kept().empty());
}

TEST_F(Store, says_why_it_fails_and_keeps_what_waits_X5) {
  std::filesystem::create_directory(path());  // a folder where the file should be
  Writer writer{path(), log_};
  EXPECT_TRUE(writer.load().empty());
  EXPECT_EQ(writer.state().state, "failing");
  EXPECT_FALSE(writer.state().reason.empty());
  writer.start();
  std::vector<Change> changes{set("a", "b")};
  writer.put(changes);
  EXPECT_TRUE(changes.empty());
  std::filesystem::remove(path());
  writer.stop();  // the last try finds the place free
  EXPECT_EQ(writer.state().state, "ok");
  EXPECT_EQ(kept().size(), 1U);
}

TEST_F(Store, says_when_a_change_is_on_disk_X5) {
  Writer writer{path(), log_};
  writer.load();
  writer.start();
  std::vector<Change> changes{set("a", "b")};
  writer.put(changes);
  EXPECT_TRUE(writer.sync(std::chrono::seconds{5}));
  EXPECT_EQ(SqliteStore::open(path())->load()->size(), 1U) << "while the writer still runs";
}

TEST_F(Store, does_not_claim_that_a_failing_disk_keeps_anything_X5) {
  std::filesystem::create_directory(path());
  Writer writer{path(), log_};
  writer.load();
  writer.start();
  std::vector<Change> changes{set("a", "b")};
  writer.put(changes);
  EXPECT_FALSE(writer.sync(std::chrono::seconds{5}));
  EXPECT_EQ(writer.state().waiting, 1U);
}

TEST_F(Store, keeps_every_byte_of_a_text_PSH_19) {
  Text body;
  for (int round = 0; round < 256; ++round)
    for (int byte = 0; byte < 256; ++byte) body.push_back(static_cast<char>(byte));
  const Text key{"a\0b\xff", 4}, gone{"a\0c", 3};
  keep({message(key, body), message(gone, "x"), erase_message(gone), message("empty", "")});
  const auto rows = kept();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].columns, message(key, body).columns.unpacked());
  EXPECT_EQ(rows[1].columns, message("empty", "").columns.unpacked());
}

TEST_F(Store, leaves_out_a_row_that_does_not_fit_the_schema) {
  auto store = SqliteStore::open(path());
  ASSERT_TRUE(store);
  const std::vector<Change> changes{set("a", "b"), {Table::setting, "c", {Text{"c"}}}};
  EXPECT_EQ(store->apply(changes), 1U);
  EXPECT_EQ(store->load()->size(), 1U);
}

TEST_F(Store, is_readable_by_its_owner_only) {
  keep({set("a", "b")});
  struct stat status{};
  ASSERT_EQ(stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0077U, 0U);
}

TEST_F(Store, keeps_nothing_when_told_so) {
  Writer writer{"", log_};
  writer.start();
  std::vector<Change> changes{set("a", "b")};
  writer.put(changes);
  EXPECT_EQ(writer.state().state, "none");
  EXPECT_TRUE(writer.load().empty());
}

TEST(PackedChanges, come_out_as_they_went_in) {
  const std::vector<Change> given{
      {Table::binding, "a", {Text{"a"}, std::int64_t{7}}}, {Table::user, "", {}}, {Table::learnt, "b", {Text{}}}};
  PackedChanges packed;
  for (const Change& change : given) packed.add(change);
  EXPECT_EQ(packed.size(), given.size());
  std::size_t i = 0;
  packed.for_each([&](const Change& change) {
    ASSERT_LT(i, given.size());
    EXPECT_EQ(change.table, given[i].table);
    EXPECT_EQ(change.key, given[i].key);
    EXPECT_EQ(change.columns.unpacked(), given[i++].columns.unpacked());
  });
  EXPECT_EQ(i, given.size());
  packed.clear();
  packed.for_each([](const Change&) { FAIL(); });
}

TEST(ChangeQueue, keeps_the_newest_change_of_a_key) {
  ChangeQueue queue{10};
  queue.put(set("a", "old"));
  queue.put(set("a", "new"));
  const auto taken = queue.take(10);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(std::get<Text>(taken[0].columns.unpacked()[1]), "new");
}

TEST(ChangeQueue, drops_new_keys_at_its_bound_and_counts_them) {
  ChangeQueue queue{2};
  for (const char* key : {"a", "b", "c", "a"}) queue.put(set(key, "x"));
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(queue.dropped(), 1U);
}

TEST(ChangeQueue, does_not_put_an_old_change_over_a_newer_one) {
  ChangeQueue queue{10};
  queue.put(set("a", "old"));
  auto taken = queue.take(10);
  queue.put(set("a", "new"));
  queue.put_back(std::move(taken));
  EXPECT_EQ(std::get<Text>(queue.take(1)[0].columns.unpacked()[1]), "new");
}

}  // namespace ringhold::store
