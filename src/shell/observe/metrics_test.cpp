#include "shell/observe/metrics.hpp"

#include <gtest/gtest.h>

namespace ringhold::observe {

TEST(Metrics, writes_the_text_format_of_Prometheus_O3) {
  const std::vector<Metric> metrics{
      {"ringhold_mode", "The mode.", "gauge", {{"mode=\"normal\"", 1}, {"mode=\"suspect\"", 0}}},
      {"ringhold_registrations", "Bindings.", "gauge", {{"", 3}}},
      {"ringhold_dns_latency_seconds", "Time.", "histogram", {{"_bucket{le=\"0.001\"}", 2}, {"_sum", 0.25}, {"_count", 2}}},
  };
  EXPECT_EQ(to_prometheus(metrics),
            "# HELP ringhold_mode The mode.\n# TYPE ringhold_mode gauge\n"
            "ringhold_mode{mode=\"normal\"} 1\nringhold_mode{mode=\"suspect\"} 0\n"
            "# HELP ringhold_registrations Bindings.\n# TYPE ringhold_registrations gauge\nringhold_registrations 3\n"
            "# HELP ringhold_dns_latency_seconds Time.\n# TYPE ringhold_dns_latency_seconds histogram\n"
            "ringhold_dns_latency_seconds_bucket{le=\"0.001\"} 2\nringhold_dns_latency_seconds_sum 0.25\n"
            "ringhold_dns_latency_seconds_count 2\n");
}

}  // namespace ringhold::observe
