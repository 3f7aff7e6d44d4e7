#include "shell/store/writer.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace ringhold::store {

namespace {

using std::chrono::steady_clock;
constexpr std::chrono::milliseconds group_time{200};
constexpr std::chrono::seconds retry_time{5};
constexpr std::chrono::seconds silence_time{60};
constexpr std::size_t group_size = 1'000;
constexpr int behind_workers = 19;  // nice
/// Raw changes between two groups; beyond, those that come are dropped: the thread is stuck in the kernel.
constexpr std::size_t arriving_changes = 500'000;
constexpr std::size_t arriving_bytes = std::size_t{256} << 20U;

}  // namespace

Writer::Writer(std::string path, observe::Log& log, Kept kept, std::size_t capacity)
    : path_{std::move(path)}, log_{log}, kept_{std::move(kept)}, queue_{capacity, capacity} {
  state_.state = path_.empty() ? "none" : "ok";
}

Writer::~Writer() { stop(); }

std::vector<Row> Writer::load() {
  if (!ensure_open()) return path_.empty() ? std::vector<Row>{} : SqliteStore::read_only_rows(path_);
  auto rows = store_->load();
  if (rows) return std::move(*rows);
  failed(rows.error());
  return {};
}

void Writer::start() {
  if (path_.empty()) return;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread{[this] { live(); }};
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Writer::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  store_.reset();
}

void Writer::put(std::vector<Change>& changes, const std::optional<Promise>& promise) {
  if ((changes.empty() && !promise) || path_.empty()) return changes.clear();
  // A mode or a pin is written at once: a kill just after the change must not bring the old one back.
  const bool promised = std::ranges::any_of(changes, [](const Change& change) { return is_promised(change.table); });
  const bool urgent = promised || promise;
  bool full = false;
  {
    const std::lock_guard lock{mutex_};
    urgent_ = urgent_ || urgent;
    if (arrived_.size() >= arriving_changes || arrived_.bytes() >= arriving_bytes) {
      dropped_on_arrival_ += changes.size();
      promised_dropped_ = promised_dropped_ || promised;
    } else {
      for (const Change& change : changes) arrived_.add(change);
    }
    if (promise)
      arrived_promises_.at(promise->worker) = std::max(arrived_promises_.at(promise->worker).value_or(ChangeId{}), promise->up_to);
    full = arrived_.size() >= group_size;
  }
  changes.clear();
  if (full || urgent) wake_.notify_one();
}

bool Writer::sync(std::chrono::milliseconds patience) {
  if (!thread_.joinable()) return false;
  std::unique_lock lock{mutex_};
  const std::uint64_t wanted = ++syncs_wanted_;
  wake_.notify_one();
  return synced_.wait_for(lock, patience, [&] { return syncs_done_ >= wanted; }) && state_.state == "ok" && state_.waiting == 0;
}

StoreState Writer::state() const {
  const std::lock_guard lock{mutex_};
  StoreState state = state_;
  state.waiting += arrived_.size();
  state.dropped += dropped_on_arrival_;
  return state;
}

void Writer::live() {
  pthread_setname_np(pthread_self(), "store");
  // A worker that wakes goes first, also where both have one core.
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), behind_workers);
  bool stopping = false;
  while (!stopping) {
    std::uint64_t syncs = 0;
    bool lost_on_arrival = false;
    {
      std::unique_lock lock{mutex_};
      wake_.wait_for(lock, group_time,
                     [&] { return stopping_ || urgent_ || arrived_.size() >= group_size || syncs_wanted_ > syncs_done_; });
      urgent_ = false;
      stopping = stopping_;
      syncs = syncs_wanted_;
      std::swap(taken_, arrived_);
      state_.waiting += taken_.size();
      lost_on_arrival = promised_dropped_;
      for (std::size_t worker = 0; worker < promises_.size(); ++worker)
        if (const auto arrived = std::exchange(arrived_promises_[worker], std::nullopt)) promises_[worker] = arrived;
    }
    if (stopping) try_again_at_.reset();
    taken_.for_each([&](Change&& change) { queue_.put(std::move(change)); });
    taken_.clear();
    write_waiting();
    keep_promises(lost_on_arrival);
    const std::lock_guard lock{mutex_};
    syncs_done_ = syncs;
    synced_.notify_all();
  }
}

void Writer::keep_promises(bool lost_on_arrival) {
  if (!promises_lost_ && (lost_on_arrival || row_left_out_ || queue_.promised_dropped() != 0)) {
    promises_lost_ = true;
    log_.write({"store_promises_lost", {{"file", path_}, {"dropped", state().dropped}}, Severity::error});
  }
  // Those that wait speak for all before them: with what waits in the queue they wait, too.
  if (!queue_.empty()) return;
  for (std::size_t worker = 0; worker < promises_.size(); ++worker) {
    const auto promise = std::exchange(promises_[worker], std::nullopt);
    if (promise && !promises_lost_ && kept_) kept_({static_cast<WorkerNumber>(worker), *promise});
  }
}

void Writer::write_waiting() {
  if (!queue_.empty() && ensure_open()) {
    while (!queue_.empty()) {
      auto group = queue_.take(group_size);
      const auto left_out = store_->apply(group);
      if (!left_out) {
        queue_.put_back(std::move(group));
        failed(left_out.error());
        break;
      }
      row_left_out_ = row_left_out_ || *left_out != 0;
      if (*left_out != 0)
        log_.write({"store_row_left_out", {{"rows", *left_out}, {"reason", "columns differ from the schema"}}, Severity::error});
      recovered();
      const std::lock_guard lock{mutex_};
      state_.written += group.size();
    }
  } else if (queue_.empty() && !store_) {
    // Nothing to write: the disk may still have come back.
    if (ensure_open()) recovered();
  }
  const std::lock_guard lock{mutex_};
  state_.waiting = queue_.size();
  state_.dropped = queue_.dropped();
}

bool Writer::ensure_open() {
  if (path_.empty()) return false;
  if (store_) return true;
  if (try_again_at_ && steady_clock::now() < *try_again_at_) return false;
  auto opened = SqliteStore::open(path_);
  if (!opened && opened.error().kind == StoreError::Kind::damaged) {
    const auto aside = SqliteStore::move_aside(path_);
    if (!aside) {
      failed(aside.error());
      return false;
    }
    log_.write({"store_moved_aside", {{"file", path_}, {"to", *aside}, {"reason", opened.error().text}}, Severity::error});
    opened = SqliteStore::open(path_);
  }
  if (!opened) {
    failed(opened.error());
    return false;
  }
  store_.emplace(std::move(*opened));
  return true;
}

void Writer::failed(const StoreError& error) {
  // Opened anew at the next try: that also finds a database that was damaged meanwhile.
  store_.reset();
  const auto now = steady_clock::now();
  try_again_at_ = now + retry_time;
  {
    const std::lock_guard lock{mutex_};
    state_.state = "failing";
    state_.reason = error.text;
  }
  if (said_at_ && now - *said_at_ < silence_time) return;
  said_at_ = now;
  log_.write({"store_failing", {{"file", path_}, {"reason", error.text}, {"waiting", queue_.size()}}, Severity::error});
}

void Writer::recovered() {
  {
    const std::lock_guard lock{mutex_};
    if (state_.state == "ok") return;
    state_.state = "ok";
    state_.reason.clear();
  }
  try_again_at_.reset();
  said_at_.reset();
  log_.write({"store_recovered", {{"file", path_}}});
}

}  // namespace ringhold::store
