#include "central/return_pace.hpp"

#include <algorithm>

namespace ringhold::central {

void ReturnPace::close() {
  open_from_.reset();
  last_activity_.reset();
  devices_.clear();
}

ReturnPace::Verdict ReturnPace::ask(std::string_view name, Whom whom, Instant now) {
  if (!open_from_ || now < *open_from_) return Verdict::stay;
  auto found = devices_.find(name);
  if (found == devices_.end()) {
    if (devices_.size() >= capacity) forget_old(now);
    if (devices_.size() >= capacity) return Verdict::stay;
    found = devices_.emplace(Text{name}, arriving(whom, now)).first;
  }
  Device& device = found->second;
  device.heard_at = now;
  if (device.sent_at && now < *device.sent_at + repetition) return Verdict::go;
  if (device.sent_at && now < *device.sent_at + return_window) {
    device.hold = std::clamp(2 * device.hold, broken_path_hold, longest_hold);
    device.peace_until = now + device.hold;
    device.sent_at.reset();
    return Verdict::came_back;
  }
  if (device.sent_at) device = arriving(whom, now);  // it had gone home
  if (now < device.peace_until || !take_token(now)) return Verdict::stay;
  device.sent_at = now;
  last_activity_ = now;
  return Verdict::go;
}

ReturnPace::Device ReturnPace::arriving(Whom whom, Instant now) {
  Device device{.heard_at = now, .sent_at = {}, .peace_until = now, .hold = {}};
  if (whom == Whom::settled) {
    device.hold = broken_path_hold;
    device.peace_until = now + device.hold;
  }
  return device;
}

void ReturnPace::forget_old(Instant now) {
  boost::unordered::erase_if(devices_, [now](const auto& entry) {
    const Device& device = entry.second;
    return now >= device.heard_at + forgotten_after && now >= device.peace_until;
  });
}

bool ReturnPace::take_token(Instant now) {
  if (rate_ == 0) return false;
  // One second's worth may go at once, and never more than that was saved up.
  const Duration token = Duration{1s} / rate_;
  const Instant earliest = now - (1s - token);
  next_token_ = std::max(next_token_, earliest);
  if (next_token_ > now) return false;
  next_token_ += token;
  return true;
}

}  // namespace ringhold::central
