#include "switching/server_list.hpp"

#include <algorithm>
#include <utility>

namespace ringhold::switching {

void ServerList::assign(std::vector<Target> servers) {
  const std::optional<Target> stood = current_ ? std::optional{servers_[*current_]} : std::nullopt;
  servers_ = std::move(servers);
  current_ = stood ? rank_of(*stood) : std::nullopt;
  succeeded_ = succeeded_ && current_;
}

std::optional<std::size_t> ServerList::rank_of(const Target& server) const {
  const auto found = std::ranges::find(servers_, server);
  if (found == servers_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - servers_.begin());
}

bool ServerList::is_better(const Target& server) const {
  const auto rank = rank_of(server);
  return rank && (!current_ || *rank < *current_);
}

bool ServerList::has_overtaken(const Target& server) const {
  return is_better(server) && std::ranges::find(preceded_, server) == preceded_.end();
}

bool ServerList::may_try(const Target& server, const Avoidance& avoidance, Instant now) const {
  return !avoidance.is_avoided(server, now) && std::ranges::find(failed_, server) == failed_.end();
}

bool ServerList::has_untried_overtaker(const Avoidance& avoidance, Instant now) const {
  return std::ranges::any_of(servers_, [&](const Target& one) { return has_overtaken(one) && may_try(one, avoidance, now); });
}

std::optional<std::size_t> ServerList::find(std::size_t from, const Avoidance& avoidance, Instant now) const {
  for (std::size_t place = from; place < servers_.size(); ++place)
    if (place != current_ && !avoidance.is_avoided(servers_[place], now)) return place;
  return std::nullopt;
}

void ServerList::go(std::size_t place) {
  current_ = place;
  succeeded_ = false;
  preceded_.assign(servers_.begin(), servers_.begin() + static_cast<std::ptrdiff_t>(place));
}

std::optional<std::size_t> ServerList::find_untried(const Avoidance& avoidance, Instant now) const {
  for (std::size_t place = 0; place < servers_.size(); ++place)
    if (may_try(servers_[place], avoidance, now)) return place;
  return std::nullopt;
}

bool ServerList::has_untried(const Avoidance& avoidance, Instant now) const { return find_untried(avoidance, now).has_value(); }

void ServerList::go_first(const Avoidance& avoidance, Instant now) {
  if (!servers_.empty()) go(find_untried(avoidance, now).value_or(0));
}

void ServerList::fail() {
  if (current_ && std::ranges::find(failed_, servers_[*current_]) == failed_.end()) failed_.push_back(servers_[*current_]);
}

void ServerList::go_next(const Avoidance& avoidance, Instant now) {
  if (const auto next = find(current_ ? *current_ + 1 : 0, avoidance, now)) go(*next);
}

void ServerList::go_to(const Target& server) {
  if (const auto rank = rank_of(server)) go(*rank);
}

Event ServerList::after_failure(const Avoidance& avoidance, Instant now) const {
  if (servers_.size() <= (current_ ? 1U : 0U)) return Event::failed_alone;
  const bool is_lower = current_ && *current_ > 0;
  if (is_lower && succeeded_ && find(0, avoidance, now)) return Event::failed_to_first;
  // who has come before it meanwhile is tried before those who follow it.
  if (current_ && has_untried_overtaker(avoidance, now)) return Event::failed_to_first;
  if (find(current_ ? *current_ + 1 : 0, avoidance, now)) return Event::failed_to_next;
  return Event::failed_everywhere;
}

std::optional<Instant> ServerList::all_avoided_until(const Avoidance& avoidance, Instant now) const {
  std::optional<Instant> earliest;
  for (const Target& server : servers_) {
    const auto until = avoidance.until(server, now);
    if (!until) return std::nullopt;
    earliest = earliest ? std::min(*earliest, *until) : *until;
  }
  return earliest;
}

}  // namespace ringhold::switching
