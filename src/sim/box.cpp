#include "sim/box.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "branch_device/team.hpp"

namespace ringhold::sim {

namespace {
constexpr FlowId sip_flow{1};
constexpr FlowId dns_flow{2};
constexpr unsigned most_wakes_per_second = 5'000;
}  // namespace

Box::Box(World& world, const branch_device::Settings& settings, Witness& witness, WorkerNumber minds)
    : world_{world}, settings_{settings}, witness_{witness}, random_{world.random.next()}, pool_{world, bench::box()}, size_{minds} {}

Box::~Box() = default;

void Box::start() {
  if (running()) return;
  started_at_ = world_.clock.now();
  mode_ = "normal";
  world_.ladder.event(started_at_, "box", fmt::format("start with {} rows", store_.size()));
  std::vector<Row> rows;
  for (const auto& [key, columns] : store_) rows.push_back({key.first, columns});
  hire(rows);
  world_.attach(bench::box(), *this);
  for (const auto& mind : minds_) {
    mind->device.start(started_at_, outbox_);
    pump(*mind);
  }
}

void Box::hire(const std::vector<Row>& rows) {
  const std::uint64_t secret = size_ > 1 ? random_.next() | 1U : 0;
  for (WorkerNumber number = 0; number < size_; ++number) {
    minds_.push_back(std::make_unique<Mind>(settings_, random_.next(), Team{number, size_, secret}));
    minds_.back()->device.restore(rows, started_at_);
  }
}

void Box::kill() {
  if (!running()) return;
  world_.ladder.event(world_.clock.now(), "box", "kill -9");
  ++epoch_;
  minds_.clear();
  last_parcel_.clear();
  mode_.clear();
  outbox_.clear();
  pending_.clear();
  promised_.clear();
  is_writing_ = false;
  pool_.clear(Streams::End::told);
  armed_for_.reset();
  port_of_slot_.clear();
  slot_of_port_.clear();
  world_.detach(bench::box());
}

void Box::receive(const Datagram& datagram) {
  Packet packet;
  packet.local = datagram.to;
  packet.remote = datagram.from;
  Mind* mind = minds_.front().get();  // who serves DNS
  if (datagram.connection != 0) {
    packet.transport = Transport::tcp;
    packet.flow = FlowId{datagram.connection};
    packet.local.port = bench::sip_port;
    mind = &mind_for(datagram.from);
  } else if (datagram.to.port == bench::sip_port) {
    packet.flow = sip_flow;
    mind = &mind_for(datagram.from);
  } else if (datagram.to.port == bench::dns_port) {
    packet.protocol = Protocol::dns;
    packet.flow = dns_flow;
  } else {
    const auto upstream = slot_of_port_.find(to_number(datagram.to.port));
    if (upstream == slot_of_port_.end()) return;
    packet.protocol = Protocol::dns;
    packet.flow = FlowId{upstream->second.second};
    mind = minds_[upstream->second.first].get();
  }
  witness_.box_received(datagram);
  receive(*mind, packet, datagram.bytes);
}

void Box::receive(Mind& mind, Packet packet, std::string bytes) {
  packet.bytes = bytes;
  mind.device.receive(packet, world_.clock.now(), outbox_);
  // A view that outlives the step must be seen to be wrong.
  std::fill(bytes.begin(), bytes.end(), '\xdd');
  pump(mind);
}

void Box::give(WorkerNumber from, WorkerNumber to, Parcel parcel) {
  // A worker that is busy looks later; between two of them the order is kept.
  Instant& last = last_parcel_[{from, to}];
  last = std::max(last, world_.clock.now() + world_.random.between(0us, 3ms));
  world_.clock.at(last, [this, epoch = epoch_, to, parcel = std::move(parcel)] {
    if (epoch == epoch_ && running()) deliver(to, parcel);
  });
}

void Box::deliver(WorkerNumber to, const Parcel& parcel) {
  Mind& mind = *minds_[to];
  if (parcel.word == nullptr) return receive(mind, parcel.packet, parcel.bytes);
  mind.device.told(*parcel.word, world_.clock.now(), outbox_);
  pump(mind);
}

void Box::tell_all(const FlowChange& change) {
  for (const auto& mind : minds_) {
    mind->device.connection_changed(change, world_.clock.now(), outbox_);
    pump(*mind);
  }
}

void Box::unreachable(const Endpoint& local, const Endpoint& remote) {
  if (local.port == bench::dns_port) return;
  FlowChange change;
  change.state = FlowState::refused;
  change.remote = remote;
  change.flow = sip_flow;
  if (local.port == bench::sip_port) return tell_all(change);
  const auto upstream = slot_of_port_.find(to_number(local.port));
  if (upstream == slot_of_port_.end()) return;
  change.protocol = Protocol::dns;
  change.flow = FlowId{upstream->second.second};
  Mind& mind = *minds_[upstream->second.first];
  mind.device.connection_changed(change, world_.clock.now(), outbox_);
  pump(mind);
}

void Box::connection_changed(Streams::Id connection, const Endpoint& local, const Endpoint& remote, ConnectionState state) {
  pool_.changed(connection, local, remote, state);
  if (!running()) return;
  FlowChange change;
  change.transport = Transport::tcp;
  change.flow = FlowId{connection};
  change.remote = remote;
  switch (state) {
    case ConnectionState::opened: change.state = FlowState::opened; break;
    case ConnectionState::closed: change.state = FlowState::closed; break;
    case ConnectionState::refused: change.state = FlowState::refused; break;
  }
  tell_all(change);
}

void Box::pump(const Mind& from) {
  const WorkerNumber number = from.team.number;
  for (const Outbox::Note& said : outbox_.notes()) note(said);
  for (const Outbox::Send& sent : outbox_.sends()) send(from, sent);
  for (const Outbox::HandOver& one : outbox_.hand_overs()) give(number, one.to, {one.packet, std::string{outbox_.bytes_of(one)}, nullptr});
  for (const Outbox::Told& one : outbox_.told()) give(number, one.to, {{}, {}, one.word});
  for (const FlowId flow : outbox_.closes()) {
    if ((flow.number & upstream_flow_bit) == 0) pool_.close(flow.number);
    const auto known = port_of_slot_.find({number, flow.number});
    if (known == port_of_slot_.end()) continue;
    slot_of_port_.erase(known->second);
    port_of_slot_.erase(known);
  }
  for (Change& change : outbox_.changes()) keep(std::move(change));
  if (outbox_.promised()) promise(number, *outbox_.promised());
  for (const Text& id : outbox_.settled()) {
    world_.ladder.event(world_.clock.now(), "box", fmt::format("settled {}", id));
    witness_.box_settled(id);
  }
  outbox_.clear();
  arm();
}

void Box::send(const Mind& from, const Outbox::Send& send) {
  const Destination& destination = send.destination;
  Datagram datagram;
  datagram.to = destination.remote;
  datagram.from = {bench::box(), bench::sip_port};
  if (destination.protocol == Protocol::dns) {
    const bool is_upstream = (destination.flow.number & upstream_flow_bit) != 0;
    datagram.from.port = is_upstream ? Port{upstream_port({from.team.number, destination.flow.number})} : bench::dns_port;
  }
  datagram.bytes = std::string{outbox_.message(send)};
  if (destination.protocol == Protocol::sip && destination.transport == Transport::tcp) {
    datagram.connection = destination.flow.number;
    witness_.box_sent(datagram);
    if (!destination.flow)
      pool_.send(datagram.to, std::move(datagram.bytes));
    else if (!pool_.send_on(destination.flow.number, std::move(datagram.bytes)))
      world_.ladder.event(world_.clock.now(), "box", "a message for a connection that is gone");
    return;
  }
  witness_.box_sent(datagram);
  world_.send(std::move(datagram));
}

std::uint16_t Box::upstream_port(const Slot& slot) {
  if (const auto old = port_of_slot_.find(slot); old != port_of_slot_.end()) slot_of_port_.erase(old->second);
  std::uint16_t port = 0;
  do port = static_cast<std::uint16_t>(20'000 + world_.random.below(40'000));
  while (slot_of_port_.contains(port));
  port_of_slot_[slot] = port;
  slot_of_port_[port] = slot;
  return port;
}

