#include <array>

#include "branch_device/state.hpp"
#include "location/device.hpp"

namespace ringhold::branch_device {

namespace {

using Values = std::vector<std::pair<std::string, double>>;

Values labelled(std::initializer_list<std::pair<std::string_view, std::uint64_t>> values, std::string_view label) {
  Values list;
  for (const auto& [value, number] : values)
    list.emplace_back(std::string{label} + "=\"" + std::string{value} + "\"", static_cast<double>(number));
  return list;
}

Values one(std::uint64_t number) { return {{"", static_cast<double>(number)}}; }

void add_methods(Values& values, const std::array<std::uint64_t, Counters::methods>& counts, std::string_view direction) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const auto known = sip::name(static_cast<sip::Method>(i));
    values.emplace_back("method=\"" + std::string{known.empty() ? "other" : known} + "\",direction=\"" + std::string{direction} + "\"",
                        static_cast<double>(counts[i]));
  }
}

void add_codes(Values& values, const std::array<std::uint64_t, 700>& counts, std::string_view direction) {
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] != 0)
      values.emplace_back("code=\"" + std::to_string(i) + "\",direction=\"" + std::string{direction} + "\"",
                          static_cast<double>(counts[i]));
}

}  // namespace

StatusReport BranchDevice::State::status() const {
  StatusReport report;
  report.mode = central::name(central.mode());
  report.since = central.since();
  report.pinned = central.pinned();
  report.cause = central::name(central.cause());
  report.evidence = central.evidence();
  for (const central::ServerReport& server : central.report()) {
    StatusReport::CentralServer row{server.server.target.text(), server.server.name, std::string{central::name(server.health)}, {}};
    if (server.rtt) row.rtt_ms = *server.rtt / 1ms;
    report.central.push_back(std::move(row));
  }
  const auto upstream = nameserver.upstream_state();
  report.dns_upstream_silent = upstream == nameserver::UpstreamState::silent || upstream == nameserver::UpstreamState::refused;
  report.learnt_records = nameserver.learnt_records();
  report.cache_entries = nameserver.cache_entries();
  report.registrations = location.size();
  report.calls = calls.size();
  report.auth = settings.registrar.auth == Auth::digest ? "digest" : "network";
  report.users = authenticator.users().size();
  return report;
}

std::vector<RegistrationReport> BranchDevice::State::registrations(std::string_view aor, Instant now) const {
  std::vector<RegistrationReport> rows;
  location.for_each([&](const location::Binding& binding) {
    if (binding.expires_at <= now || (!aor.empty() && binding.aor() != aor)) return;
    const auto [type, source] = type_of(binding);
    rows.push_back({Text{binding.aor()}, Text{binding.contact()}, location::device_key(location::traits_of(binding)),
                    type != nullptr ? type->name : Text{}, std::string{ringing::name(source)}, Text{binding.call_id()}, binding.cseq,
                    static_cast<std::int64_t>(seconds_ceil(binding.expires_at - now)), Target{binding.transport(), binding.source}.text(),
                    Text{binding.user_agent()}, std::string{auth::name(tier_of(binding, now))}});
  });
  return rows;
}

namespace {

PastCallReport::Leg leg_of(std::string_view line) {
  PastCallReport::Leg leg;
  std::array<std::string_view, 5> words;
  for (std::string_view& word : words) {
    word = line.substr(0, line.find(' '));
    line.remove_prefix(std::min(word.size() + 1, line.size()));
  }
  leg.uri = words[0];
  leg.after_ms = parse_number<std::int64_t>(words[1]).value_or(0);
  leg.until_ms = parse_number<std::int64_t>(words[2]).value_or(0);
  leg.status = parse_number<int>(words[3]).value_or(0);
  leg.why = words[4];
  return leg;
}

}  // namespace

