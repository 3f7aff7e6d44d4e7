#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/box.hpp"
#include "sim/central_site.hpp"
#include "sim/checkers.hpp"
#include "sim/fault.hpp"
#include "sim/jury.hpp"
#include "sim/phone.hpp"
#include "sim/push_checkers.hpp"
#include "sim/push_desk.hpp"
#include "sim/pusher.hpp"
#include "sim/vandal.hpp"
#include "sim/world.hpp"

namespace ringhold::sim {

/// What came of one seed.
struct Outcome {
  std::uint64_t seed = 0;
  std::vector<std::string> violations;
  std::vector<std::string> plan;    ///< what was drawn: phones, servers, faults
  std::vector<std::string> ladder;  ///< only when asked for
  std::uint64_t events = 0;
  std::uint64_t requests = 0;
  std::size_t calls = 0;
  std::size_t calls_here = 0;  ///< between two phones registered at the branch device
  std::size_t calls_half = 0;  ///< from one registered here to one at the central site
  std::size_t pushes = 0;
  std::size_t pushes_delivered = 0;
  Duration home_after{};  ///< from the healing until all was as it should be
};

enum class Record : std::uint8_t { nothing, ladder };

/// One run: a world drawn from the seed; first everything breaks and safety is checked, then everything heals and it must
/// converge, then the phones go and nothing may be left.
class Story {
 public:
  Story(std::uint64_t seed, Record record, WorkerNumber minds = 1);
  ~Story();
  Outcome run();

 private:
  void draw();
  /// A third of the users are called one type after another; their one phone is of one type (RNG-10 to RNG-16).
  void set_ring_profiles();
  /// Two stories of three have users with several terminals, who redirect what is pushed to them as they like (issue 5).
  branch_device::Settings draw_pushes();
  void begin_pushes();
  void look_at_pushes();
  void settle_pushes();
  void schedule_faults();
  void schedule_restarts();
  void cut_power_in_a_call(bool both, Duration off);
  void begin(const Fault& fault);
  void end(const Fault& fault);
  void apply_links();
  void apply_servers();
  void heal();
  void converge();
  void fall_silent();
  void every_second();
  void place_calls();
  Instant start_of_time() const { return world_.clock.start(); }
  Phone& phone(std::uint32_t which) { return *phones_[which % phones_.size()]; }
  Phone& caller(std::uint32_t which) { return *phones_[which % callers_]; }
  bool all_home();
  bool registered_here(const Phone& phone) const;
  bool active(FaultKind kind) const { return counts_[static_cast<std::size_t>(kind)] > 0; }
  bool wan_up_now() const;

  static constexpr Duration healing_at = 420s;

  std::uint64_t seed_;
  WorkerNumber minds_;
  World world_;
  Checkers checkers_;
  PushCheckers push_checkers_{world_, checkers_};
  Jury jury_;
  PushDesk desk_;
  CentralLocation location_;
  std::unique_ptr<CentralDns> dns_;
  std::vector<std::unique_ptr<CentralServer>> servers_;
  std::unique_ptr<Box> box_;
  std::unique_ptr<Vandal> vandal_;  ///< not in every world
  CallBook book_;
  std::vector<std::unique_ptr<Phone>> phones_;
  std::size_t callers_ = 0;         ///< so many of the first call each other
  std::unique_ptr<Pusher> pusher_;  ///< not in every world
  bool has_pushes_ = false;
  std::vector<Fault> faults_;
  std::vector<unsigned> counts_;  ///< of each kind, how many are in force
  Outcome outcome_;
  LineQuality wan_quality_;
  bool calling_ = true;
  bool watching_ = true;
};

/// Runs one seed.
Outcome run_seed(std::uint64_t seed, Record record, WorkerNumber minds = 1);

}  // namespace ringhold::sim
