#include "central/return_pace.hpp"

#include <algorithm>

namespace ringhold::central {

void ReturnPace::close() {
  open_from_.reset();
  last_activity_.reset();
  devices_.clear();
}

ReturnPace::Verdict ReturnPace::ask(std::string_view device, Instant now) {
  if (!open_from_ || now < *open_from_) return Verdict::stay;
  const auto known = devices_.find(device);
  if (known != devices_.end()) {
    Sent& sent = known->second;
    if (sent.came_back) {
      if (now < sent.at + broken_path_hold) return Verdict::stay;
    } else if (now < sent.at + return_window) {
      sent = {now, true};
      return Verdict::came_back;
    }
    devices_.erase(known);
  }
  if (devices_.size() >= capacity) forget_old(now);
  if (devices_.size() >= capacity || !take_token(now)) return Verdict::stay;
  devices_.emplace(Text{device}, Sent{now, false});
  last_activity_ = now;
  return Verdict::go;
}

void ReturnPace::forget_old(Instant now) {
  boost::unordered::erase_if(devices_, [now](const auto& entry) {
    const Sent& sent = entry.second;
    return now >= sent.at + (sent.came_back ? broken_path_hold : return_window);
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
