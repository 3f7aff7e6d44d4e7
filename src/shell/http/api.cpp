#include "shell/http/api.hpp"

#include <boost/json.hpp>

#include "shell/observe/log.hpp"
#include "shell/observe/metrics.hpp"

namespace ringhold::http {

namespace {

namespace json = boost::json;
using branch_device::Answer;
using branch_device::Command;

Response problem(int status, std::string_view title, std::string_view detail) {
  return {status, "application/problem+json", json::serialize(json::object{{"title", title}, {"status", status}, {"detail", detail}})};
}

Response ok(const json::value& value) { return {200, "application/json", json::serialize(value)}; }

std::string time_text(Instant instant) { return observe::rfc3339(to_unix_ms(instant)); }

json::object store_object(const store::StoreState& store) {
  json::object object{{"state", store.state}, {"waiting", store.waiting}, {"dropped", store.dropped}};
  if (!store.reason.empty()) object["reason"] = store.reason;
  return object;
}

json::value to_json(const branch_device::StatusReport& report, const Program& program) {
  json::array central;
  for (const auto& server : report.central) {
    json::object row{{"target", server.target}, {"health", server.health}};
    if (!server.name.empty()) row["name"] = server.name;
    row["rtt_ms"] = server.rtt_ms ? json::value(*server.rtt_ms) : json::value(nullptr);
    central.push_back(std::move(row));
  }
  return json::object{
      {"mode", report.mode},
      {"since", time_text(report.since)},
      {"pinned", report.pinned},
      {"cause", report.cause},
      {"evidence", report.evidence},
      {"central", std::move(central)},
      {"dns",
       json::object{{"upstream_silent", report.dns_upstream_silent}, {"learnt", report.learnt_records}, {"cached", report.cache_entries}}},
      {"registrations", report.registrations},
      {"calls", report.calls},
      {"store", store_object(program.store())},
      {"version", program.version}};
}

json::value to_json(const std::vector<branch_device::RegistrationReport>& rows) {
  json::array array;
  for (const auto& row : rows)
    array.push_back(json::object{{"aor", row.aor},
                                 {"contact", row.contact},
                                 {"device", row.device},
                                 {"type", row.type},
                                 {"call_id", row.call_id},
                                 {"cseq", row.cseq},
                                 {"expires_in", row.expires_in},
                                 {"source", row.source},
                                 {"user_agent", row.user_agent}});
  return array;
}

json::value to_json(const std::vector<branch_device::CallReport>& rows) {
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

Response metrics(const Program& program, const std::vector<branch_device::Sample>& samples, const net::Counters& counters) {
  std::vector<observe::Metric> list;
  for (const auto& sample : samples) list.push_back({sample.name, sample.help, sample.type, sample.values});
  const auto add = [&](std::string_view name, std::string_view help, std::string_view type,
                       std::vector<std::pair<std::string, double>> values) { list.push_back({name, help, type, std::move(values)}); };
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  add("ringhold_packets_total", "messages in and out", "counter",
      {{"protocol=\"sip\",direction=\"in\"", number(counters.sip.packets_in)},
       {"protocol=\"sip\",direction=\"out\"", number(counters.sip.packets_out)},
       {"protocol=\"dns\",direction=\"in\"", number(counters.dns.packets_in)},
       {"protocol=\"dns\",direction=\"out\"", number(counters.dns.packets_out)}});
  add("ringhold_connections", "open TCP connections", "gauge", {{"", number(counters.connections)}});
  add("ringhold_streams_broken_total", "connections closed because their bytes could not be framed", "counter",
      {{"", number(counters.streams_broken)}});
  add("ringhold_sends_lost_total", "messages that the kernel did not take", "counter", {{"", number(counters.sends_lost)}});
  const auto store = program.store();
  add("ringhold_store_ok", "1 while changes reach the disk", "gauge", {{"", store.state == "failing" ? 0.0 : 1.0}});
  add("ringhold_store_changes_waiting", "changes not on disk yet", "gauge", {{"", number(store.waiting)}});
  add("ringhold_store_changes_dropped_total", "changes lost because too many waited", "counter", {{"", number(store.dropped)}});
  add("ringhold_log_dropped_total", "log lines dropped", "counter", {{"", number(program.log_dropped())}});
  return {200, "text/plain; version=0.0.4", observe::to_prometheus(list)};
}

/// The value of one parameter of a query; '%' escapes were decoded by nobody yet, '+' is a plus.
std::string parameter(const std::string& query, std::string_view name) {
  for (std::string_view rest = query; !rest.empty();) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto one = rest.substr(0, end);
    if (one.starts_with(name) && one.size() > name.size() && one[name.size()] == '=') {
      std::string value;
      for (std::size_t i = name.size() + 1; i < one.size(); ++i) {
        const auto hex = one[i] == '%' && i + 2 < one.size() ? std::string{one.substr(i + 1, 2)} : std::string{};
        if (!hex.empty() && hex.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos) {
          value.push_back(static_cast<char>(std::stoi(hex, nullptr, 16)));
          i += 2;
        } else {
          value.push_back(one[i]);
        }
      }
      return value;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

/// The command that a request means, or the refusal.
std::variant<Command, Response> command_of(const Request& request) {
  const auto only = [&](std::string_view method, Command command) -> std::variant<Command, Response> {
    if (request.method == method || (method == "GET" && request.method == "HEAD")) return command;
    return problem(405, "Method Not Allowed", "use " + std::string{method} + " for " + request.path);
  };
  constexpr std::string_view registrations = "/api/v1/registrations/";
  if (request.path == "/api/v1/status") return only("GET", branch_device::GetStatus{});
  if (request.path == "/api/v1/registrations") return only("GET", branch_device::GetRegistrations{parameter(request.query, "aor")});
  if (request.path.starts_with(registrations))
    return only("DELETE", branch_device::RemoveRegistrations{request.path.substr(registrations.size())});
  if (request.path == "/api/v1/calls") return only("GET", branch_device::GetCalls{});
  if (request.path == "/metrics") return only("GET", branch_device::GetMetrics{});
  if (request.path == "/readyz") return only("GET", branch_device::GetStatus{});
  if (request.path != "/api/v1/mode") return problem(404, "Not Found", "no such resource: " + request.path);
  boost::system::error_code error;
  const json::value body = json::parse(request.body, error);
  const json::object* object = error ? nullptr : body.if_object();
  const json::value* mode = object == nullptr ? nullptr : object->if_contains("mode");
  if (mode == nullptr || !mode->is_string()) return problem(400, "Bad Request", R"(send {"mode": "auto|normal|survivable"})");
  return only("PUT", branch_device::SetMode{std::string{mode->as_string()}});
}

}  // namespace

Response handle(const Program& program, const Request& request) {
  if (request.path == "/healthz") return {200, "text/plain", "ok\n"};
  if (request.path == "/") return {200, "text/html; charset=utf-8", std::string{status_page()}};
  const auto command = command_of(request);
  if (const auto* refusal = std::get_if<Response>(&command)) return *refusal;
  Answer answer;
  net::Counters counters;
  if (!program.ask(std::get<Command>(command), answer, counters))
    return problem(503, "Service Unavailable", "the worker did not answer in time");
  if (request.path == "/readyz") return {200, "text/plain", "ready\n"};
  struct Visitor {
    const Program& program;
    const net::Counters& counters;
    Response operator()(const branch_device::StatusReport& report) const { return ok(to_json(report, program)); }
    Response operator()(const std::vector<branch_device::RegistrationReport>& rows) const { return ok(to_json(rows)); }
    Response operator()(const std::vector<branch_device::CallReport>& rows) const { return ok(to_json(rows)); }
    Response operator()(const std::vector<branch_device::Sample>& samples) const { return metrics(program, samples, counters); }
    Response operator()(const branch_device::Done&) const { return ok(json::object{{"result", "done"}}); }
    Response operator()(const branch_device::Refused& refused) const {
      return problem(refused.status, refused.status == 404 ? "Not Found" : "Bad Request", refused.detail);
    }
  };
  return std::visit(Visitor{program, counters}, answer);
}

}  // namespace ringhold::http
