#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/text.hpp"
#include "base/time.hpp"

namespace ringhold::central {

/// Whom to send home, and how fast (S5). Opened while recovering, once the DNS answers given in the outage have expired;
/// each phone costs one token of `rate` per second; who comes back within a minute stays (X-25: its path may be broken).
class ReturnPace {
 public:
  explicit ReturnPace(unsigned rate) : rate_{rate} {}

  void open(Instant from) { open_from_ = from; }
  /// Nobody is sent home any more; who was sent, and who came back, is forgotten.
  void close();
  bool is_open() const { return open_from_.has_value(); }

  enum class Verdict : unsigned char { stay, go, came_back };
  /// Asked at each refresh of a registration that is here. `came_back`: it was sent home less than a minute ago.
  Verdict ask(std::string_view device, Instant now);
  /// A device that could go, but has a call.
  void held(Instant now) { last_activity_ = now; }

  /// When a phone was last sent home or held here for its call; nothing when there was none.
  std::optional<Instant> last_activity() const { return last_activity_; }
  std::optional<Instant> open_from() const { return open_from_; }
  void set_rate(unsigned rate) { rate_ = rate; }
  std::size_t remembered() const { return devices_.size(); }

  static constexpr Duration return_window = 60s;       ///< X-25
  static constexpr Duration broken_path_hold = 10min;  ///< who came back is left in peace for so long
  static constexpr std::size_t capacity = 20'000;      ///< at the bound nobody is sent until entries age

 private:
  struct Sent { Instant at; bool came_back; };
  void forget_old(Instant now);
  bool take_token(Instant now);

  unsigned rate_;
  std::optional<Instant> open_from_;
  Instant next_token_{};
  std::optional<Instant> last_activity_;
  boost::unordered_flat_map<Text, Sent, TextHash, TextEqual> devices_;
};

}  // namespace ringhold::central
