// Ring profiles and the types of terminals, as the HTTP API and the commands see them (G2, G7, RNG-09).
#include <algorithm>

#include "branch_device/state.hpp"
#include "branch_device/team.hpp"

namespace ringhold::branch_device {

namespace {

Refused unknown_type(const ringing::TerminalTypes& types, const std::string& name) {
  std::string known;
  for (const auto& one : types.all()) known += (known.empty() ? "" : ", ") + one.name;
  return {400, "no type of terminal is called " + name + "; there are " + known};
}

/// The plan that is meant, or why there is none.
std::expected<ringing::RingPlan, Refused> read_plan(const std::vector<PutRing::Step>& steps, const std::string& fallback,
                                                    const std::string& user, const std::string& domain,
                                                    const ringing::TerminalTypes& types) {
  const Text address = "sip:" + fallback + "@" + domain;
  const auto uri = sip::Uri::parse(address);
  if (!fallback.empty() && (!uri || uri->user != fallback || !auth::wrong_with_name(fallback).empty()))
    return std::unexpected{Refused{400, fallback + ": the fallback is the part before @ of an address, such as voicemail or a number"}};
  if (fallback == user) return std::unexpected{Refused{400, "the fallback is the user himself"}};
  ringing::RingPlan plan{{}, fallback};
  for (const PutRing::Step& step : steps) {
    ringing::Step made{{}, std::chrono::seconds{step.seconds}, {}};
    for (const std::string& name : step.types) {
      const auto* type = types.find(name);
      if (type == nullptr) return std::unexpected{unknown_type(types, name)};
      made.types.push_back(type->code);
    }
    plan.steps.push_back(std::move(made));
  }
  return plan;
}

/// When it holds; the plan is not read.
std::expected<ringing::Schedule, std::string> read_hours(const PutRing::Schedule& given) {
  const auto days = ringing::parse_days(given.days);
  if (!days) return std::unexpected{days.error()};
  const auto from = ringing::parse_time_of_day(given.from);
  const auto to = ringing::parse_time_of_day(given.to);
  if (!from || !to) return std::unexpected{"\"" + (from ? given.to : given.from) + "\" is no time of day from 00:00 to 24:00"};
  return ringing::Schedule{*days, *from, *to, {}};
}

}  // namespace

std::vector<RingReport::Step> BranchDevice::State::step_reports(std::string_view aor, const ringing::RingPlan& plan, Instant now) const {
  std::vector<RingReport::Step> steps;
  const auto contacts = location.find(aor, now);
  const auto add = [&](std::span<const ringing::TypeCode> types, Duration ring) {
    RingReport::Step step{{}, ring / 1s, {}};
    for (const ringing::TypeCode code : types) {
      const auto* type = media.types().find(code);
      step.types.push_back(type != nullptr ? type->name : std::to_string(ringing::to_number(code)));
    }
    for (const location::Binding* binding : contacts) {
      const auto* type = type_of(*binding).type;
      if (type != nullptr && std::ranges::find(types, type->code) != types.end()) step.contacts.emplace_back(binding->contact());
    }
    steps.push_back(std::move(step));
  };
  for (const ringing::Step& step : plan.steps) add(step.types, step.ring);
  if (!plan.steps.empty()) return steps;
  // RNG-18: with the usual plan the higher q comes first.
  std::uint16_t q = 0;
  const std::size_t most = plan.is_usual() ? most_steps_in_time() : 1;
  for (const location::Binding* binding : contacts) {
    if (steps.empty() || (steps.size() < most && q_of(*binding, contacts) != q)) steps.push_back({{}, settings.ringing.step / 1s, {}});
    q = q_of(*binding, contacts);
    steps.back().contacts.emplace_back(binding->contact());
  }
  if (steps.empty()) steps.emplace_back();
  steps.back().seconds = settings.ringing.total / 1s;
  return steps;
}

std::vector<RingReport> BranchDevice::State::ring_reports(const GetRing& asked, Instant now) const {
  const Text aor = "sip:" + asked.user + "@" + settings.branch.domain;
  if (!team.is_alone() && owner_of(aor, team) != team.number) return {};
  const auto& calendar = media.calendar();
  const ringing::LocalTime local = calendar.local(now);
  RingReport report;
  report.user = asked.user;
  report.local_time = ringing::text_of(local);
  report.time_zone = calendar.zone.name;
  report.is_holiday = calendar.is_holiday(local.date);
  const ringing::RingProfile* const profile = media.profile(asked.user);
  const ringing::RingPlan usual;
  const ringing::RingPlan& plan = profile != nullptr ? profile->plan : usual;
  report.sequential = !plan.steps.empty();
  report.steps = step_reports(aor, plan, now);
  report.fallback = plan.fallback;
  if (profile == nullptr) return {report};
  const ringing::Schedule* const holding = ringing::holding(profile->schedules, calendar, now);
  for (const ringing::Schedule& one : profile->schedules)
    report.schedules.push_back({ringing::names_of(one.days), ringing::text_of(one.from), ringing::text_of(one.to), &one == holding,
                                !one.plan.steps.empty(), step_reports(aor, one.plan, now), one.plan.fallback});
  return {report};
}

Answer BranchDevice::State::put_ring(const PutRing& given, Outbox& outbox) {
  if (const auto wrong = auth::wrong_with_name(given.user); !wrong.empty()) return Refused{400, given.user + ": " + std::string{wrong}};
  auto plan = read_plan(given.steps, given.fallback, given.user, settings.branch.domain, media.types());
  if (!plan) return plan.error();
  ringing::RingProfile profile{given.user, std::move(*plan), {}};
  for (const PutRing::Schedule& one : given.schedules) {
    const std::string which = "schedule " + std::to_string(profile.schedules.size() + 1) + ": ";
    auto schedule = read_hours(one);
    if (!schedule) return Refused{400, which + schedule.error()};
    plan = read_plan(one.steps, one.fallback, given.user, settings.branch.domain, media.types());
    if (!plan) return Refused{plan.error().status, which + plan.error().detail};
    schedule->plan = std::move(*plan);
    profile.schedules.push_back(std::move(*schedule));
  }
  if (Text wrong = media.put(std::move(profile), outbox); !wrong.empty()) return Refused{400, std::move(wrong)};
  outbox.note({"ring_profile_changed", {{"user", given.user}, {"steps", given.steps.size()}, {"schedules", given.schedules.size()}}});
  return Done{};
}

Answer BranchDevice::State::put_type(const PutType& given, Outbox& outbox) {
  const auto* type = media.types().find(given.type);
  if (type == nullptr && given.type != "auto") return unknown_type(media.types(), given.type);
  if (given.device.empty() || given.device.size() > 1024) return Refused{400, "a device is what GET /api/v1/registrations calls so"};
  if (!media.correct(given.device, type != nullptr ? std::optional{type->code} : std::nullopt, outbox))
    return Refused{409, "too many devices have a type of the administrator's"};
  outbox.note({"terminal_type_changed", {{"device", given.device}, {"type", given.type}}});
  return Done{};
}

}  // namespace ringhold::branch_device
