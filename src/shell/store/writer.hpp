#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/journal.hpp"
#include "shell/observe/log.hpp"
#include "shell/store/change_queue.hpp"
#include "shell/store/packed_changes.hpp"
#include "shell/store/sqlite_store.hpp"

namespace ringhold::store {

/// How the store is, for `status` and the metrics.
struct StoreState {
  std::string state;          ///< "ok", "failing", "none"
  std::string reason;         ///< why it fails
  std::uint64_t waiting = 0;  ///< changes not on disk yet
  std::uint64_t dropped = 0;  ///< changes lost at the bound
  std::uint64_t written = 0;
};

/// Writes changes in groups by a thread of its own: every 200 ms, as soon as 1 000 wait, or a setting. A disk that fails is tried
/// again every 5 s; what could not be written is kept, newest per key.
class Writer {
 public:
  /// `path` empty: nothing is kept (store.url = "memory:").
  Writer(std::string path, observe::Log& log);
  ~Writer();

  /// What was kept; once, before start(). A damaged database is moved aside and nothing comes.
  std::vector<Row> load();
  void start();
  /// Writes what waits and ends the thread. Safe to call twice.
  void stop();

  /// Moves the changes away; never waits for the disk.
  void put(std::vector<Change>& changes);
  /// Waits until what was put before is on disk, for the promises that must not be lost (X5). False: it is not.
  bool sync(std::chrono::milliseconds patience);
  StoreState state() const;

 private:
  void live();
  void write_waiting();
  bool ensure_open();
  void failed(const StoreError& error);
  void recovered();

  std::string path_;
  observe::Log& log_;
  std::optional<SqliteStore> store_;
  ChangeQueue queue_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable synced_;
  PackedChanges arrived_;                 ///< guarded
  PackedChanges taken_;                   ///< of the thread: what had arrived; the two change places, so that their memory is used again
  StoreState state_;                      ///< guarded
  bool stopping_ = false;                 ///< guarded
  bool urgent_ = false;                   ///< guarded: a setting waits
  std::uint64_t syncs_wanted_ = 0;        ///< guarded
  std::uint64_t syncs_done_ = 0;          ///< guarded
  std::uint64_t dropped_on_arrival_ = 0;  ///< guarded
  std::optional<std::chrono::steady_clock::time_point> try_again_at_;
  std::optional<std::chrono::steady_clock::time_point> said_at_;
  std::thread thread_;
};

}  // namespace ringhold::store
