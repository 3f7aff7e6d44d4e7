#include "agent/push_rules.hpp"

#include <algorithm>

#include "ringing/terminal_type.hpp"

namespace ringhold::agent {

bool PushRule::fits(const Pushed& pushed, const ringing::Calendar& calendar, Instant now) const {
  const auto names = [](const std::vector<Text>& patterns, std::string_view text) {
    return patterns.empty() || std::ranges::any_of(patterns, [&](const Text& one) { return ringing::fits(one, text); });
  };
  return names(accounts, pushed.aor) && names(content_types, pushed.content_type) && (larger_than == 0 || pushed.size > larger_than) &&
         (!when || when->holds(calendar.local(now), calendar));
}

Text PushRule::headers() const {
  Text lines;
  for (std::size_t i = 0; i < contacts.size(); ++i) {
    lines.append("Contact: <").append(contacts[i]).append(">");
    // RFC 3261 §21.3: the order is that of q; equal ones would be tried at once.
    if (contacts.size() > 1) lines.append(";q=0.").append(1, static_cast<char>('9' - std::min<std::size_t>(i, 8)));
    lines.append("\r\n");
  }
  if (lasts > Duration::zero()) lines.append("Expires: ").append(Decimal{seconds_ceil(lasts)}.text()).append("\r\n");
  return lines;
}

const PushRule* rule_for(const PushSettings& settings, const Pushed& pushed, Instant now) {
  const auto rule = std::ranges::find_if(settings.rules, [&](const PushRule& one) { return one.fits(pushed, settings.calendar, now); });
  return rule != settings.rules.end() ? &*rule : nullptr;
}

}  // namespace ringhold::agent