std::vector<PastCallReport> BranchDevice::State::past_call_reports(std::size_t limit) const {
  std::vector<PastCallReport> rows;
  const auto& records = calls.past().records();
  for (auto record = records.rbegin(); record != records.rend() && rows.size() < limit; ++record) {
    PastCallReport& row = rows.emplace_back(record->id, record->call_id, record->caller, record->callee, record->began, record->answered,
                                            record->ended, std::string{name(record->how)}, std::string{name(record->by)}, record->status,
                                            record->mode, std::vector<PastCallReport::Leg>{});
    for (std::string_view rest = record->legs; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      row.legs.push_back(leg_of(line));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
  }
  return rows;
}

std::vector<CallReport> BranchDevice::State::call_reports() const {
  std::vector<CallReport> rows;
  calls.for_each([&](calls::CallId, const calls::Call& call) {
    const bool answered = call.state == calls::CallState::answered;
    rows.push_back({call.call_id + ";" + call.from_tag, call.call_id, call.party(calls::Side::caller), call.party(calls::Side::callee),
                    answered ? "answered" : "ringing", call.since});
  });
  return rows;
}

/// What of a team the leader alone knows.
void BranchDevice::State::add_site(std::vector<Sample>& samples) const {
  const auto mode = central.mode();
  Values modes;
  for (const auto each : {central::Mode::normal, central::Mode::suspect, central::Mode::survivable, central::Mode::recovering})
    modes.emplace_back("mode=\"" + std::string{central::name(each)} + "\"", mode == each ? 1 : 0);
  samples.push_back({"ringhold_mode", "1 for the present mode", "gauge", std::move(modes)});
  Values up;
  for (const central::ServerReport& server : central.report())
    up.emplace_back("target=\"" + server.server.target.text() + "\"", server.health == central::Health::up ? 1 : 0);
  samples.push_back({"ringhold_central_up", "1 for a central server that answers", "gauge", std::move(up)});
}

std::vector<Sample> BranchDevice::State::metrics() const {
  const auto& dns = nameserver.counters();
  std::vector<Sample> samples;
  if (team.leads()) add_site(samples);
  samples.push_back({"ringhold_registrations", "bindings", "gauge", one(location.size())});
  samples.push_back({"ringhold_calls_active", "calls whose dialogs pass here", "gauge", one(calls.size())});
  samples.push_back({"ringhold_sip_transactions", "SIP transactions", "gauge", one(layer.size())});
  Values requests, responses;
  add_methods(requests, counters.requests_in, "in");
  add_methods(requests, counters.requests_out, "out");
  add_codes(responses, counters.responses_in, "in");
  add_codes(responses, counters.responses_out, "out");
  samples.push_back({"ringhold_sip_requests_total", "SIP requests", "counter", std::move(requests)});
  samples.push_back({"ringhold_sip_responses_total", "SIP responses", "counter", std::move(responses)});
  samples.push_back(
      {"ringhold_sip_outsiders_total", "SIP messages from outside of branch.networks", "counter", one(counters.sip_outsiders)});
  samples.push_back({"ringhold_sip_shed_total", "SIP requests answered 503 because of the load", "counter", one(counters.sip_shed)});
  samples.push_back(
      {"ringhold_sip_dropped_total", "SIP requests of scanners, and past a source's rate", "counter", one(counters.sip_dropped)});
  const auto& digest = authenticator.counters();
  samples.push_back({"ringhold_digest_total", "requests that had to prove who sent them, by what came of it", "counter",
                     labelled({{"passed", digest.passed},
                               {"challenged", digest.challenged},
                               {"stale", digest.stale},
                               {"replayed", digest.replayed},
                               {"failed", digest.failed},
                               {"malformed", digest.malformed},
                               {"forbidden", digest.forbidden},
                               {"limited", digest.limited}},
                              "result")});
  if (team.leads()) samples.push_back({"ringhold_users", "users in the store", "gauge", one(authenticator.users().size())});
  samples.push_back({"ringhold_dns_queries_total", "DNS queries by what was answered", "counter",
                     labelled({{"forwarded", dns.forwarded},
                               {"injected", dns.injected},
                               {"built", dns.built},
                               {"own", dns.own},
                               {"cached", dns.cached},
                               {"stale", dns.stale},
                               {"refused", dns.refused},
                               {"failed", dns.failed},
                               {"dropped", dns.dropped}},
                              "result")});
  Values latency;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < dns.latency.size(); ++i) {
    count += dns.latency[i];
    const std::string bound = i < dns.bounds_ms.size() ? std::to_string(static_cast<double>(dns.bounds_ms[i]) / 1000) : "+Inf";
    latency.emplace_back("_bucket{le=\"" + bound + "\"}", static_cast<double>(count));
  }
  latency.emplace_back("_sum", dns.latency_sum);
  latency.emplace_back("_count", static_cast<double>(count));
  samples.push_back({"ringhold_dns_latency_seconds", "from query to answer", "histogram", std::move(latency)});
  samples.push_back({"ringhold_dns_upstream_queries_total", "queries sent upstream", "counter", one(dns.upstream_queries)});
  samples.push_back({"ringhold_restarts_detected_total", "terminals whose Call-ID changed within their cycle", "counter",
                     labelled({{"yes", counters.restarts_released}, {"no", counters.restarts_harmless}}, "released")});
  for (Sample& sample : pushes.metrics()) samples.push_back(std::move(sample));
  samples.push_back({"ringhold_parse_errors_total", "messages that could not be read", "counter",
                     labelled({{"sip", counters.sip_malformed}, {"dns", dns.malformed}}, "protocol")});
  return samples;
}

}  // namespace ringhold::branch_device
