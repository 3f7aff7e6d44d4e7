#include "shell/observe/metrics.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace ringhold::observe {

namespace {

void append_number(std::string& text, double value) {
  if (std::nearbyint(value) == value && std::fabs(value) < 1e15)
    fmt::format_to(std::back_inserter(text), "{}", static_cast<long long>(value));
  else
    fmt::format_to(std::back_inserter(text), "{}", value);
}

void append_value(std::string& text, std::string_view name, std::string_view labels, double value) {
  text.append(name);
  if (labels.starts_with('_'))
    text.append(labels);
  else if (!labels.empty())
    text.append("{").append(labels).append("}");
  text.push_back(' ');
  append_number(text, value);
  text.push_back('\n');
}

}  // namespace

std::string to_prometheus(std::span<const Metric> metrics) {
  std::string text;
  for (const Metric& metric : metrics) {
    fmt::format_to(std::back_inserter(text), "# HELP {} {}\n# TYPE {} {}\n", metric.name, metric.help, metric.name, metric.type);
    for (const auto& [labels, value] : metric.values) append_value(text, metric.name, labels, value);
  }
  return text;
}

}  // namespace ringhold::observe
