#include "shell/http/calls_json.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <functional>

#include "shell/observe/log.hpp"

namespace ringhold::http {

namespace json = boost::json;

std::string time_text(Instant instant) { return observe::rfc3339(to_unix_ms(instant)); }

json::value calls_json(const std::vector<branch_device::CallReport>& rows) {
  json::array array;
  for (const auto& row : rows)
    array.push_back(json::object{{"id", row.id},
                                 {"call_id", row.call_id},
                                 {"caller", row.caller},
                                 {"callee", row.callee},
                                 {"state", row.state},
                                 {"since", time_text(row.since)}});
  return array;
}

json::value past_calls_json(std::vector<branch_device::PastCallReport> rows, std::size_t limit) {
  // Of several workers; each gave its last ones first.
  std::ranges::sort(rows, std::ranges::greater{}, &branch_device::PastCallReport::id);
  if (rows.size() > limit) rows.resize(limit);
  json::array array;
  for (const auto& row : rows) {
    json::array legs;
    for (const auto& leg : row.legs)
      legs.push_back(
          json::object{{"uri", leg.uri}, {"after_ms", leg.after_ms}, {"until_ms", leg.until_ms}, {"status", leg.status}, {"why", leg.why}});
    array.push_back(json::object{{"id", row.id},
                                 {"call_id", row.call_id},
                                 {"caller", row.caller},
                                 {"callee", row.callee},
                                 {"began", time_text(row.began)},
                                 {"answered", row.answered ? json::value(time_text(*row.answered)) : json::value(nullptr)},
                                 {"ended", time_text(row.ended)},
                                 {"how", row.how},
                                 {"ended_by", row.ended_by},
                                 {"status", row.status},
                                 {"mode", row.mode},
                                 {"legs", std::move(legs)}});
  }
  return array;
}

json::value restarts_json(std::vector<branch_device::RestartReport> rows) {
  std::ranges::sort(rows, std::ranges::greater{}, &branch_device::RestartReport::at);
  json::array array;
  for (const auto& row : rows)
    array.push_back(json::object{
        {"at", time_text(row.at)},
        {"aor", row.aor},
        {"device", row.device},
        {"user_agent", row.user_agent},
        {"before",
         json::object{
             {"call_id", row.call_id_before}, {"cseq", row.cseq_before}, {"contact", row.contact_before}, {"source", row.source_before}}},
        {"after", json::object{{"call_id", row.call_id}, {"cseq", row.cseq}, {"contact", row.contact}, {"source", row.source}}},
        {"reason", row.reason},
        {"registered_s", row.registered_s},
        {"calls", json::object{{"decided", row.undecided == 0}, {"released", row.released}, {"kept", row.kept}}}});
  return array;
}

}  // namespace ringhold::http
