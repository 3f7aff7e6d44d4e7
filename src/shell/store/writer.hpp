#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/journal.hpp"
#include "base/team.hpp"
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

/// A worker's mind waits to hear that its changes up to there are on disk.
struct Promise {
  WorkerNumber worker = 0;
  ChangeId up_to;
};

/// Writes changes in groups by a thread of its own: every 200 ms, as soon as 1 000 wait, or at once for a setting or a promise; what
/// comes while a group is written is the next one. A disk that fails is tried again every 5 s; what could not be written is kept,
/// newest per key.
///
/// A promise is told when all that came before it and with it is on disk; of each worker only the last one of a group. It speaks of
/// everything before it: so when a change was lost that is_promised() tells of, at a bound or because its row does not fit, no promise
/// is told any more until the next start.
class Writer {
 public:
  /// Called in the writer's thread when a promise is kept; must not wait.
  using Kept = std::function<void(const Promise& promise)>;
  /// The most changes that wait for the disk, and as many again of those that is_promised() tells of.
  static constexpr std::size_t waiting_keys = 200'000;

  /// `path` empty: nothing is kept (store.url = "memory:"), nor promised.
  Writer(std::string path, observe::Log& log, Kept kept = {}, std::size_t capacity = waiting_keys);
  ~Writer();

  /// What was kept; once, before start(). A damaged database is moved aside and nothing comes.
  std::vector<Row> load();
  void start();
  /// Writes what waits and ends the thread. Safe to call twice.
  void stop();

  /// Moves the changes away; never waits for the disk. The promise, if there is one, covers them.
  void put(std::vector<Change>& changes, const std::optional<Promise>& promise = {});
  /// Waits until what was put before is on disk, for the promises that must not be lost (X5). False: it is not.
  bool sync(std::chrono::milliseconds patience);
  StoreState state() const;

 private:
  /// The last promise of each worker.
  using Promises = std::array<std::optional<ChangeId>, most_workers>;

  void live();
  void write_waiting();
  void keep_promises(bool lost_on_arrival);
  bool ensure_open();
  void failed(const StoreError& error);
  void recovered();

  std::string path_;
  observe::Log& log_;
  Kept kept_;
  std::optional<SqliteStore> store_;
  ChangeQueue queue_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable synced_;
  PackedChanges arrived_;                 ///< guarded
  PackedChanges taken_;                   ///< of the thread: what had arrived; the two change places, so that their memory is used again
  Promises arrived_promises_;             ///< guarded
  Promises promises_;                     ///< of the thread: not told yet
  bool promises_lost_ = false;            ///< of the thread: a change is lost that they would cover
  StoreState state_;                      ///< guarded
  bool stopping_ = false;                 ///< guarded
  bool urgent_ = false;                   ///< guarded: a setting or a promise waits
  std::uint64_t syncs_wanted_ = 0;        ///< guarded
  std::uint64_t syncs_done_ = 0;          ///< guarded
  std::uint64_t dropped_on_arrival_ = 0;  ///< guarded
  bool promised_dropped_ = false;         ///< guarded: somebody was told of one of these
  bool row_left_out_ = false;             ///< of the thread
  std::optional<std::chrono::steady_clock::time_point> try_again_at_;
  std::optional<std::chrono::steady_clock::time_point> said_at_;
  std::thread thread_;
};

}  // namespace ringhold::store
