#include "ringing/ring_plan.hpp"

#include <algorithm>

namespace ringhold::ringing {

namespace {

std::optional<Step> parse_step(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto seconds = parse_number<std::uint32_t>(text.substr(colon + 1), longest_step / 1s);
  if (!seconds || *seconds == 0) return std::nullopt;
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

Text wrong_with(const RingPlan& plan, const TerminalTypes& types) {
  if (plan.steps.size() > most_steps) return "more than " + std::to_string(most_steps) + " steps";
  std::vector<TypeCode> seen;
  for (const Step& step : plan.steps) {
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

std::optional<std::vector<Step>> parse_steps(std::string_view text) {
  std::vector<Step> steps;
  while (!text.empty()) {
    const auto blank = std::min(text.find(' '), text.size());
    auto step = parse_step(text.substr(0, blank));
    if (!step || steps.size() == most_steps) return std::nullopt;
    steps.push_back(std::move(*step));
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return steps;
}

}  // namespace ringhold::ringing
