#include "branch_device/admission.hpp"

#include <algorithm>
#include <array>

namespace ringhold::branch_device {

namespace {

/// As they name themselves, in lower case; each begins the User-Agent.
constexpr std::array<std::string_view, 8> scanners{"friendly-scanner", "sipvicious", "sip-scan", "sundayddr", "iwar",
                                                   "sipcli",           "smap",       "pplsip"};

}  // namespace

bool Admission::is_scanner(std::string_view user_agent) {
  constexpr Characters initials{"fFsSiIpP"};
  if (user_agent.empty() || !initials.contains(user_agent.front())) return false;
  return std::ranges::any_of(scanners, [&](std::string_view name) { return equal_ignoring_case(user_agent.substr(0, name.size()), name); });
}

bool Admission::Bucket::take(unsigned rate, Instant now) {
  if (rate == 0) return true;
  const Duration token = Duration{1s} / rate;
  const Instant after = std::max(full_at_, now) + token;
  if (after > now + 1s) return false;
  full_at_ = after;
  return true;
}

bool Admission::within_own_rate(const Address& from, Instant now) {
  auto found = sources_.find(from);
  if (found == sources_.end()) {
    if (sources_.size() >= most_sources) boost::unordered::erase_if(sources_, [&](const auto& entry) { return entry.second.is_full(now); });
    if (sources_.size() >= most_sources) return true;  // the rate of all still holds
    found = sources_.emplace(from, Bucket{}).first;
  }
  return found->second.take(settings_.rate_per_source, now);
}

Admission::Verdict Admission::ask(const sip::Message& request, const Address& from, Source source, Instant now) {
  if (is_scanner(request.value(sip::Header::user_agent))) return Verdict::drop;
  if (source == Source::branch && !within_own_rate(from, now)) return Verdict::drop;
  return all_.take(settings_.rate, now) ? Verdict::serve : Verdict::refuse;
}

}  // namespace ringhold::branch_device
