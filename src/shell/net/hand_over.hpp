#pragma once

#include <array>
#include <atomic>
#include <boost/lockfree/spsc_queue.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/flow.hpp"
#include "base/team.hpp"

namespace ringhold::net {

/// What goes from one worker to another in one batch, in the order in which it was put.
struct Batch {
  struct Bytes {
    std::uint32_t offset;
    std::uint32_t size;
  };
  struct Handed {  ///< for its mind
    Packet packet;
    Bytes bytes;
  };
  struct Sent {  ///< for a connection of its
    Destination destination;
    Bytes bytes;
  };
  struct Closed {
    FlowId flow;
  };
  using Item = std::variant<Handed, Sent, Closed, FlowChange, std::shared_ptr<const Word>>;

  std::vector<Item> items;
  std::string text;

  Bytes keep(std::string_view bytes);
  std::string_view view(Bytes bytes) const { return std::string_view{text}.substr(bytes.offset, bytes.size); }
  void clear();
};

/// The rings between the workers of one program: one for each pair and direction, written by one thread and read by one. Nobody
/// waits: what finds a ring full stays with the sender, and beyond a bound packets are lost as on the way (counted).
class HandOver {
 public:
  explicit HandOver(WorkerNumber workers);

  /// What worker `from` will give to `to` at its next flush().
  Batch& next(WorkerNumber from, WorkerNumber to) { return lane(from, to).next; }
  /// Whether another packet for `to` has room.
  bool has_room(WorkerNumber from, WorkerNumber to) { return lane(from, to).next.text.size() < most_waiting_bytes; }
  /// How a worker is told that something waits for it; set before any thread begins, called from all.
  void on_wake(WorkerNumber worker, std::function<void()> wake) { wake_[worker] = std::move(wake); }
  /// Gives what was collected. True: something had no room, and has to be given later.
  bool flush(WorkerNumber from);
  /// Serves what others gave to `to`; once for each wake.
  template <typename Serve>
  void take(WorkerNumber to, Serve&& serve) {
    awake_[to].store(false);
    for (WorkerNumber from = 0; from < workers_; ++from) {
      if (from == to) continue;
      Lane& one = lane(from, to);
      Batch* batch = nullptr;
      // No more than one ring at a time: sockets wait, too.
      for (std::size_t i = 0; i < ring_batches && one.ring.pop(batch); ++i) {
        serve(*batch);
        batch->clear();
        one.empties.push(batch);
      }
      if (one.ring.read_available() != 0) wake(to);
    }
  }

  static constexpr std::size_t ring_batches = 256;
  static constexpr std::size_t most_waiting_bytes = 4U << 20U;

 private:
  struct Lane {
    Batch next;
    std::vector<std::unique_ptr<Batch>> made;  ///< the sender's; no more than fit into the ring and one in the reader's hand
    boost::lockfree::spsc_queue<Batch*, boost::lockfree::capacity<ring_batches>> ring;
    boost::lockfree::spsc_queue<Batch*, boost::lockfree::capacity<ring_batches + 2>> empties;
  };
  Lane& lane(WorkerNumber from, WorkerNumber to) { return *lanes_[std::size_t{from} * workers_ + to]; }
  enum class Given : std::uint8_t { nothing, all, no_room };
  static Given give(Lane& lane);
  void wake(WorkerNumber to);

  WorkerNumber workers_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::array<std::atomic<bool>, most_workers> awake_{};
  std::array<std::function<void()>, most_workers> wake_;
};

}  // namespace ringhold::net
