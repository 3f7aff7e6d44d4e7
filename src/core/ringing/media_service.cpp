#include "ringing/media_service.hpp"

#include <algorithm>
#include <utility>

namespace ringhold::ringing {

const RingProfile* MediaService::profile(std::string_view user) const {
  const auto found = profiles_.find(user);
  return found == profiles_.end() ? nullptr : &found->second;
}

const RingPlan* MediaService::plan(std::string_view user, Instant now) const {
  const RingProfile* const found = profile(user);
  if (found == nullptr) return nullptr;
  const Schedule* const schedule = holding(found->schedules, settings_.calendar, now);
  const RingPlan& plan = schedule != nullptr ? schedule->plan : found->plan;
  return plan.is_usual() ? nullptr : &plan;
}

Text MediaService::put(RingProfile profile, Outbox& outbox) {
  const auto complete = [&](RingPlan& plan) {
    for (Step& step : plan.steps)
      if (step.ring == Duration{}) step.ring = settings_.step;
  };
  complete(profile.plan);
  for (Schedule& schedule : profile.schedules) complete(schedule.plan);
  if (Text wrong = wrong_with(profile, types_); !wrong.empty()) return wrong;
  if (profile.is_usual()) return remove(profile.user, outbox), Text{};
  if (profiles_.size() >= limits::users && !profiles_.contains(profile.user))
    return "more than " + std::to_string(limits::users) + " profiles";
  outbox.change(plan_row(profile));
  outbox.change(schedules_row(profile));
  const Text user = profile.user;
  profiles_.insert_or_assign(user, std::move(profile));
  return {};
}

void MediaService::remove(std::string_view user, Outbox& outbox) {
  if (const auto found = profiles_.find(user); found != profiles_.end()) profiles_.erase(found);
  // Also rows that could not be read.
  const RingProfile usual{Text{user}, {}, {}};
  outbox.change(plan_row(usual));
  outbox.change(schedules_row(usual));
}

bool MediaService::correct(std::string_view device, std::optional<TypeCode> type, Outbox& outbox) {
  if (!type) {
    if (corrected_.erase(device) != 0) outbox.change({Table::terminal_type, Text{device}, {}});
    return true;
  }
  if (corrected_.size() >= limits::bindings && !corrected_.contains(device)) return false;
  corrected_.insert_or_assign(Text{device}, *type);
  outbox.change({Table::terminal_type, Text{device}, {Text{device}, std::int64_t{to_number(*type)}}});
  return true;
}

void MediaService::restore(const Row& row) {
  if (row.table == Table::terminal_type && row.columns.size() == 2) {
    const Text* const device = std::get_if<Text>(&row.columns[0]);
    const auto* const code = std::get_if<std::int64_t>(&row.columns[1]);
    if (device != nullptr && code != nullptr && *code >= 0 && *code <= highest_type_code)
      corrected_.insert_or_assign(*device, TypeCode{static_cast<std::uint16_t>(*code)});
    return;
  }
  auto restored = from_row(row);
  if (!restored) return;
  RingProfile& profile = profiles_.try_emplace(restored->user, RingProfile{restored->user, {}, {}}).first->second;
  if (row.table == Table::ring_profile)
    profile.plan = std::move(restored->plan);
  else
    profile.schedules = std::move(restored->schedules);
}

void MediaService::forget(Table table, std::string_view key) {
  if (table == Table::terminal_type) {
    corrected_.erase(key);
    return;
  }
  const auto found = profiles_.find(key);
  if (found == profiles_.end()) return;
  if (table == Table::ring_profile) found->second.plan = {};
  if (table == Table::ring_schedule) found->second.schedules.clear();
  if (found->second.is_usual()) profiles_.erase(found);
}

void MediaService::reconfigure(const Settings& settings) {
  const Duration ahead = settings_.calendar.ahead;
  settings_ = settings;
  settings_.calendar.ahead = ahead;
  types_ = TerminalTypes{settings.types};
}

void MediaService::begin(SearchKey search, std::string_view aor, const RingPlan& chosen, std::size_t first, Instant now) {
  Plan& plan = plans_[search];
  plan = {Text{aor}, chosen.steps, chosen.fallback, first, {}, now + settings_.total};
  by_aor_[plan.aor].push_back(search);
  ring(search, plan, now);
}

void MediaService::ring(SearchKey search, Plan& plan, Instant now) {
  plan.step_over = now + plan.steps[plan.current].ring;
  wheel_.add(plan.deadline(), search);
}

std::optional<Step> MediaService::next_step(SearchKey search, Instant now) {
  const auto found = plans_.find(search);
  if (found == plans_.end()) return std::nullopt;
  Plan& plan = found->second;
  if (now >= plan.all_over || plan.current + 1 >= plan.steps.size()) {
    if (plan.fallback.empty()) return std::nullopt;
    plan.steps.push_back({{}, settings_.total, std::exchange(plan.fallback, {})});
    plan.current = plan.steps.size() - 2;
    plan.all_over = now + settings_.total;
  }
  ++plan.current;
  ring(search, plan, now);
  return plan.steps[plan.current];
}

const Step* MediaService::ringing_step(SearchKey search) const {
  const auto found = plans_.find(search);
  return found == plans_.end() ? nullptr : &found->second.steps[found->second.current];
}

void MediaService::finish(SearchKey search) {
  const auto found = plans_.find(search);
  if (found == plans_.end()) return;
  const auto others = by_aor_.find(found->second.aor);
  std::erase(others->second, search);
  if (others->second.empty()) by_aor_.erase(others);
  plans_.erase(found);
}

std::vector<SearchKey> MediaService::expire(Instant now) {
  std::vector<SearchKey> over;
  wheel_.expire(now, [&](SearchKey search) {
    const auto found = plans_.find(search);
    // Of a step that ended early an entry is left; so is one of a call that was answered.
    if (found != plans_.end() && found->second.deadline() <= now && std::ranges::find(over, search) == over.end()) over.push_back(search);
  });
  return over;
}

std::vector<SearchKey> MediaService::ringing_for(std::string_view aor) const {
  const auto found = by_aor_.find(aor);
  return found == by_aor_.end() ? std::vector<SearchKey>{} : found->second;
}

std::string_view MediaService::aor_of(SearchKey search) const {
  const auto found = plans_.find(search);
  return found == plans_.end() ? std::string_view{} : std::string_view{found->second.aor};
}

}  // namespace ringhold::ringing
