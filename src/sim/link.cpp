#include "sim/link.hpp"

namespace ringhold::sim {

namespace {

bool happens(double probability, Random& random) {
  return probability > 0 && static_cast<double>(random.next() >> 11U) * 0x1.0p-53 < probability;
}

}  // namespace

boost::container::static_vector<Duration, 2> carry(const Line& line, Random& random) {
  boost::container::static_vector<Duration, 2> arrivals;
  if (line.cut != Cut::none || happens(line.quality.loss, random)) return arrivals;
  arrivals.push_back(random.between(line.quality.delay_min, line.quality.delay_max));
  if (happens(line.quality.duplication, random)) arrivals.push_back(random.between(line.quality.delay_min, line.quality.delay_max));
  return arrivals;
}

}  // namespace ringhold::sim
