#include "ringing/terminal_type.hpp"

#include <algorithm>

namespace ringhold::ringing {

std::vector<TerminalType> usual_types() {
  return {{TypeCode{0}, "ip-phone", {"Yealink*", "Poly*", "snom*", "Grandstream*", "Cisco*"}, false},
          {TypeCode{1},
           "pc-client",
           {"Linphone Desktop*", "LinphoneDesktop*", "MicroSIP*", "Jitsi*", "Zoiper rv*", "X-Lite*", "Twinkle*", "SIP.js*", "JsSIP*"},
           false},
          {TypeCode{2}, "mobile-client", {"*Android*", "*iOS*", "*iPhone*", "Acrobits*", "Groundwire*", "Zoiper v*"}, true}};
}

std::string_view name(TypeSource source) {
  switch (source) {
    case TypeSource::administrator: return "administrator";
    case TypeSource::contact_parameter: return "contact-parameter";
    case TypeSource::feature_tag: return "feature-tag";
    case TypeSource::user_agent: return "user-agent";
    case TypeSource::otherwise: return "otherwise";
  }
  return "";
}

bool fits(std::string_view pattern, std::string_view text) {
  // Back to the last star when what follows it does not fit: it takes one character more.
  std::size_t at = 0, star = std::string_view::npos, after_star = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      after_star = i;
    } else if (at < pattern.size() && to_lower(pattern[at]) == to_lower(text[i])) {
      ++at;
      ++i;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      i = ++after_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

const TerminalType* TerminalTypes::find(TypeCode code) const {
  const auto found = std::ranges::find(types_, code, &TerminalType::code);
  return found == types_.end() ? nullptr : &*found;
}

const TerminalType* TerminalTypes::find(std::string_view name) const {
  const auto found = std::ranges::find(types_, name, &TerminalType::name);
  return found == types_.end() ? nullptr : &*found;
}

TerminalTypes::Found TerminalTypes::classify(const sip::Parameters& contact, std::string_view user_agent) const {
  if (types_.empty()) return {};
  if (const auto given = contact.find("terminal-type")) {
    const auto code = parse_number<std::uint16_t>(*given);
    if (const TerminalType* type = code ? find(TypeCode{*code}) : find(*given)) return {type, TypeSource::contact_parameter};
  }
  auto mobility = contact.find("+sip.mobility");
  if (!mobility) mobility = contact.find("mobility");
  if (mobility && equal_ignoring_case(*mobility, "mobile")) {
    const auto mobile = std::ranges::find(types_, true, &TerminalType::mobile);
    if (mobile != types_.end()) return {&*mobile, TypeSource::feature_tag};
  }
  for (const TerminalType& type : types_)
    if (std::ranges::any_of(type.user_agents, [&](const Text& pattern) { return fits(pattern, user_agent); }))
      return {&type, TypeSource::user_agent};
  return {&types_.front(), TypeSource::otherwise};
}

}  // namespace ringhold::ringing
