#include "central/mode.hpp"

#include <array>
#include <utility>

#include "base/named.hpp"

namespace ringhold::central {

std::string_view name(Mode mode) {
  switch (mode) {
    case Mode::normal: return "normal";
    case Mode::suspect: return "suspect";
    case Mode::survivable: return "survivable";
    case Mode::recovering: return "recovering";
  }
  std::unreachable();
}

std::optional<Mode> parse_mode(std::string_view text) {
  return named(std::array{Mode::normal, Mode::suspect, Mode::survivable, Mode::recovering}, text);
}

std::string_view name(Pin pin) {
  switch (pin) {
    case Pin::automatic: return "auto";
    case Pin::normal: return "normal";
    case Pin::survivable: return "survivable";
  }
  std::unreachable();
}

std::optional<Pin> parse_pin(std::string_view text) { return named(std::array{Pin::automatic, Pin::normal, Pin::survivable}, text); }

std::string_view name(Cause cause) {
  switch (cause) {
    case Cause::none: return "none";
    case Cause::link: return "link";
    case Cause::dns: return "dns";
    case Cause::sip: return "sip";
    case Cause::partial: return "partial";
  }
  std::unreachable();
}

void ModeKeeper::begin(Mode mode, Instant now) { force(mode, now); }

void ModeKeeper::force(Mode mode, Instant now) {
  mode_ = mode;
  since_ = settled_at_ = looked_at_ = now;
  calm_since_.reset();
  healthy_since_.reset();
  order_normal_at_.reset();
}

std::optional<ModeKeeper::Change> ModeKeeper::look(const Site& site, Instant now) {
  looked_at_ = now;
  if (site.doubt || site.lost)
    calm_since_.reset();
  else if (!calm_since_)
    calm_since_ = now;
  if (!site.alive)
    healthy_since_.reset();
  else if (!healthy_since_)
    healthy_since_ = now;
  if (mode_ == Mode::recovering && !order_normal_at_ && healthy_since_ && now >= *healthy_since_ + dwell_) order_normal_at_ = now;

  const auto event = classify(site, now);
  if (!event) return std::nullopt;
  const auto [next, actions] = mode_machine.step(mode_, *event);
  if (next == mode_) return std::nullopt;
  const Change change{mode_, next, actions};
  mode_ = next;
  since_ = now;
  settled_at_ = now + dwell_;
  order_normal_at_.reset();
  if (actions.contains(ModeAction::restart_dwell)) healthy_since_ = now;
  return change;
}

std::optional<ModeEvent> ModeKeeper::classify(const Site& site, Instant now) const {
  switch (mode_) {
    case Mode::normal:
      if (site.lost) return ModeEvent::lost;
      if (site.doubt) return ModeEvent::doubt;
      return std::nullopt;
    case Mode::suspect:
      if (site.lost) return ModeEvent::lost;
      if (calm_since_ && now >= *calm_since_ + dwell_) return ModeEvent::calm;
      return std::nullopt;
    case Mode::survivable:
      if (site.alive && now >= settled_at_) return ModeEvent::alive;
      return std::nullopt;
    case Mode::recovering:
      // Until the order is normal all is as in survivable: the change back hurries nobody, and flapping is kept out (INT-06).
      if (site.lost && (order_normal_at_ || now >= settled_at_)) return ModeEvent::lost;
      if (order_normal_at_ && site.alive && site.empty) return ModeEvent::home;
      return std::nullopt;
  }
  std::unreachable();
}

std::optional<Instant> ModeKeeper::next_look() const {
  std::optional<Instant> next;
  const auto consider = [&](Instant at) {
    if (at > looked_at_ && (!next || at < *next)) next = at;
  };
  switch (mode_) {
    case Mode::normal: break;
    case Mode::suspect:
      if (calm_since_) consider(*calm_since_ + dwell_);
      break;
    case Mode::survivable: consider(settled_at_); break;
    case Mode::recovering:
      consider(settled_at_);
      if (!order_normal_at_ && healthy_since_) consider(*healthy_since_ + dwell_);
      break;
  }
  return next;
}

}  // namespace ringhold::central
