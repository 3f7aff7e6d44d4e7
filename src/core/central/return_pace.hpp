#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/text.hpp"
#include "base/time.hpp"

namespace ringhold::central {

/// Whom to send home, and how fast (S5). Open once the central site is back and the DNS answers given in the outage have
/// expired; each phone costs one token of `rate` per second; who comes back soon stays (X-25: its path may be broken).
class ReturnPace {
 public:
  explicit ReturnPace(unsigned rate) : rate_{rate} {}

  void open(Instant from) { open_from_ = from; }
  /// Nobody is sent home any more; who was sent, and who came back, is forgotten.
  void close();
  bool is_open() const { return open_from_.has_value(); }

  /// After an outage all may go. Later only who has settled here, though the central site lives (DIS-26): a phone that
  /// arrives has just failed there, so it is left in peace like one that came back: a refusal at its refresh would cost it
  /// its binding before it tries again.
  enum class Whom : unsigned char { everyone, settled };
  enum class Verdict : unsigned char { stay, go, came_back };
  /// Asked at each registration here. `came_back`: it was sent home less than `return_window` ago.
  Verdict ask(std::string_view device, Whom whom, Instant now);
  /// A device that could go, but has a call.
  void held(Instant now) { last_activity_ = now; }

  /// When a phone was last sent home or held here for its call; nothing when there was none.
  std::optional<Instant> last_activity() const { return last_activity_; }
  std::optional<Instant> open_from() const { return open_from_; }
  void set_rate(unsigned rate) { rate_ = rate; }
  std::size_t remembered() const { return devices_.size(); }

  static constexpr Duration return_window = 120s;  ///< X-25's minute, and Timer F at each of two dead servers
  static constexpr Duration broken_path_hold =
      10min;  ///< who came back, or arrived with the centre alive, is left in peace for so long, then twice as long …
  static constexpr Duration longest_hold = 160min;  ///< … but not longer than this
  /// Asked again so soon: the 503 was lost, and is the answer again. Longer than T2, the longest pause of Timer E, and shorter than the
  /// Retry-After of that 503.
  static constexpr Duration repetition = 4500ms;
  static constexpr Duration forgotten_after = 10min;  ///< who is not heard of any more
  static constexpr std::size_t capacity = 20'000;     ///< at the bound nobody is sent until entries age

 private:
  struct Device {
    Instant heard_at;
    std::optional<Instant> sent_at;
    Instant peace_until;
    Duration hold;  ///< of the last return
  };
  static Device arriving(Whom whom, Instant now);
  void forget_old(Instant now);
  bool take_token(Instant now);

  unsigned rate_;
  std::optional<Instant> open_from_;
  Instant next_token_{};
  std::optional<Instant> last_activity_;
  boost::unordered_flat_map<Text, Device, TextHash, TextEqual> devices_;
};

}  // namespace ringhold::central
