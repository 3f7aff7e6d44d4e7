#include "ringing/ring_profile.hpp"

#include <algorithm>
#include <charconv>

namespace ringhold::ringing {

namespace {

/// "0,1:15 2:20": the codes of each step, and its seconds.
Text text_of(const std::vector<Step>& steps) {
  Text text;
  for (const Step& step : steps) {
    if (!text.empty()) text += ' ';
    for (const TypeCode code : step.types) {
      if (code != step.types.front()) text += ',';
      text += Decimal{to_number(code)}.text();
    }
    text.append(":").append(Decimal{static_cast<std::uint64_t>(step.ring / 1s)}.text());
  }
  return text;
}

std::optional<Step> parse_step(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto seconds = parse_number<std::uint32_t>(text.substr(colon + 1));
  if (!seconds) return std::nullopt;
  Step step{{}, std::chrono::seconds{*seconds}, {}};
  for (std::string_view rest = text.substr(0, colon);;) {
    const auto comma = std::min(rest.find(','), rest.size());
    const auto code = parse_number<std::uint16_t>(rest.substr(0, comma), highest_type_code);
    if (!code) return std::nullopt;
    step.types.push_back(TypeCode{*code});
    if (comma == rest.size()) return step;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace

Text wrong_with(const RingProfile& profile, const TerminalTypes& types) {
  if (profile.steps.size() > most_steps) return "more than " + std::to_string(most_steps) + " steps";
  std::vector<TypeCode> seen;
  for (const Step& step : profile.steps) {
    if (step.types.empty()) return "a step names no type";
    if (step.ring < 1s || step.ring > longest_step) return "a step rings from 1 to " + std::to_string(longest_step / 1s) + " seconds";
    for (const TypeCode code : step.types) {
      if (types.find(code) == nullptr) return "there is no type with the code " + std::to_string(to_number(code));
      if (std::ranges::find(seen, code) != seen.end()) return "type " + Text{types.find(code)->name} + " stands twice";
      seen.push_back(code);
    }
  }
  return {};
}

Change put(const RingProfile& profile) {
  return {Table::ring_profile, profile.user, {Text{profile.user}, text_of(profile.steps), Text{profile.fallback}}};
}

Change removed(std::string_view user) { return {Table::ring_profile, Text{user}, {}}; }

std::optional<RingProfile> from_row(const Row& row) {
  if (row.table != Table::ring_profile || row.columns.size() != 3) return std::nullopt;
  const Text* const user = std::get_if<Text>(&row.columns[0]);
  const Text* const steps = std::get_if<Text>(&row.columns[1]);
  const Text* const fallback = std::get_if<Text>(&row.columns[2]);
  if (user == nullptr || steps == nullptr || fallback == nullptr || user->empty()) return std::nullopt;
  RingProfile profile{*user, {}, *fallback};
  for (std::string_view rest = *steps; !rest.empty();) {
    const auto blank = std::min(rest.find(' '), rest.size());
    auto step = parse_step(rest.substr(0, blank));
    if (!step) return std::nullopt;
    profile.steps.push_back(std::move(*step));
    rest.remove_prefix(std::min(blank + 1, rest.size()));
  }
  const bool fits = std::ranges::all_of(profile.steps, [](const Step& step) { return step.ring >= 1s && step.ring <= longest_step; });
  if (!fits || profile.steps.size() > most_steps || profile.is_usual()) return std::nullopt;
  return profile;
}

}  // namespace ringhold::ringing
