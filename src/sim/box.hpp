#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "branch_device/branch_device.hpp"
#include "sim/stream_pool.hpp"
#include "sim/world.hpp"

namespace ringhold::sim {

/// Who watches the branch device from outside.
class Witness {
 public:
  virtual ~Witness() = default;
  virtual void box_received(const Datagram& datagram) = 0;
  virtual void box_sent(const Datagram& datagram) = 0;
  virtual void box_spins() = 0;
  /// The outcome of a command can be asked for (Outbox::settled).
  virtual void box_settled(std::string_view) {}
  /// A fact by its name, and whom it is about (its field "aor"), if anybody.
  virtual void box_noted(std::string_view, std::string_view) {}
};

/// The second body of the mind, or of a team of minds: what the shell does with sockets, SQLite and the rings between workers,
/// done with the simulated world.
class Box final : public Host {
 public:
  Box(World& world, const branch_device::Settings& settings, Witness& witness, WorkerNumber minds = 1);
  ~Box() override;

  void start();
  /// kill -9: what was not committed to the store is lost.
  void kill();
  bool running() const { return !minds_.empty(); }
  /// While the disk fails nothing is committed; afterwards all that waited is.
  void set_disk(bool works);
  /// What was said to the store by then is on disk.
  Instant kept_until() const;
  Instant started_at() const { return started_at_; }

  void receive(const Datagram& datagram) override;
  void unreachable(const Endpoint& local, const Endpoint& remote) override;
  void connection_changed(Streams::Id connection, const Endpoint& local, const Endpoint& remote, ConnectionState state) override;

  branch_device::StatusReport status();
  /// As its facts told it; empty while it is off.
  const std::string& mode() const { return mode_; }
  /// The sum of a metric's values; zero when it does not exist.
  double metric(std::string_view name);
  branch_device::Answer command(const branch_device::Command& command);
  std::optional<Instant> next_expiry() const;

 private:
  struct Mind {
    Mind(const branch_device::Settings& settings, std::uint64_t seed, const Team& given_team)
        : team{given_team}, random{seed}, device{settings, random, given_team} {}
    Team team;
    SeededRandom random;
    branch_device::BranchDevice device;
  };
  /// Something that one mind has for another.
  struct Parcel {
    Packet packet;
    std::string bytes;
    std::shared_ptr<const Word> word;  ///< null: it is the packet
  };
  /// An upstream query's slot, and whose it is.
  using Slot = std::pair<WorkerNumber, std::uint64_t>;

  void hire(const std::vector<Row>& rows);
  Mind& mind_for(const Endpoint& from) { return *minds_[EndpointHash{}(from) % minds_.size()]; }
  void receive(Mind& mind, Packet packet, std::string bytes);
  void tell_all(const FlowChange& change);
  void give(WorkerNumber from, WorkerNumber to, Parcel parcel);
  void deliver(WorkerNumber to, const Parcel& parcel);
  void pump(const Mind& from);
  void send(const Mind& from, const Outbox::Send& send);
  void note(const Outbox::Note& note);
  void keep(Change change);
  void promise(WorkerNumber number, ChangeId change);
  void write_later();
  void write();
  void arm();
  void wake(unsigned epoch);
  std::uint16_t upstream_port(const Slot& slot);

  World& world_;
  branch_device::Settings settings_;
  Witness& witness_;
  SeededRandom random_;
  StreamPool pool_;
  WorkerNumber size_;
  std::vector<std::unique_ptr<Mind>> minds_;
  std::map<std::pair<WorkerNumber, WorkerNumber>, Instant> last_parcel_;
  Outbox outbox_;
  unsigned epoch_ = 0;
  Instant started_at_{};
  std::string mode_;
  std::optional<Instant> armed_for_;
  Instant spin_second_{};
  unsigned spins_ = 0;
  std::map<Slot, std::uint16_t> port_of_slot_;
  std::map<std::uint16_t, Slot> slot_of_port_;
  std::vector<Change> pending_;                ///< said to the store, not on disk yet
  std::map<WorkerNumber, ChangeId> promised_;  ///< what each mind wants to hear of when all before it is on disk
  bool is_writing_ = false;                    ///< a group is on its way to the disk
  bool disk_works_ = true;
  Instant disk_fails_since_{};
  std::map<std::pair<Table, Text>, std::vector<Column>> store_;
};

}  // namespace ringhold::sim
