#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringhold::observe {

/// One metric as Prometheus' text format writes it: labels are the text between the braces, empty for none.
struct Metric {
  std::string_view name;
  std::string_view help;
  std::string_view type;  ///< "counter", "gauge", "histogram"
  std::vector<std::pair<std::string, double>> values;
};

/// Prometheus text format 0.0.4. A histogram's labels may begin with a suffix of the name: "_bucket{le=\"0.1\"}".
std::string to_prometheus(std::span<const Metric> metrics);

}  // namespace ringhold::observe
