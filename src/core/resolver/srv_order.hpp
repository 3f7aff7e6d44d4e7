#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/random.hpp"

namespace ringhold::resolver {

/// RFC 2782: the lowest priority first; among equals a draw by weight for each place, where weight 0 has a very small chance.
/// `Record` has `priority` and `weight`.
template <typename Record>
void order_srv(std::span<Record> records, Random& random) {
  const auto before = [](const Record& a, const Record& b) {
    if (a.priority != b.priority) return a.priority < b.priority;
    return a.weight == 0 && b.weight != 0;
  };
  // By insertion: it is stable, and there are few.
  for (auto one = records.begin(); one != records.end(); ++one)
    std::rotate(std::upper_bound(records.begin(), one, *one, before), one, one + 1);
  for (auto place = records.begin(); place != records.end(); ++place) {
    const auto end = std::find_if(place, records.end(), [&](const Record& other) { return other.priority != place->priority; });
    std::uint32_t sum = 0;
    for (auto one = place; one != end; ++one) sum += one->weight;
    const std::uint32_t draw = random.below(sum + 1);
    std::uint32_t running = place->weight;
    auto chosen = place;
    while (running < draw) running += (++chosen)->weight;
    std::rotate(place, chosen, chosen + 1);
  }
}

}  // namespace ringhold::resolver
