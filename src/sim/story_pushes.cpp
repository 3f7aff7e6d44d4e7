// Pushed content in a story: who has several terminals, who pushes, and when it has to be over.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "sim/bench_settings.hpp"
#include "sim/story.hpp"

namespace ringhold::sim {

namespace {

constexpr Duration wishes_after_healing = 150s;
constexpr Duration pushes_after_healing = 120s;
constexpr unsigned first_terminal = 21;
constexpr unsigned first_user = 11;
// P8: what nobody could take is tried again within an hour, and others of the same user may come before.
constexpr Duration longest_wait = std::chrono::hours{1} + 600s;
constexpr Duration quiet = 45s;

}  // namespace

branch_device::Settings Story::draw_pushes() {
  branch_device::Settings settings = bench::settings();
  // Apart from the world's chance.
  SeededRandom random{seed_ + 3'000'003};
  has_pushes_ = random.below(3) != 0;
  if (!has_pushes_) return settings;
  for (auto& each : phones_) each->join(desk_, PushDesk::Nature::steady);
  const unsigned users = 1 + random.below(3);
  unsigned number = first_terminal;
  for (unsigned user = first_user; user < first_user + users; ++user) {
    for (std::uint32_t count = 1 + random.below(3); count > 0; --count, ++number) {
      PhoneSettings phone;
      phone.number = number;
      phone.user = user;
      phone.expires = std::array{60U, 120U, 300U}.at(random.below(3));
      phone.refresh = random.below(2) == 0 ? Refresh::stay : Refresh::from_top;
      phone.transport = random.below(3) == 0 ? Transport::tcp : Transport::udp;
      phones_.push_back(std::make_unique<Phone>(world_, phone, book_));
      phones_.back()->join(desk_, PushDesk::Nature::may_vanish);
    }
    if (random.below(3) == 0)
      settings.push.users.push_back({Text{fmt::format("user{}", user)}, {}, {Text{fmt::format("sip:user1@{}", bench::domain)}}});
  }
  pusher_ = std::make_unique<Pusher>(world_, push_checkers_, phones_, random.next());
  const bool by_phone = random.below(2) == 0;
  if (by_phone) {
    settings.push.senders = {"*"};
    pusher_->use_phones();
  }
  if (random.below(3) == 0) settings.push.delivery.strategy = delivery::Strategy::all_at_once;
  outcome_.plan.push_back(fmt::format("pushes{} to all and to {} users with {} terminals", by_phone ? ", also of phones," : "", users,
                                      number - first_terminal));
  return settings;
}

void Story::begin_pushes() {
  if (!has_pushes_) return;
  pusher_->begin();
  world_.clock.at(start_of_time() + healing_at + pushes_after_healing, [this] { pusher_->end(); });
  world_.clock.at(start_of_time() + healing_at + wishes_after_healing, [this] { desk_.calm_down(); });
}

void Story::look_at_pushes() {
  if (has_pushes_ && box_->running() && (world_.clock.now() - start_of_time()) / 1s % 5 == 0) push_checkers_.look(pusher_->reports());
}

void Story::settle_pushes() {
  if (!has_pushes_) return;
  const Instant calm = std::max(world_.clock.now(), start_of_time() + healing_at + wishes_after_healing) + quiet;
  world_.clock.run_until(calm);
  const auto waits = [](const branch_device::PushReport& report) { return report.result == "stored"; };
  while (world_.clock.now() < calm + longest_wait && std::ranges::any_of(pusher_->reports(), waits))
    world_.clock.run_until(world_.clock.now() + 10s);
  world_.clock.run_until(world_.clock.now() + quiet);
  std::set<std::string> users;
  for (const auto& each : phones_) users.insert(each->user());
  push_checkers_.judge(pusher_->reports(), users, desk_.book());
  outcome_.pushes = push_checkers_.orders();
  outcome_.pushes_delivered = push_checkers_.delivered();
}

}  // namespace ringhold::sim
