// What is told of pushes and redirects (P7).
#include <algorithm>

#include "branch_device/state.hpp"

namespace ringhold::branch_device {

namespace {

using delivery::Reason;
using Stage = PushInProgress::Stage;

PushReport::Step report_of(const delivery::Step& step, Instant began) {
  return {step.target.uri,
          std::string{name(step.target.via)},
          step.target.hop,
          step.status,
          (step.sent_at - began) / 1ms,
          step.state == delivery::AttemptState::ended ? (step.ended_at - began) / 1ms : -1,
          step.state == delivery::AttemptState::ended ? std::string{name(step.why)} : std::string{}};
}

PushReport report_of(const delivery::Message& message) {
  return {.id = message.id,
          .to = message.aor,
          .from = message.sender,
          .method = std::string{name(message.method)},
          .content_type = Text{message.content_type()},
          .size = message.body.size(),
          .accepted = message.accepted_at,
          .ended = {},
          .expires = {},
          .result = "pending",
          .reason = {},
          .steps = {}};
}

PushReport report_of(const delivery::PushRecord& record) {
  PushReport report{.id = record.id,
                    .to = record.aor,
                    .from = record.sender,
                    .method = std::string{name(record.method)},
                    .content_type = record.content_type,
                    .size = record.size,
                    .accepted = record.accepted_at,
                    .ended = record.ended_at,
                    .expires = {},
                    .result = record.is_delivered ? "delivered" : "failed",
                    .reason = record.is_delivered ? std::string{} : std::string{name(record.reason)},
                    .steps = {}};
  for (const delivery::Step& step : record.steps) report.steps.push_back(report_of(step, record.began_at));
  return report;
}

}  // namespace

PushReport PushService::told(const PushInProgress& push) const {
  PushReport report = report_of(push.message);
  for (const delivery::Step& step : push.delivery.steps()) report.steps.push_back(report_of(step, push.began));
  const auto fail = [&] {
    report.result = "failed";
    report.reason = name(push.reason != Reason::none ? push.reason : push.delivery.reason());
  };
  switch (push.stage) {
    case Stage::keeping: break;
    case Stage::trying:
      // It was promised already: by 202, or because it waited before.
      if (push.is_acknowledged) report.result = push.is_stored ? "stored" : "accepted";
      break;
    case Stage::storing:
      report.result = "stored";
      report.reason = name(push.delivery.reason());
      break;
    case Stage::settled:
      if (push.delivery.is_delivered())
        report.result = "delivered";
      else
        fail();
      break;
  }
  if (push.is_kept) report.expires = push.message.expires_at;
  if (promised_.contains(push.message.id)) report.result = "pending";
  return report;
}

PushReport PushService::told_waiting(const delivery::Message& message) const {
  PushReport report = report_of(message);
  report.result = promised_.contains(message.id) ? "pending" : "stored";
  report.reason = name(Reason::unreachable);
  report.expires = message.expires_at;
  if (const auto last = last_rounds_.find(message.id); last != last_rounds_.end()) {
    report.reason = name(last->second.reason);
    for (const delivery::Step& step : last->second.steps) report.steps.push_back(report_of(step, last->second.began));
  }
  return report;
}

std::vector<Sample> PushService::metrics() const {
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  return {{"ringhold_push_total",
           "pushes by what became of them; one may be stored first and delivered later",
           "counter",
           {{"result=\"delivered\"", number(delivered_)}, {"result=\"stored\"", number(stored_)}, {"result=\"failed\"", number(failed_)}}},
          {"ringhold_pushes_stored", "pushes that wait for their users", "gauge", {{"", number(store_.size())}}},
          {"ringhold_redirects", "redirects of terminals that are remembered", "gauge", {{"", number(redirects_.size())}}}};
}

std::vector<PushReport> PushService::reports(const GetPushes& asked) const {
  std::vector<PushReport> reports;
  if (!asked.id.empty()) {
    if (const auto found = by_id_.find(asked.id); found != by_id_.end())
      reports.push_back(told(*in_progress_.find(found->second)));
    else if (const auto* waiting = store_.find(asked.id))
      reports.push_back(told_waiting(*waiting));
    else if (const auto* record = log_.find(asked.id))
      reports.push_back(report_of(*record));
    return reports;
  }
  // The latest of each kind are enough to have the latest of all.
  const auto keep_latest = [&] {
    std::ranges::sort(reports, std::ranges::greater{}, &PushReport::id);
    if (reports.size() > asked.limit) reports.resize(asked.limit);
  };
  const std::size_t bound = 2 * asked.limit + 1;
  const auto add = [&](PushReport report) {
    reports.push_back(std::move(report));
    if (reports.size() >= bound) keep_latest();
  };
  in_progress_.for_each([&](PushId, const PushInProgress& push) { add(told(push)); });
  store_.for_each([&](const delivery::Message& message) { add(told_waiting(message)); });
  const auto& records = log_.records();
  for (auto record = records.rbegin(); record != records.rend() && static_cast<std::size_t>(record - records.rbegin()) < asked.limit;
       ++record)
    add(report_of(*record));
  keep_latest();
  return reports;
}

std::vector<RedirectReport> PushService::redirect_reports(std::string_view asked, Instant now) const {
  const Text aor = asked.empty() ? Text{} : aor_named(asked, state_.settings);
  std::vector<RedirectReport> rows;
  redirects_.for_each(now, [&](const delivery::Redirect& redirect) {
    if (!asked.empty() && redirect.aor != aor) return;
    RedirectReport& row = rows.emplace_back();
    row.aor = redirect.aor;
    row.device = redirect.device;
    row.user_agent = redirect.user_agent;
    row.status = redirect.status;
    for (const delivery::Redirect::Contact& contact : redirect.contacts)
      if (!contact.until || *contact.until > now) row.contacts.push_back({contact.uri, contact.q, contact.until});
    row.since = redirect.since;
    row.failures = redirect.failures;
    row.asks_again = redirect.asks_again;
  });
  std::ranges::sort(rows, {}, [](const RedirectReport& row) { return std::pair{row.aor, row.device}; });
  return rows;
}

}  // namespace ringhold::branch_device
