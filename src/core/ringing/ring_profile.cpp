#include "ringing/ring_profile.hpp"

namespace ringhold::ringing {

namespace {

const Text* text(const Row& row, std::size_t column) { return std::get_if<Text>(&row.columns[column]); }

std::optional<RingProfile> from_plan_row(const Row& row) {
  if (row.columns.size() != 3) return std::nullopt;
  const Text* const user = text(row, 0);
  const Text* const steps = text(row, 1);
  const Text* const fallback = text(row, 2);
  if (user == nullptr || steps == nullptr || fallback == nullptr || user->empty()) return std::nullopt;
  auto parsed = parse_steps(*steps);
  if (!parsed) return std::nullopt;
  RingProfile profile{*user, {std::move(*parsed), *fallback}, {}};
  return profile.is_usual() ? std::nullopt : std::optional{std::move(profile)};
}

std::optional<RingProfile> from_schedules_row(const Row& row) {
  if (row.columns.size() != 2) return std::nullopt;
  const Text* const user = text(row, 0);
  const Text* const schedules = text(row, 1);
  if (user == nullptr || schedules == nullptr || user->empty()) return std::nullopt;
  auto parsed = parse_schedules(*schedules);
  if (!parsed || parsed->empty()) return std::nullopt;
  return RingProfile{*user, {}, std::move(*parsed)};
}

}  // namespace

Text wrong_with(const RingProfile& profile, const TerminalTypes& types) {
  if (Text wrong = wrong_with(profile.plan, types); !wrong.empty()) return wrong;
  return wrong_with(profile.schedules, types);
}

Change plan_row(const RingProfile& profile) {
  if (profile.plan.is_usual()) return {Table::ring_profile, profile.user, {}};
  return {Table::ring_profile, profile.user, {Text{profile.user}, text_of(profile.plan.steps), Text{profile.plan.fallback}}};
}

Change schedules_row(const RingProfile& profile) {
  if (profile.schedules.empty()) return {Table::ring_schedule, profile.user, {}};
  return {Table::ring_schedule, profile.user, {Text{profile.user}, text_of(profile.schedules)}};
}

std::optional<RingProfile> from_row(const Row& row) {
  if (row.table == Table::ring_profile) return from_plan_row(row);
  if (row.table == Table::ring_schedule) return from_schedules_row(row);
  return std::nullopt;
}

}  // namespace ringhold::ringing
