#include "sim/box.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace ringhold::sim {

namespace {
constexpr FlowId sip_flow{1};
constexpr FlowId dns_flow{2};
constexpr unsigned most_wakes_per_second = 5'000;
}  // namespace

Box::Box(World& world, const branch_device::Settings& settings, Witness& witness)
    : world_{world}, settings_{settings}, witness_{witness}, random_{world.random.next()}, pool_{world, bench::box()} {}

Box::~Box() = default;

void Box::start() {
  if (device_) return;
  started_at_ = world_.clock.now();
  mode_ = "normal";
  world_.ladder.event(started_at_, "box", fmt::format("start with {} rows", store_.size()));
  device_ = std::make_unique<branch_device::BranchDevice>(settings_, random_);
  std::vector<Row> rows;
  for (const auto& [key, columns] : store_) rows.push_back({key.first, columns});
  device_->restore(rows, started_at_);
  world_.attach(bench::box(), *this);
  device_->start(started_at_, outbox_);
  pump();
}

void Box::kill() {
  if (!device_) return;
  world_.ladder.event(world_.clock.now(), "box", "kill -9");
  ++epoch_;
  device_.reset();
  mode_.clear();
  outbox_.clear();
  pending_.clear();
  pool_.clear(Streams::End::told);
  armed_for_.reset();
  port_of_flow_.clear();
  flow_of_port_.clear();
  world_.detach(bench::box());
}

void Box::receive(const Datagram& datagram) {
  Packet packet;
  packet.local = datagram.to;
  packet.remote = datagram.from;
  if (datagram.connection != 0) {
    packet.transport = Transport::tcp;
    packet.flow = FlowId{datagram.connection};
    packet.local.port = bench::sip_port;
  } else if (datagram.to.port == bench::sip_port) {
    packet.flow = sip_flow;
  } else if (datagram.to.port == bench::dns_port) {
    packet.protocol = Protocol::dns;
    packet.flow = dns_flow;
  } else {
    const auto upstream = flow_of_port_.find(to_number(datagram.to.port));
    if (upstream == flow_of_port_.end()) return;
    packet.protocol = Protocol::dns;
    packet.flow = FlowId{upstream->second};
  }
  witness_.box_received(datagram);
  std::string buffer = datagram.bytes;
  packet.bytes = buffer;
  device_->receive(packet, world_.clock.now(), outbox_);
  // A view that outlives the step must be seen to be wrong.
  std::fill(buffer.begin(), buffer.end(), '\xdd');
  pump();
}

void Box::unreachable(const Endpoint& local, const Endpoint& remote) {
  FlowChange change;
  change.state = FlowState::refused;
  change.remote = remote;
  change.flow = sip_flow;
  if (local.port == bench::dns_port) return;
  if (local.port != bench::sip_port) {
    const auto upstream = flow_of_port_.find(to_number(local.port));
    if (upstream == flow_of_port_.end()) return;
    change.protocol = Protocol::dns;
    change.flow = FlowId{upstream->second};
  }
  device_->connection_changed(change, world_.clock.now(), outbox_);
  pump();
}

void Box::connection_changed(Streams::Id connection, const Endpoint& local, const Endpoint& remote, ConnectionState state) {
  pool_.changed(connection, local, remote, state);
  if (!device_) return;
  FlowChange change;
  change.transport = Transport::tcp;
  change.flow = FlowId{connection};
  change.remote = remote;
  switch (state) {
    case ConnectionState::opened: change.state = FlowState::opened; break;
    case ConnectionState::closed: change.state = FlowState::closed; break;
    case ConnectionState::refused: change.state = FlowState::refused; break;
  }
  device_->connection_changed(change, world_.clock.now(), outbox_);
  pump();
}

void Box::pump() {
  for (const Outbox::Note& said : outbox_.notes()) note(said);
  for (const Outbox::Send& sent : outbox_.sends()) send(sent);
  for (const FlowId flow : outbox_.closes()) {
    if ((flow.number & upstream_flow_bit) == 0) pool_.close(flow.number);
    const auto known = port_of_flow_.find(flow.number);
    if (known == port_of_flow_.end()) continue;
    flow_of_port_.erase(known->second);
    port_of_flow_.erase(known);
  }
  for (Change& change : outbox_.changes()) keep(std::move(change));
  outbox_.clear();
  arm();
}

void Box::send(const Outbox::Send& send) {
  const Destination& destination = send.destination;
  Datagram datagram;
  datagram.to = destination.remote;
  datagram.from = {bench::box(), bench::sip_port};
  if (destination.protocol == Protocol::dns) {
    const bool is_upstream = (destination.flow.number & upstream_flow_bit) != 0;
    datagram.from.port = is_upstream ? Port{upstream_port(destination.flow)} : bench::dns_port;
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

std::uint16_t Box::upstream_port(FlowId flow) {
  if (const auto old = port_of_flow_.find(flow.number); old != port_of_flow_.end()) flow_of_port_.erase(old->second);
  std::uint16_t port = 0;
  do port = static_cast<std::uint16_t>(20'000 + world_.random.below(40'000));
  while (flow_of_port_.contains(port));
  port_of_flow_[flow.number] = port;
  flow_of_port_[port] = flow.number;
  return port;
}

void Box::note(const Outbox::Note& said) {
  std::string text;
  for (const auto& field : outbox_.fields(said)) {
    if (said.name == "mode_changed" && field.key == "to") mode_ = outbox_.text(field);
    if (!world_.ladder.enabled()) continue;
    if (field.is_number)
      text += fmt::format(" {}={}", field.key, field.number);
    else
      text += fmt::format(" {}=\"{}\"", field.key, outbox_.text(field));
  }
  world_.ladder.event(world_.clock.now(), "box", fmt::format("{}{}", said.name, text));
}

void Box::keep(Change change) {
  pending_.push_back(std::move(change));
  if (pending_.size() > 1) return;
  // The writer commits in groups, in order, at most a second later.
  world_.clock.after(world_.random.between(50ms, 900ms), [this, epoch = epoch_] {
    if (epoch != epoch_) return;
    for (Change& due : std::exchange(pending_, {})) {
      if (due.columns.empty())
        store_.erase({due.table, due.key});
      else
        store_[{due.table, due.key}] = std::move(due.columns);
    }
  });
}

void Box::arm() {
  const auto next = device_->next_expiry();
  if (!next || (armed_for_ && *armed_for_ <= *next && *armed_for_ > world_.clock.now())) return;
  // The shell's timers have a millisecond's grain.
  const Instant when = std::max(*next, world_.clock.now() + 1ms);
  armed_for_ = when;
  world_.clock.at(when, [this, epoch = epoch_] { wake(epoch); });
}

void Box::wake(unsigned epoch) {
  if (epoch != epoch_ || !device_) return;
  const Instant now = world_.clock.now();
  if (!armed_for_ || now < *armed_for_) return;
  armed_for_.reset();
  if (now - spin_second_ >= 1s) {
    spin_second_ = now;
    spins_ = 0;
  }
  if (++spins_ == most_wakes_per_second) witness_.box_spins();
  device_->expire(now, outbox_);
  pump();
}

branch_device::Answer Box::command(const branch_device::Command& command) {
  auto answer = device_->command(command, world_.clock.now(), outbox_);
  pump();
  return answer;
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