void Box::note(const Outbox::Note& said) {
  std::string text;
  std::string_view aor;
  for (const auto& field : outbox_.fields(said)) {
    if (said.name == "mode_changed" && field.key == "to") mode_ = outbox_.text(field);
    if (field.key == "aor") aor = outbox_.text(field);
    if (!world_.ladder.enabled()) continue;
    if (field.is_number)
      text += fmt::format(" {}={}", field.key, field.number);
    else
      text += fmt::format(" {}=\"{}\"", field.key, outbox_.text(field));
  }
  world_.ladder.event(world_.clock.now(), "box", fmt::format("{}{}", said.name, text));
  witness_.box_noted(said.name, aor);
}

void Box::keep(Change change) {
  pending_.push_back(std::move(change));
  write_later();
}

void Box::promise(WorkerNumber number, ChangeId change) {
  promised_[number] = change;
  write_later();
}

void Box::write_later() {
  // The writer commits in groups, in order, at most a second later.
  if (std::exchange(is_writing_, true)) return;
  world_.clock.after(world_.random.between(50ms, 900ms), [this, epoch = epoch_] {
    if (epoch == epoch_ && disk_works_) write();
  });
}

void Box::write() {
  is_writing_ = false;
  for (Change& due : std::exchange(pending_, {})) {
    if (due.columns.empty())
      store_.erase({due.table, due.key});
    else
      store_[{due.table, due.key}] = due.columns.unpacked();
  }
  for (const auto& [number, change] : std::exchange(promised_, {})) {
    // Between the writer's thread and the worker's.
    world_.clock.after(world_.random.between(0us, 3ms), [this, epoch = epoch_, number, change] {
      if (epoch != epoch_) return;
      minds_[number]->device.committed(change, world_.clock.now(), outbox_);
      pump(*minds_[number]);
    });
  }
}

