#include "delivery/delivery.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/named.hpp"
#include "sip/uri.hpp"

namespace ringhold::delivery {

std::string_view name(Via via) {
  switch (via) {
    case Via::registered: return "registered";
    case Via::redirect: return "redirect";
    case Via::remembered: return "remembered";
    case Via::configured: return "configured";
    case Via::central: return "central";
    case Via::subscribed: return "subscribed";
  }
  std::unreachable();
}

std::optional<Via> parse_via(std::string_view text) {
  using enum Via;
  return named(std::array{registered, redirect, remembered, configured, central, subscribed}, text);
}

std::string_view name(Why why) {
  switch (why) {
    case Why::none: return "none";
    case Why::answered: return "answered";
    case Why::timeout: return "timeout";
    case Why::unreachable: return "unreachable";
    case Why::too_large: return "too-large";
    case Why::unsolicited: return "unsolicited";
    case Why::unsubscribed: return "unsubscribed";
  }
  std::unreachable();
}

std::optional<Why> parse_why(std::string_view text) {
  using enum Why;
  return named(std::array{none, answered, timeout, unreachable, too_large, unsolicited, unsubscribed}, text);
}

std::string_view name(Reason reason) {
  switch (reason) {
    case Reason::none: return "none";
    case Reason::nobody: return "nobody";
    case Reason::unreachable: return "unreachable";
    case Reason::refused: return "refused";
    case Reason::declined: return "declined";
    case Reason::loop: return "loop";
    case Reason::hops: return "hops";
    case Reason::steps: return "steps";
    case Reason::too_large: return "too-large";
    case Reason::unsolicited: return "unsolicited";
    case Reason::expired: return "expired";
    case Reason::store_full: return "store-full";
    case Reason::store_failing: return "store-failing";
    case Reason::removed: return "removed";
  }
  std::unreachable();
}

std::optional<Reason> parse_reason(std::string_view text) {
  using enum Reason;
  return named(std::array{none, nobody, unreachable, refused, declined, loop, hops, steps, too_large, unsolicited, expired, store_full,
                          store_failing, removed},
               text);
}

bool is_for_now(int status) {
  switch (status) {
    case 408:
    case 430:
    case 480:
    case 486: return true;
    case 501:
    case 505:
    case 513: return false;
    default: return status >= 500 && status < 600;
  }
}

void Delivery::add_terminals(std::vector<Target> terminals, std::size_t together) {
  if (strategy_ == Strategy::one_by_one) {
    for (Target& one : terminals) add({std::move(one)});
    return;
  }
  const auto end_of_first = terminals.begin() + static_cast<std::ptrdiff_t>(std::min(together, terminals.size()));
  std::vector<Target> others(std::make_move_iterator(end_of_first), std::make_move_iterator(terminals.end()));
  terminals.erase(end_of_first, terminals.end());
  if (!terminals.empty()) add(std::move(terminals));
  if (!others.empty()) add(std::move(others));
}

bool may_take_it_later(const Step& step) {
  if (step.state == AttemptState::overdue || step.why == Why::timeout || step.why == Why::unreachable || step.why == Why::unsubscribed)
    return true;
  // Many registrars say 404 of users who are not there just now.
  const bool is_absent = step.target.via == Via::central && (step.status == 404 || step.status == 410);
  return is_absent || is_for_now(step.status);
}

bool Delivery::was_tried(std::string_view uri) const {
  return std::ranges::any_of(steps_, [&](const Step& step) { return sip::is_same_place(step.target.uri, uri); });
}

bool Delivery::is_trying() const {
  return std::ranges::any_of(steps_, [](const Step& step) { return step.state == AttemptState::trying; });
}

bool Delivery::join(std::vector<Target> terminals) {
  std::erase_if(terminals, [&](const Target& one) { return was_tried(one.uri); });
  if (terminals.empty() || is_stopped()) return false;
  add_terminals(std::move(terminals));
  return true;
}

bool Delivery::has_to_wait() const {
  // The central site is asked when nobody is here.
  return std::ranges::any_of(steps_,
                             [](const Step& step) { return step.state == AttemptState::trying && step.target.via != Via::central; });
}

std::optional<std::size_t> Delivery::next(Instant now) {
  if (is_stopped()) return std::nullopt;
  for (;;) {
    if (group_.empty()) {
      if (queue_.empty() || has_to_wait()) return std::nullopt;
      group_ = std::move(queue_.front());
      queue_.pop_front();
      std::ranges::reverse(group_);
      continue;
    }
    Target target = std::move(group_.back());
    group_.pop_back();
    if (was_tried(target.uri)) continue;
    if (steps_.size() == most_steps) {
      stopped_ = true;
      return std::nullopt;
    }
    steps_.push_back(
        {.target = std::move(target), .state = AttemptState::trying, .why = Why::none, .status = 0, .sent_at = now, .ended_at = now});
    return steps_.size() - 1;
  }
}

Set<AttemptAction> Delivery::happened(std::size_t index, AttemptEvent event, Why why, int status, Instant now) {
  Step& step = steps_[index];
  const auto [next, actions] = attempt_machine.step(step.state, event);
  if (step.state != AttemptState::ended && next == AttemptState::ended) {
    step.why = why;
    step.status = status;
    step.ended_at = now;
  }
  step.state = next;
  if (actions.contains(AttemptAction::conclude)) delivered_ = true;
  if (actions.contains(AttemptAction::stop)) stopped_ = true;
  return actions;
}

bool Delivery::leads_on(std::size_t index, std::span<const Target> contacts) {
  if (contacts.empty() || closed_) return false;
  if (steps_[index].target.hop >= most_hops) {
    went_too_far_ = true;
    return false;
  }
  if (std::ranges::any_of(contacts, [&](const Target& one) { return !was_tried(one.uri); })) return true;
  looped_ = true;
  return false;
}

bool Delivery::follow(std::size_t index, std::vector<Target> contacts) {
  if (!leads_on(index, contacts)) return false;
  std::vector<Target> fresh;
  for (Target& one : contacts) {
    const auto same = [&](const Target& other) { return sip::is_same_place(other.uri, one.uri); };
    if (!was_tried(one.uri) && std::ranges::none_of(fresh, same)) fresh.push_back(std::move(one));
  }
  // A redirect from one of several that are being tried does not stop the others, but comes before who waits.
  if (!group_.empty()) {
    std::ranges::reverse(group_);
    queue_.push_front(std::exchange(group_, {}));
  }
  if (strategy_ == Strategy::all_at_once) {
    queue_.push_front(std::move(fresh));
    return true;
  }
  for (auto one = fresh.rbegin(); one != fresh.rend(); ++one) queue_.push_front({std::move(*one)});
  return true;
}

boost::container::small_vector<std::size_t, 2> Delivery::overdue(Instant now) const {
  boost::container::small_vector<std::size_t, 2> due;
  for (std::size_t i = 0; i < steps_.size(); ++i)
    if (steps_[i].state == AttemptState::trying && steps_[i].sent_at + attempt_ <= now) due.push_back(i);
  return due;
}

std::optional<Instant> Delivery::next_expiry() const {
  std::optional<Instant> next;
  for (const Step& step : steps_)
    if (step.state == AttemptState::trying && (!next || step.sent_at + attempt_ < *next)) next = step.sent_at + attempt_;
  return next;
}

Outcome Delivery::outcome() const {
  // Who was asked at the same time says for himself what became of it (PSH-06).
  if (is_trying()) return Outcome::pending;
  if (delivered_) return Outcome::delivered;
  if (!is_stopped() && !(queue_.empty() && group_.empty())) return Outcome::pending;
  switch (reason()) {
    case Reason::nobody:
    case Reason::unreachable: return Outcome::unreached;
    default: return Outcome::refused;
  }
}

Reason Delivery::reason() const {
  if (steps_.empty()) return Reason::nobody;
  const auto any = [&](auto&& holds) { return std::ranges::any_of(steps_, holds); };
  if (any([](const Step& step) { return step.status >= 600; })) return Reason::declined;
  if (stopped_) return Reason::steps;
  // Who might subscribe yet counts only where nobody who has could say anything.
  const bool any_answer = any([](const Step& step) { return step.why == Why::answered; });
  if (any([&](const Step& step) { return may_take_it_later(step) && !(any_answer && step.why == Why::unsubscribed && step.status == 0); }))
    return Reason::unreachable;
  if (looped_) return Reason::loop;
  if (went_too_far_) return Reason::hops;
  if (any([](const Step& step) { return step.why == Why::too_large; })) return Reason::too_large;
  if (any_answer) return Reason::refused;
  return Reason::unsolicited;
}

int Delivery::best_status() const {
  int best = 480;
  for (const Step& step : steps_) {
    if (step.status >= 600) return step.status;
    if (step.why == Why::too_large) best = 413;
    // RFC 3261 §16.7 step 6 prefers what the sender can act on; a 3xx was followed, and 408 is not said to a non-INVITE (RFC 4320).
    if (step.status >= 400 && step.status < 500 && step.status != 401 && step.status != 407 && !is_for_now(step.status)) best = step.status;
  }
  return best;
}

void Delivery::close() {
  closed_ = true;
  queue_.clear();
  group_.clear();
}

bool Delivery::is_over() const {
  return outcome() != Outcome::pending && std::ranges::all_of(steps_, [](const Step& step) { return step.state == AttemptState::ended; });
}

}  // namespace ringhold::delivery
