#include "shell/http/api.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <functional>

#include "base/limits.hpp"
#include "base/text.hpp"
#include "shell/http/calls_json.hpp"
#include "shell/http/push_api.hpp"
#include "shell/http/ring_api.hpp"
#include "shell/http/text.hpp"
#include "shell/http/users_api.hpp"
#include "shell/observe/metrics.hpp"

namespace ringhold::http {

namespace {

namespace json = boost::json;
using branch_device::Answer;
using branch_device::Command;

Response ok(const json::value& value) { return {200, "application/json", valid_utf8(json::serialize(value)), {}}; }

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
      {"auth", report.auth},
      {"users", report.users},
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
                                 {"type_source", row.type_source},
                                 {"call_id", row.call_id},
                                 {"cseq", row.cseq},
                                 {"expires_in", row.expires_in},
                                 {"source", row.source},
                                 {"user_agent", row.user_agent},
                                 {"trust", row.trust}});
  return array;
}

Response metrics(const Program& program, const std::vector<branch_device::Sample>& samples, const net::Counters& counters) {
  std::vector<observe::Metric> list;
  list.reserve(samples.size() + 16);
  for (const auto& sample : samples) list.push_back({sample.name, sample.help, sample.type, sample.values});
  const auto add = [&](std::string_view name, std::string_view help, std::string_view type,
                       std::vector<std::pair<std::string, double>> values) { list.push_back({name, help, type, std::move(values)}); };
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  const auto traffic = [&](std::uint64_t net::Counters::Traffic::* in, std::uint64_t net::Counters::Traffic::* out) {
    return std::vector<std::pair<std::string, double>>{{"protocol=\"sip\",direction=\"in\"", number(counters.sip.*in)},
                                                       {"protocol=\"sip\",direction=\"out\"", number(counters.sip.*out)},
                                                       {"protocol=\"dns\",direction=\"in\"", number(counters.dns.*in)},
                                                       {"protocol=\"dns\",direction=\"out\"", number(counters.dns.*out)}};
  };
  using Traffic = net::Counters::Traffic;
  add("ringhold_packets_total", "Messages in and out.", "counter", traffic(&Traffic::packets_in, &Traffic::packets_out));
  add("ringhold_bytes_total", "Bytes in and out, without headers of UDP and TCP.", "counter",
      traffic(&Traffic::bytes_in, &Traffic::bytes_out));
  add("ringhold_connections", "Open TCP connections of SIP and DNS.", "gauge", {{"", number(counters.connections)}});
  add("ringhold_connections_total", "TCP connections since the start.", "counter",
      {{"direction=\"in\"", number(counters.connections_accepted)}, {"direction=\"out\"", number(counters.connections_opened)}});
  add("ringhold_connections_closed_total", "TCP connections that we closed, by reason.", "counter",
      {{"reason=\"limit\"", number(counters.connections_over_limit)},
       {"reason=\"broken\"", number(counters.streams_broken)},
       {"reason=\"idle\"", number(counters.connections_idle)},
       {"reason=\"handshake\"", number(counters.handshakes_failed)},
       {"reason=\"slow\"", number(counters.write_queues_full)}});
  add("ringhold_hand_overs_total", "Messages given from one worker to another.", "counter", {{"", number(counters.hand_overs)}});
  add("ringhold_hand_overs_lost_total", "Messages that another worker was too far behind for.", "counter",
      {{"", number(counters.hand_overs_lost)}});
  add("ringhold_sends_lost_total", "Datagrams that the kernel had no room for.", "counter", {{"", number(counters.sends_lost)}});
  add("ringhold_peers_unreachable_total", "Sends and connections refused: ICMP, RST, no route, no answer.", "counter",
      {{"", number(counters.peers_unreachable)}});
  const auto store = program.store();
  add("ringhold_store_ok", "1 while changes reach the disk.", "gauge", {{"", store.state == "failing" ? 0.0 : 1.0}});
  add("ringhold_store_changes_waiting", "Changes not on disk yet.", "gauge", {{"", number(store.waiting)}});
  add("ringhold_store_changes_dropped_total", "Changes lost because too many waited.", "counter", {{"", number(store.dropped)}});
  add("ringhold_log_dropped_total", "Log lines dropped because too many waited.", "counter", {{"", number(program.log_dropped())}});
  return {200, "text/plain; version=0.0.4; charset=utf-8", valid_utf8(observe::to_prometheus(list)), {}};
}

using Meant = std::variant<Command, Response>;

Meant set_mode(const Request& request) {
  boost::system::error_code error;
  const json::value body = json::parse(request.body, error);
  const json::object* object = error ? nullptr : body.if_object();
  const json::value* mode = object == nullptr ? nullptr : object->if_contains("mode");
  if (mode == nullptr || !mode->is_string()) return bad_request(R"(send {"mode": "auto|normal|survivable"})");
  return Command{branch_device::SetMode{std::string{mode->as_string()}}};
}