void Box::set_disk(bool works) {
  if (std::exchange(disk_works_, works) == works) return;
  if (!works) disk_fails_since_ = world_.clock.now();
  world_.ladder.event(world_.clock.now(), "box", works ? "the disk works" : "the disk fails");
  // What the failure has held up; a group that was not due yet comes by itself, and finds nothing then.
  if (works && running() && is_writing_) write();
}

void Box::arm() {
  const auto next = next_expiry();
  if (!next || (armed_for_ && *armed_for_ <= *next && *armed_for_ > world_.clock.now())) return;
  // The shell's timers have a millisecond's grain.
  const Instant when = std::max(*next, world_.clock.now() + 1ms);
  armed_for_ = when;
  world_.clock.at(when, [this, epoch = epoch_] { wake(epoch); });
}

void Box::wake(unsigned epoch) {
  if (epoch != epoch_ || !running()) return;
  const Instant now = world_.clock.now();
  if (!armed_for_ || now < *armed_for_) return;
  armed_for_.reset();
  if (now - spin_second_ >= 1s) {
    spin_second_ = now;
    spins_ = 0;
  }
  if (++spins_ == most_wakes_per_second) witness_.box_spins();
  for (const auto& mind : minds_) {
    mind->device.expire(now, outbox_);
    pump(*mind);
  }
}

Instant Box::kept_until() const { return (disk_works_ ? world_.clock.now() : disk_fails_since_) - 1s; }

std::optional<Instant> Box::next_expiry() const {
  std::optional<Instant> next;
  for (const auto& mind : minds_)
    if (const auto one = mind->device.next_expiry(); one && (!next || *one < *next)) next = one;
  return next;
}

branch_device::Answer Box::command(const branch_device::Command& command) {
  const auto only = branch_device::worker_for(command, settings_, {0, size_});
  std::optional<branch_device::Answer> answer;
  for (const auto& mind : minds_) {
    if (only && *only != mind->team.number) continue;
    auto one = mind->device.command(command, world_.clock.now(), outbox_);
    pump(*mind);
    answer = answer ? branch_device::merged(std::move(*answer), std::move(one)) : std::move(one);
  }
  return *answer;
}

branch_device::StatusReport Box::status() { return std::get<branch_device::StatusReport>(command(branch_device::GetStatus{})); }

double Box::metric(std::string_view name) {
  const auto answer = command(branch_device::GetMetrics{});
  double sum = 0;
  for (const auto& sample : std::get<std::vector<branch_device::Sample>>(answer))
    if (sample.name == name)
      for (const auto& [labels, value] : sample.values) sum += value;
  return sum;
}

}  // namespace ringhold::sim
