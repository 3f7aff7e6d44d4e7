#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "sim/box.hpp"
#include "sim/phone.hpp"
#include "sim/push_checkers.hpp"

namespace ringhold::sim {

/// Who pushes content to the users of the branch, by the API and from phones, and writes down what is said to that.
class Pusher final : public Witness {
 public:
  Pusher(World& world, PushCheckers& checkers, const std::vector<std::unique_ptr<Phone>>& phones, std::uint64_t seed)
      : world_{world}, checkers_{checkers}, phones_{phones}, random_{seed} {}
  void know(Box& box) { box_ = &box; }
  /// Phones push, too.
  void use_phones() { uses_phones_ = true; }

  void begin() { push_and_again(); }
  void end() { is_active_ = false; }
  /// Orders that were not settled, or just so, are repeated by their keys: their senders cannot know.
  void box_is_back();
  std::vector<branch_device::PushReport> reports();

  void box_received(const Datagram&) override {}
  void box_sent(const Datagram&) override {}
  void box_spins() override {}
  void box_settled(std::string_view id) override;

 private:
  struct Sent {
    branch_device::Push push;
    unsigned number = 0;
    Instant at;
  };
  void push_and_again();
  void push();
  void push_by_phone();
  void order(const Sent& sent);
  std::string draw_user();
  std::string draw_body(unsigned number);

  World& world_;
  PushCheckers& checkers_;
  const std::vector<std::unique_ptr<Phone>>& phones_;
  SeededRandom random_;
  Box* box_ = nullptr;
  bool uses_phones_ = false;
  bool is_active_ = true;
  unsigned last_number_ = 0;
  std::vector<Sent> keyed_;
  std::map<std::string, unsigned> number_of_id_;
};

}  // namespace ringhold::sim
