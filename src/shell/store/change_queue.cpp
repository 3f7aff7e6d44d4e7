#include "shell/store/change_queue.hpp"

#include "shell/store/schema.hpp"

namespace ringhold::store {

void ChangeQueue::put(Change change) {
  Key key{change.table, change.key};
  const bool promised = is_promised(change.table);
  if (const auto waiting = changes_.find(key); waiting != changes_.end()) {
    waiting->second = std::move(change);
  } else if (changes_.size() >= capacity_ + (promised ? promised_capacity_ : 0)) {
    ++dropped_;
    promised_dropped_ += promised ? 1 : 0;
  } else {
    changes_.emplace(std::move(key), std::move(change));
  }
}

void ChangeQueue::put_back(std::vector<Change> changes) {
  for (Change& change : changes) {
    Key key{change.table, change.key};
    if (!changes_.contains(key)) put(std::move(change));
  }
}

std::vector<Change> ChangeQueue::take(std::size_t most) {
  std::vector<Change> taken;
  for (auto next = changes_.begin(); next != changes_.end() && taken.size() < most;) {
    taken.push_back(std::move(next->second));
    changes_.erase(next++);
  }
  return taken;
}

}  // namespace ringhold::store