/// The command that a request means, or the refusal.
Meant meaning_of(const Request& request) {
  const auto only = [&](std::string_view method, Command command) -> Meant {
    if (request.method == method || (method == "GET" && request.method == "HEAD")) return command;
    Response refusal = problem(405, "Method Not Allowed", "use " + std::string{method} + " for " + request.path);
    refusal.allow = method == "GET" ? "GET, HEAD" : method;
    return refusal;
  };
  constexpr std::string_view registrations = "/api/v1/registrations/";
  if (request.path == "/api/v1/status" || request.path == "/healthz" || request.path == "/readyz" || request.path == "/")
    return only("GET", branch_device::GetStatus{});
  if (request.path == "/api/v1/registrations") return only("GET", branch_device::GetRegistrations{parameter(request.query, "aor")});
  if (request.path.starts_with(registrations))
    return only("DELETE", branch_device::RemoveRegistrations{request.path.substr(registrations.size())});
  if (request.path == "/api/v1/calls/past") {
    const auto limit = limit_of(request.query, limits::call_records);
    if (!limit) return bad_request("\"limit\" is a number from 1 to 10000");
    return only("GET", branch_device::GetPastCalls{*limit});
  }
  if (request.path == "/api/v1/calls") return only("GET", branch_device::GetCalls{});
  if (request.path == "/api/v1/restarts") return only("GET", branch_device::GetRestarts{parameter(request.query, "aor")});
  if (request.path == "/metrics") return only("GET", branch_device::GetMetrics{});
  if (auto ring = ring_command(request)) return *std::move(ring);
  if (auto users = user_command(request)) return *std::move(users);
  if (auto pushes = push_command(request)) return *std::move(pushes);
  if (request.path == "/api/v1/mode") return request.method == "PUT" ? set_mode(request) : only("PUT", branch_device::GetStatus{});
  return problem(404, "Not Found", "no such resource: " + request.path);
}

std::string_view title_of(int status) {
  switch (status) {
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 422: return "Unprocessable Content";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 507: return "Insufficient Storage";
    default: return "Bad Request";
  }
}

}  // namespace

Response refusal_of(const branch_device::Refused& refused) { return problem(refused.status, title_of(refused.status), refused.detail); }

Reply handle(const Program& program, const Request& request) {
  if (request.path == "/api/v1/push") return push(program, request);
  const auto meant = meaning_of(request);
  if (const auto* refusal = std::get_if<Response>(&meant)) return *refusal;
  if (request.path == "/") return Response{200, "text/html; charset=utf-8", std::string{status_page()}, {}};
  Answer answer;
  net::Counters counters;
  if (!program.ask(std::get<Command>(meant), answer, counters))
    return problem(503, "Service Unavailable", "the worker did not answer in time");
  if (request.path == "/healthz") return Response{200, "text/plain", "ok\n", {}};
  if (request.path == "/readyz") return Response{200, "text/plain", "ready\n", {}};
  struct Visitor {
    const Program& program;
    const Request& request;
    const net::Counters& counters;
    Response operator()(const branch_device::StatusReport& report) const { return ok(to_json(report, program)); }
    Response operator()(const std::vector<branch_device::RegistrationReport>& rows) const { return ok(to_json(rows)); }
    Response operator()(const std::vector<branch_device::CallReport>& rows) const { return ok(calls_json(rows)); }
    Response operator()(const std::vector<branch_device::PastCallReport>& rows) const {
      return ok(past_calls_json(rows, limit_of(request.query, limits::call_records).value_or(100)));
    }
    Response operator()(const std::vector<branch_device::RestartReport>& rows) const { return ok(restarts_json(rows)); }
    Response operator()(const std::vector<branch_device::UserReport>& users) const { return users_response(request, users); }
    Response operator()(const std::vector<branch_device::RingReport>& reports) const { return ring_response(reports); }
    Response operator()(const std::vector<branch_device::PushReport>& reports) const { return pushes_response(request, reports); }
    Response operator()(const std::vector<branch_device::RedirectReport>& reports) const { return redirects_response(reports); }
    Response operator()(const std::vector<branch_device::Sample>& samples) const { return metrics(program, samples, counters); }
    Response operator()(const branch_device::Done&) const { return ok(json::object{{"result", "done"}, {"kept", program.keep()}}); }
    Response operator()(const branch_device::Refused& refused) const { return refusal_of(refused); }
  };
  return std::visit(Visitor{program, request, counters}, answer);
}

}  // namespace ringhold::http
