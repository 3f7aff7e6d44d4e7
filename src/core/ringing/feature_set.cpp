#include "ringing/feature_set.hpp"

#include <algorithm>
#include <array>
#include <boost/container/static_vector.hpp>
#include <charconv>
#include <limits>
#include <optional>

#include "base/text.hpp"

namespace ringhold::ringing {

namespace {

constexpr std::array<std::string_view, 20> base_tags{"audio",       "automata", "class",    "duplex",  "data",    "control",     "mobility",
                                                     "description", "events",   "priority", "methods", "schemes", "application", "video",
                                                     "language",    "type",     "isfocus",  "actor",   "text",    "extensions"};
constexpr std::string_view extension_of_sip = "+sip.";
constexpr std::size_t most_values = 32;

bool is_base_tag(std::string_view name) {
  return std::ranges::any_of(base_tags, [&](std::string_view tag) { return equal_ignoring_case(tag, name); });
}

struct Value {
  enum class Kind : std::uint8_t { token, text, number };
  Kind kind = Kind::token;
  bool negated = false;
  std::string_view text{};
  double least = 0;  ///< of a number
  double most = 0;
};
using Values = boost::container::static_vector<Value, most_values>;

std::optional<double> number_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{number} : std::nullopt;
}

/// "=5", ">=5", "<=5", "1:5" (RFC 3840 §9 numeric).
std::optional<Value> range_of(std::string_view text, bool negated) {
  constexpr double endless = std::numeric_limits<double>::infinity();
  Value value{Value::Kind::number, negated, {}, -endless, endless};
  const auto colon = text.find(':');
  std::optional<double> first, last;
  if (text.starts_with('=')) {
    first = last = number_of(text.substr(1));
  } else if (text.starts_with(">=")) {
    first = number_of(text.substr(2));
    last = endless;
  } else if (text.starts_with("<=")) {
    first = -endless;
    last = number_of(text.substr(2));
  } else if (colon != std::string_view::npos) {
    first = number_of(text.substr(0, colon));
    last = number_of(text.substr(colon + 1));
  }
  if (!first || !last) return std::nullopt;
  value.least = *first;
  value.most = *last;
  return value;
}

std::optional<Value> value_of(std::string_view text) {
  text = trimmed(text);
  const bool negated = text.starts_with('!');
  if (negated) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  if (text.starts_with('#')) return range_of(text.substr(1), negated);
  if (text.starts_with('<') && text.ends_with('>')) return Value{Value::Kind::text, negated, text};
  return Value{Value::Kind::token, negated, text};
}

/// What is malformed is left out.
Values values_of(std::string_view list) {
  if (trimmed(list).empty()) return {Value{Value::Kind::token, false, "TRUE"}};
  Values values;
  bool in_text = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= list.size() && values.size() < most_values; ++i) {
    if (i < list.size() && list[i] == '<') in_text = true;
    if (i < list.size() && list[i] == '>') in_text = false;
    if (i < list.size() && (list[i] != ',' || in_text)) continue;
    if (const auto value = value_of(list.substr(begin, i - begin))) values.push_back(*value);
    begin = i + 1;
  }
  return values;
}

bool is_same(const Value& a, const Value& b) {
  if (a.kind != b.kind) return false;
  return a.kind == Value::Kind::text ? a.text == b.text : equal_ignoring_case(a.text, b.text);
}

bool overlap(const Value& a, const Value& b) {
  if (a.negated && b.negated) return true;
  if (b.negated) return overlap(b, a);
  const bool numbers = a.kind == Value::Kind::number && b.kind == Value::Kind::number;
  if (a.negated) return numbers ? b.least < a.least || b.most > a.most : !is_same(a, b);
  return numbers ? a.least <= b.most && b.least <= a.most : is_same(a, b);
}

}  // namespace

bool is_feature_tag(std::string_view name) { return name.starts_with('+') || is_base_tag(name); }

std::string_view canonical_tag(std::string_view name) {
  const bool extension =
      name.size() > extension_of_sip.size() && equal_ignoring_case(name.substr(0, extension_of_sip.size()), extension_of_sip);
  const std::string_view rest = extension ? name.substr(extension_of_sip.size()) : name;
  return is_base_tag(rest) ? rest : name;
}

bool have_common_value(std::string_view a, std::string_view b) {
  const Values ours = values_of(a);
  const Values theirs = values_of(b);
  // What could not be read may be anything: nobody is left out because of it.
  if (ours.empty() || theirs.empty() || ours.size() == most_values || theirs.size() == most_values) return true;
  return std::ranges::any_of(
      ours, [&](const Value& one) { return std::ranges::any_of(theirs, [&](const Value& other) { return overlap(one, other); }); });
}

}  // namespace ringhold::ringing
