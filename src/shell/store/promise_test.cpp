#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>

#include "shell/store/sqlite_store.hpp"
#include "shell/store/writer.hpp"

namespace ringhold::store {

namespace {

using namespace std::chrono_literals;

Change set(Text key, Text value) { return {Table::setting, key, {key, std::move(value)}}; }
Change learnt(Text key) { return {Table::learnt, key, {key, Text{"n"}, std::int64_t{1}, Text{"00"}, std::int64_t{1}, std::int64_t{1}}}; }

/// What the writer tells, and who waits for it.
class Told {
 public:
  void take(const Promise& promise) {
    const std::lock_guard lock{mutex_};
    last_[promise.worker] = promise.up_to.number;
    ++count_;
    told_.notify_all();
  }
  bool wait_for(WorkerNumber worker, std::uint64_t number) {
    std::unique_lock lock{mutex_};
    return told_.wait_for(lock, 10s, [&] { return last_.contains(worker) && last_[worker] >= number; });
  }
  std::map<WorkerNumber, std::uint64_t> last() const {
    const std::lock_guard lock{mutex_};
    return last_;
  }
  unsigned count() const {
    const std::lock_guard lock{mutex_};
    return count_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable told_;
  std::map<WorkerNumber, std::uint64_t> last_;
  unsigned count_ = 0;
};

class StorePromises : public testing::Test {
 protected:
  StorePromises() {
    std::string name = (std::filesystem::temp_directory_path() / "ringhold-promise-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~StorePromises() override { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ + "/ringhold.db"; }
  Writer::Kept telling() {
    return [this](const Promise& promise) { told_.take(promise); };
  }
  static void put(Writer& writer, Change change, WorkerNumber worker, std::uint64_t number) {
    std::vector<Change> changes{std::move(change)};
    writer.put(changes, Promise{worker, {number}});
  }
  std::size_t rows_on_disk() const { return SqliteStore::open(path())->load()->size(); }

  std::string folder_;
  observe::Log log_{Severity::error};
  Told told_;
};

}  // namespace

TEST_F(StorePromises, are_told_when_another_reader_finds_the_row_P8) {
  std::size_t found = 0;
  Writer writer{path(), log_, [&](const Promise& promise) {
                  found = rows_on_disk();
                  told_.take(promise);
                }};
  writer.load();
  writer.start();
  // A row that nobody would hurry for otherwise.
  put(writer, learnt("a"), 0, 7);
  ASSERT_TRUE(told_.wait_for(0, 7));
  EXPECT_EQ(found, 1U);
  std::vector<Change> none;
  writer.put(none, Promise{0, {8}});
  EXPECT_TRUE(told_.wait_for(0, 8)) << "nothing was left to write";
}

TEST_F(StorePromises, are_told_to_each_worker) {
  Writer writer{path(), log_, telling()};
  writer.load();
  writer.start();
  put(writer, set("a", "b"), 0, 3);
  put(writer, set("c", "d"), most_workers - 1, 4);
  EXPECT_TRUE(told_.wait_for(0, 3));
  EXPECT_TRUE(told_.wait_for(most_workers - 1, 4));
  EXPECT_EQ(told_.last().size(), 2U);
}

TEST_F(StorePromises, of_one_group_are_told_as_one) {
  std::mutex gate;
  std::unique_lock closed{gate};
  Writer writer{path(), log_, [&](const Promise& promise) {
                  told_.take(promise);
                  const std::lock_guard passed{gate};
                }};
  writer.load();
  writer.start();
  put(writer, set("0", "x"), 0, 1);
  ASSERT_TRUE(told_.wait_for(0, 1));  // the writer's thread stands at the gate now
  for (std::uint64_t number = 2; number <= 5'000; ++number) put(writer, set(std::to_string(number), "x"), number % 2, number);
  closed.unlock();
  EXPECT_TRUE(told_.wait_for(0, 5'000));
  writer.stop();
  EXPECT_EQ(told_.last(), (std::map<WorkerNumber, std::uint64_t>{{0, 5'000}, {1, 4'999}}));
  EXPECT_EQ(told_.count(), 3U);
  EXPECT_EQ(rows_on_disk(), 5'000U);
}

TEST_F(StorePromises, wait_while_the_disk_fails_and_are_told_when_it_is_back) {
  std::filesystem::create_directory(path());  // a folder where the file should be
  Writer writer{path(), log_, telling()};
  writer.load();
  writer.start();
  put(writer, set("a", "b"), 2, 5);
  EXPECT_FALSE(writer.sync(5s)) << "a round of the thread is over";
  EXPECT_EQ(told_.count(), 0U);
  std::filesystem::remove(path());
  writer.stop();  // tries once more
  EXPECT_EQ(told_.last(), (std::map<WorkerNumber, std::uint64_t>{{2, 5}}));
}

TEST_F(StorePromises, are_not_told_when_a_change_they_cover_was_dropped) {
  std::filesystem::create_directory(path());
  Writer writer{path(), log_, telling(), 1};
  writer.load();
  writer.start();
  for (const char* key : {"a", "b", "c"}) put(writer, set(key, "x"), 0, 1);
  EXPECT_FALSE(writer.sync(5s));
  EXPECT_EQ(writer.state().dropped, 1U);
  std::filesystem::remove(path());
  put(writer, set("d", "x"), 0, 2);  // a later one would speak of the earlier ones, too
  writer.stop();
  EXPECT_EQ(told_.count(), 0U);
  EXPECT_EQ(writer.state().state, "ok");
}

TEST_F(StorePromises, do_not_depend_on_what_comes_again_by_itself) {
  std::filesystem::create_directory(path());
  Writer writer{path(), log_, telling(), 1};
  writer.load();
  writer.start();
  std::vector<Change> changes{learnt("a"), learnt("b")};  // DNS brings the second one again
  writer.put(changes);
  put(writer, set("c", "x"), 0, 2);
  EXPECT_FALSE(writer.sync(5s));
  EXPECT_EQ(writer.state().dropped, 1U);
  std::filesystem::remove(path());
  writer.stop();
  EXPECT_EQ(told_.last(), (std::map<WorkerNumber, std::uint64_t>{{0, 2}}));
}

TEST_F(StorePromises, are_not_told_when_a_row_was_left_out) {
  Writer writer{path(), log_, telling()};
  writer.load();
  writer.start();
  put(writer, {Table::setting, "a", {Text{"a"}}}, 0, 1);
  EXPECT_TRUE(writer.sync(5s));
  EXPECT_EQ(told_.count(), 0U);
}

}  // namespace ringhold::store
