#pragma once

#include <cstdint>

#include <boost/container/static_vector.hpp>

#include "base/random.hpp"
#include "base/time.hpp"

namespace ringhold::sim {

/// What a line does to packets in one direction.
struct LineQuality {
  double loss = 0;
  double duplication = 0;
  Duration delay_min = 1ms;
  Duration delay_max = 1ms;  ///< drawn for each packet, so a wide span reorders
};

/// How a line is broken. `silent`: swallowed; `refused`: the sender is told (ICMP unreachable).
enum class Cut : std::uint8_t { none, silent, refused };

/// One direction of a link between two places.
struct Line {
  LineQuality quality;
  Cut cut = Cut::none;
};

/// When the copies of one packet arrive, from now on; none when it is lost.
boost::container::static_vector<Duration, 2> carry(const Line& line, Random& random);

/// A link: two lines, so that it may be cut half-open.
struct Link {
  Line up;    ///< branch to central site
  Line down;  ///< central site to branch

  void set_quality(const LineQuality& quality) { up.quality = down.quality = quality; }
  void set_cut(Cut cut) { up.cut = down.cut = cut; }
};

}  // namespace ringhold::sim
