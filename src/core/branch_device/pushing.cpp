#include "branch_device/state.hpp"

namespace ringhold::branch_device {

Text aor_named(std::string_view user, const Settings& settings) {
  const Text text = user.find(':') != std::string_view::npos   ? Text{user}
                    : user.find('@') != std::string_view::npos ? "sip:" + Text{user}
                                                               : "sip:" + Text{user} + "@" + settings.branch.domain;
  const auto uri = sip::Uri::parse(text);
  if (!uri || !(uri->scheme == sip::Scheme::tel || equal_ignoring_case(uri->host, settings.branch.domain) ||
                equal_ignoring_case(uri->host, settings.branch.name)))
    return {};
  const auto name = sip::unescaped(uri->user);
  if (!name || name->empty()) return {};
  for (const char c : *name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return {};
  return "sip:" + *name + "@" + settings.branch.domain;
}

void BranchDevice::State::restore_push(const Row&, Instant, Outbox&) {}
void BranchDevice::State::note_committed(ChangeId, Instant, Outbox&) {}
Answer BranchDevice::State::push(const Push&, Instant, Outbox&) { return Refused{501, "not yet"}; }
std::vector<PushReport> BranchDevice::State::push_reports(const GetPushes&) const { return {}; }
Answer BranchDevice::State::remove_push(const RemovePush&, Instant, Outbox&) { return Refused{404, "not yet"}; }
std::vector<RedirectReport> BranchDevice::State::redirect_reports(std::string_view, Instant) const { return {}; }
Answer BranchDevice::State::remove_redirects(const RemoveRedirects&, Outbox&) { return Refused{404, "not yet"}; }

}  // namespace ringhold::branch_device
