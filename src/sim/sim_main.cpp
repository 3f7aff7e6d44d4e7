// ringhold_sim --seed N: one world, its plan and its ladder.  ringhold_sim --seeds A..B: many, and the line that replays
// each one that broke a promise.  With --agents: worlds of agents.  ringhold_sim --scenario FILE: one file of tests/scenarios.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/text.hpp"
#include "sim/agent_story.hpp"
#include "sim/scenario.hpp"
#include "sim/story.hpp"

namespace {

using namespace ringhold;

int usage() {
  fmt::print(stderr,
             "usage: ringhold_sim --seed N            print the plan and the ladder of one world\n"
             "       ringhold_sim --seeds A..B [--jobs N]   run many worlds\n"
             "       … --workers N                    several minds in one branch device, and queues between them\n"
             "       … --agents                       worlds of agents instead of phones\n"
             "       ringhold_sim --scenario FILE     run what a file says\n");
  return 2;
}

/// Each by one of so many threads.
template <typename Run>
void for_each_seed(std::uint64_t first, std::uint64_t last, unsigned jobs, Run run) {
  std::atomic<std::uint64_t> next{first};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < jobs; ++i)
    threads.emplace_back([&] {
      for (std::uint64_t seed = next++; seed <= last; seed = next++) run(seed);
    });
  for (auto& thread : threads) thread.join();
}

template <typename Outcome>
void print_violations(const Outcome& outcome) {
  for (const auto& violation : outcome.violations) fmt::print("BROKEN seed {}: {}\n", outcome.seed, violation);
}

int run_one(std::uint64_t seed, WorkerNumber minds) {
  const sim::Outcome outcome = sim::run_seed(seed, sim::Record::ladder, minds);
  for (const auto& line : outcome.plan) fmt::print("plan: {}\n", line);
  for (const auto& line : outcome.ladder) fmt::print("{}\n", line);
  fmt::print("seed {}: {} events, {} requests, {} calls ({} here, {} half), {} pushes ({} delivered), home {:.0f} s after the healing\n",
             seed, outcome.events, outcome.requests, outcome.calls, outcome.calls_here, outcome.calls_half, outcome.pushes,
             outcome.pushes_delivered, std::chrono::duration<double>(outcome.home_after).count());
  print_violations(outcome);
  return outcome.violations.empty() ? 0 : 1;
}

int run_many(std::uint64_t first, std::uint64_t last, unsigned jobs, WorkerNumber minds) {
  std::mutex printing;
  std::uint64_t events = 0;
  std::uint64_t calls_here = 0;
  std::uint64_t pushes = 0;
  std::size_t failed = 0;
  for_each_seed(first, last, jobs, [&](std::uint64_t seed) {
    const sim::Outcome outcome = sim::run_seed(seed, sim::Record::nothing, minds);
    const std::scoped_lock lock{printing};
    events += outcome.events;
    calls_here += outcome.calls_here;
    pushes += outcome.pushes;
    if (outcome.violations.empty()) return;
    ++failed;
    print_violations(outcome);
    fmt::print("replay: ./dev sim --seed {}{}\n", seed, minds > 1 ? fmt::format(" --workers {}", minds) : std::string{});
  });
  fmt::print("{} seeds, {} failed; {} events, {} calls between phones registered here, {} pushes\n", last - first + 1, failed, events,
             calls_here, pushes);
  return failed == 0 ? 0 : 1;
}

int run_one_of_agents(std::uint64_t seed) {
  const sim::AgentOutcome outcome = sim::run_agent_seed(seed, sim::Record::ladder);
  for (const auto& line : outcome.plan) fmt::print("plan: {}\n", line);
  for (const auto& line : outcome.ladder) fmt::print("{}\n", line);
  fmt::print("seed {}: {} events, {} agents with {} accounts, {} REGISTERs, home {:.0f} s after the healing\n", seed, outcome.events,
             outcome.agents, outcome.accounts, outcome.registers, std::chrono::duration<double>(outcome.home_after).count());
  print_violations(outcome);
  return outcome.violations.empty() ? 0 : 1;
}

int run_many_of_agents(std::uint64_t first, std::uint64_t last, unsigned jobs) {
  std::mutex printing;
  std::uint64_t events = 0;
  std::uint64_t registers = 0;
  std::size_t failed = 0;
  Duration longest_home{};
  double longest_gap = 0;
  for_each_seed(first, last, jobs, [&](std::uint64_t seed) {
    const sim::AgentOutcome outcome = sim::run_agent_seed(seed, sim::Record::nothing);
    const std::scoped_lock lock{printing};
    events += outcome.events;
    registers += outcome.registers;
    longest_home = std::max(longest_home, outcome.home_after);
    longest_gap = std::max(longest_gap, outcome.longest_gap);
    if (outcome.violations.empty()) return;
    ++failed;
    print_violations(outcome);
    fmt::print("replay: ./dev sim --agents --seed {}\n", seed);
  });
  fmt::print(
      "{} seeds of agents, {} failed; {} events, {} REGISTERs, home at most {} s after the healing, longest gap {:.2f} of what is "
      "allowed\n",
      last - first + 1, failed, events, registers, longest_home / 1s, longest_gap);
  return failed == 0 ? 0 : 1;
}

int run_scenario(const std::string& path) {
  std::ifstream file{path};
  if (!file) {
    fmt::print(stderr, "{}: cannot be read\n", path);
    return 2;
  }
  std::stringstream text;
  text << file.rdbuf();
  sim::Scenario scenario{text.str()};
  const auto wrong = scenario.run();
  if (wrong.empty()) return 0;
  for (const auto& line : scenario.ladder()) fmt::print("{}\n", line);
  for (const auto& line : wrong) fmt::print("{}: {}\n", path, line);
  return 1;
}

}  // namespace

int main(int count, char** words) {
  std::vector<std::string_view> arguments(words + 1, words + count);
  const bool agents = std::erase(arguments, "--agents") > 0;
  std::optional<std::uint64_t> seed;
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> last;
  WorkerNumber workers = 1;
  unsigned jobs = std::max(1U, std::min(2U, std::thread::hardware_concurrency()));
  if (arguments.empty()) first = 1, last = 100;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    if (i + 1 >= arguments.size()) return usage();
    const std::string_view value = arguments[i + 1];
    if (arguments[i] == "--scenario") return run_scenario(std::string{value});
    if (arguments[i] == "--seed") {
      seed = parse_number<std::uint64_t>(value);
    } else if (arguments[i] == "--seeds") {
      const auto dots = value.find("..");
      first = parse_number<std::uint64_t>(value.substr(0, dots));
      last = dots == std::string_view::npos ? first : parse_number<std::uint64_t>(value.substr(dots + 2));
    } else if (arguments[i] == "--workers") {
      workers = static_cast<WorkerNumber>(std::clamp(parse_number(value).value_or(1), 1U, unsigned{most_workers}));
    } else if (arguments[i] == "--jobs") {
      jobs = std::clamp(parse_number(value).value_or(1), 1U, 64U);
    } else {
      return usage();
    }
  }
  if (agents && seed) return run_one_of_agents(*seed);
  if (agents && first && last && *first <= *last) return run_many_of_agents(*first, *last, jobs);
  if (seed) return run_one(*seed, workers);
  if (first && last && *first <= *last) return run_many(*first, *last, jobs, workers);
  return usage();
}
