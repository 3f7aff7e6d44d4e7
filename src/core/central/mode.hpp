#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/machine.hpp"
#include "base/time.hpp"

namespace ringhold::central {

/// The four situations of the product (S4).
enum class Mode : std::uint8_t { normal, suspect, survivable, recovering };
std::string_view name(Mode mode);
std::optional<Mode> parse_mode(std::string_view text);

/// What the administrator demands (S6).
enum class Pin : std::uint8_t { automatic, normal, survivable };
std::string_view name(Pin pin);  ///< "auto", "normal", "survivable"
std::optional<Pin> parse_pin(std::string_view text);

/// Why the mode is what it is (S3).
enum class Cause : std::uint8_t { none, link, dns, sip, partial };
std::string_view name(Cause cause);

enum class ModeEvent : std::uint8_t {
  doubt,  ///< a sign of loss that is not confirmed
  calm,   ///< no sign of loss for a dwell time
  lost,   ///< confirmed: no central server is up
  alive,  ///< a central server is up again
  home,   ///< no phone is left here, or none that could be sent home
};
enum class ModeAction : std::uint8_t { restart_dwell, tell, keep };

inline constexpr auto mode_machine = Machine<Mode, Mode::recovering, ModeEvent, ModeEvent::home, ModeAction>{
    {
        {Mode::normal, ModeEvent::doubt, Mode::suspect, {ModeAction::tell}},
        {Mode::normal, ModeEvent::lost, Mode::survivable, {ModeAction::tell, ModeAction::keep}},
        {Mode::suspect, ModeEvent::calm, Mode::normal, {ModeAction::tell}},
        {Mode::suspect, ModeEvent::lost, Mode::survivable, {ModeAction::tell, ModeAction::keep}},
        {Mode::survivable, ModeEvent::alive, Mode::recovering, {ModeAction::restart_dwell, ModeAction::tell, ModeAction::keep}},
        {Mode::recovering, ModeEvent::lost, Mode::survivable, {ModeAction::tell, ModeAction::keep}},
        {Mode::recovering, ModeEvent::home, Mode::normal, {ModeAction::tell, ModeAction::keep}},
    },
    {
        {Mode::normal, {ModeEvent::calm, ModeEvent::alive, ModeEvent::home}},
        {Mode::suspect, {ModeEvent::doubt, ModeEvent::alive, ModeEvent::home}},
        {Mode::survivable, {ModeEvent::doubt, ModeEvent::calm, ModeEvent::lost, ModeEvent::home}},
        {Mode::recovering, {ModeEvent::doubt, ModeEvent::calm, ModeEvent::alive}},
    }};

/// What is known of the central site as a whole at one moment.
struct Site {
  bool doubt = false;  ///< a server is suspect, or the DNS upstream does not answer
  bool lost = false;   ///< no server is up, confirmed
  bool alive = false;  ///< a server is up
  bool empty = false;  ///< no phone is registered here, or only such as cannot go home
};

/// The mode with its dwell times: a change that hurries nobody waits until the last one is `return_dwell` old (INT-06);
/// a confirmed loss in normal mode waits for nothing (DIS-25).
class ModeKeeper {
 public:
  explicit ModeKeeper(Duration return_dwell) : dwell_{return_dwell} {}

  /// The state to begin with; a loss that was kept on disk may end as soon as a server is up.
  void begin(Mode mode, Instant now);
  /// Forces a mode (S6).
  void force(Mode mode, Instant now);

  struct Change {
    Mode from;
    Mode to;
    Set<ModeAction> actions;
  };
  /// Looks at the site; at most one change for each call, so call until nothing comes.
  std::optional<Change> look(const Site& site, Instant now);

  Mode mode() const { return mode_; }
  Instant since() const { return since_; }
  /// While recovering: when the dwell time of continuous health was over, and DNS went back to its normal order.
  std::optional<Instant> order_normal_at() const { return order_normal_at_; }
  /// The next moment at which look() may say something else although nothing was seen. Nothing: only signs change it.
  std::optional<Instant> next_look() const;
  void set_dwell(Duration return_dwell) { dwell_ = return_dwell; }

 private:
  std::optional<ModeEvent> classify(const Site& site, Instant now) const;

  Duration dwell_;
  Mode mode_ = Mode::normal;
  Instant since_{};
  Instant settled_at_{};  ///< from then on a change that hurries nobody is allowed
  Instant looked_at_{};
  std::optional<Instant> calm_since_;     ///< in suspect: no sign since then
  std::optional<Instant> healthy_since_;  ///< in recovering: a server up since then
  std::optional<Instant> order_normal_at_;
};

}  // namespace ringhold::central
