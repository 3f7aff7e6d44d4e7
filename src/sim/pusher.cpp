#include "sim/pusher.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>
#include <variant>

namespace ringhold::sim {

namespace {

using branch_device::Push;
using branch_device::PushReport;

constexpr std::size_t all = 100'000;
constexpr Duration a_while = 20s;

}  // namespace

std::vector<PushReport> Pusher::reports() { return std::get<std::vector<PushReport>>(box_->command(branch_device::GetPushes{"", all})); }

void Pusher::push_and_again() {
  if (!is_active_) return;
  // Now and then many at once.
  for (std::uint32_t count = random_.below(6) == 0 ? 2 + random_.below(4) : 1; count > 0; --count) {
    if (uses_phones_ && random_.below(3) == 0)
      push_by_phone();
    else
      push();
  }
  world_.clock.after(random_.between(200ms, 15s), [this] { push_and_again(); });
}

std::string Pusher::draw_user() {
  // Some are none of ours.
  if (random_.below(12) == 0) return fmt::format("nobody{}", random_.below(3));
  return phones_[random_.below(static_cast<std::uint32_t>(phones_.size()))]->user();
}

std::string Pusher::draw_body(unsigned number) { return push_body(number, random_.below(10) == 0 ? 1'000 + random_.below(4'000) : 0); }

void Pusher::push() {
  if (!keyed_.empty() && random_.below(8) == 0) return order(keyed_[random_.below(static_cast<std::uint32_t>(keyed_.size()))]);
  Sent sent;
  sent.number = ++last_number_;
  sent.at = world_.clock.now();
  Push& push = sent.push;
  push.to = draw_user();
  push.body = draw_body(sent.number);
  push.strategy = std::array{"", "one-by-one", "all-at-once"}.at(random_.below(3));
  if (random_.below(2) == 0) push.key = fmt::format("order {}", sent.number);
  if (random_.below(3) == 0) push.keep_for = std::array<Duration, 4>{0s, 5s, 60s, 600s}.at(random_.below(4));
  if (random_.below(3) == 0) push.answer = Push::Answer::accepted;
  if (!box_->running()) return;
  if (!push.key.empty()) keyed_.push_back(sent);
  checkers_.ordered({sent.number, push.to, push.key, false, push.body.size(), sent.at});
  order(sent);
}

void Pusher::order(const Sent& sent) {
  if (!box_->running()) return;
  world_.ladder.event(world_.clock.now(), "sender",
                      fmt::format("pushes {} to {}{}{}{}", sent.number, sent.push.to, sent.push.key.empty() ? "" : ", with key",
                                  sent.push.answer == Push::Answer::accepted ? ", content with acceptance" : "",
                                  sent.push.keep_for ? fmt::format(", for {} s", *sent.push.keep_for / 1s) : std::string{}));
  const auto answer = box_->command(sent.push);
  if (const auto* refused = std::get_if<branch_device::Refused>(&answer))
    return checkers_.refused(sent.number, refused->status, refused->detail);
  const auto& report = std::get<std::vector<PushReport>>(answer).at(0);
  world_.ladder.event(world_.clock.now(), "sender", fmt::format("{} is {}: {} {}", sent.number, report.id, report.result, report.reason));
  number_of_id_[report.id] = sent.number;
  checkers_.told(sent.number, report);
}

void Pusher::push_by_phone() {
  Phone& phone = *phones_[random_.below(static_cast<std::uint32_t>(phones_.size()))];
  const unsigned number = ++last_number_;
  const std::string user = draw_user();
  std::string body = draw_body(number);
  std::optional<unsigned> expires;
  if (random_.below(3) == 0) expires = std::array{0U, 5U, 60U, 600U}.at(random_.below(4));
  const std::size_t size = body.size();
  const Instant now = world_.clock.now();
  const auto heard = [this, number](int status, const std::string& tag) {
    world_.ladder.event(world_.clock.now(), "sender", fmt::format("{} is {}: {}", number, tag, status));
    checkers_.answered(number, status, tag);
  };
  if (!box_->running() || !phone.push(user, std::move(body), expires, heard)) return;
  world_.ladder.event(now, "sender", fmt::format("pushes {} to {} by {}", number, user, phone.user()));
  checkers_.ordered({number, user, "", true, size, now});
}

void Pusher::box_settled(std::string_view id) {
  // As the HTTP server does: a moment later it asks what has come of it.
  world_.clock.after(1ms, [this, id = std::string{id}, since = box_->started_at()] {
    const auto known = number_of_id_.find(id);
    if (!box_->running() || box_->started_at() != since || known == number_of_id_.end()) return;
    const auto answer = box_->command(branch_device::GetPushes{id, 1});
    for (const PushReport& report : std::get<std::vector<PushReport>>(answer)) {
      world_.ladder.event(world_.clock.now(), "sender", fmt::format("{} is {}: {} {}", known->second, id, report.result, report.reason));
      checkers_.told(known->second, report);
    }
  });
}

void Pusher::box_is_back() {
  for (const Sent& sent : keyed_)
    if (world_.clock.now() - sent.at < a_while && random_.below(2) == 0)
      world_.clock.after(random_.between(0ms, 3s), [this, sent] { order(sent); });
}

}  // namespace ringhold::sim
