#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.hpp"
#include "base/machine.hpp"
#include "base/text.hpp"
#include "base/time.hpp"

namespace ringhold::central {

/// One central server as DNS or the configuration names it. Its identity is `target` alone, never name or rank (S2, X-22).
struct Server {
  Text name;  ///< the SRV target name; empty when configured by address
  Target target;
  std::uint16_t priority = 0;  ///< RFC 2782: the lower number is tried first
  std::uint16_t weight = 0;
};

enum class Health : std::uint8_t { unknown, up, suspect, down };
std::string_view name(Health health);

/// What was seen of a server, by a probe or by live traffic (S1). Any SIP response but 503 is `answered`.
enum class Sign : std::uint8_t {
  answered,
  unavailable,  ///< it said 503
  lost,         ///< no answer in time
  refused,      ///< ICMP unreachable, RST, no route
};
std::string_view name(Sign sign);

/// A sign together with those before it: `enough` are down_after losses, or up_after answers, in a row.
enum class HealthEvent : std::uint8_t { answered, answered_enough, lost, lost_enough };
enum class HealthAction : std::uint8_t { tell };

/// S1: the first answer ever is enough; a server that is up and loses one probe is suspect; a server that is down must
/// answer `up_after` times, one that is only suspect once.
inline constexpr auto health_machine = Machine<Health, Health::down, HealthEvent, HealthEvent::lost_enough, HealthAction>{
    {
        {Health::unknown, HealthEvent::answered, Health::up, {HealthAction::tell}},
        {Health::unknown, HealthEvent::answered_enough, Health::up, {HealthAction::tell}},
        {Health::unknown, HealthEvent::lost, Health::suspect, {HealthAction::tell}},
        {Health::unknown, HealthEvent::lost_enough, Health::down, {HealthAction::tell}},
        {Health::up, HealthEvent::lost, Health::suspect, {HealthAction::tell}},
        {Health::up, HealthEvent::lost_enough, Health::down, {HealthAction::tell}},
        {Health::suspect, HealthEvent::answered, Health::up, {HealthAction::tell}},
        {Health::suspect, HealthEvent::answered_enough, Health::up, {HealthAction::tell}},
        {Health::suspect, HealthEvent::lost_enough, Health::down, {HealthAction::tell}},
        {Health::down, HealthEvent::answered_enough, Health::up, {HealthAction::tell}},
    },
    {
        {Health::up, {HealthEvent::answered, HealthEvent::answered_enough}},
        {Health::suspect, {HealthEvent::lost}},
        {Health::down, {HealthEvent::answered, HealthEvent::lost, HealthEvent::lost_enough}},
    }};

/// The health of one target: state, what was seen in a row, and since when.
class ServerHealth {
 public:
  struct Thresholds {
    unsigned down_after = 3;
    unsigned up_after = 3;
  };

  /// Takes one sign; true when the state changed.
  bool take(Sign sign, const Thresholds& thresholds, Instant now);

  /// What another has found out.
  void assume(Health state, Instant since) {
    state_ = state;
    since_ = since;
  }

  Health state() const { return state_; }
  Instant since() const { return since_; }
  /// Signs of loss (lost, refused, 503) in a row, and how many of the latest of them were refusals.
  unsigned losses() const { return losses_; }
  unsigned refusals() const { return refusals_; }
  unsigned answers() const { return answers_; }
  std::optional<Sign> last_sign() const { return last_; }

 private:
  Health state_ = Health::unknown;
  Instant since_{};
  unsigned losses_ = 0;
  unsigned refusals_ = 0;
  unsigned answers_ = 0;
  std::optional<Sign> last_;
};

/// What `status` and the metrics show of a server.
struct ServerReport {
  Server server;
  Health health = Health::unknown;
  Instant since;
  std::optional<Duration> rtt;
};

}  // namespace ringhold::central
