#include "shell/net/hand_over.hpp"

#include <utility>

namespace ringhold::net {

Batch::Bytes Batch::keep(std::string_view bytes) {
  const Bytes kept{static_cast<std::uint32_t>(text.size()), static_cast<std::uint32_t>(bytes.size())};
  text.append(bytes);
  return kept;
}

void Batch::clear() {
  items.clear();
  text.clear();
}

HandOver::HandOver(WorkerNumber workers) : workers_{workers} {
  for (std::size_t i = 0; i < std::size_t{workers} * workers; ++i) lanes_.push_back(std::make_unique<Lane>());
}

void HandOver::wake(WorkerNumber to) {
  if (!awake_[to].exchange(true)) wake_[to]();
}

bool HandOver::flush(WorkerNumber from) {
  bool some_stayed = false;
  for (WorkerNumber to = 0; to < workers_; ++to) {
    if (to == from) continue;
    const Given given = give(lane(from, to));
    if (given != Given::nothing) wake(to);
    some_stayed = some_stayed || given == Given::no_room;
  }
  return some_stayed;
}

HandOver::Given HandOver::give(Lane& lane) {
  if (lane.next.items.empty()) return Given::nothing;
  if (lane.ring.write_available() == 0) return Given::no_room;
  Batch* batch = nullptr;
  if (!lane.empties.pop(batch)) batch = lane.made.emplace_back(std::make_unique<Batch>()).get();
  std::swap(*batch, lane.next);
  lane.ring.push(batch);
  return Given::all;
}

}  // namespace ringhold::net
