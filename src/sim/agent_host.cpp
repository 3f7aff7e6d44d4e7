#include "sim/agent_host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ringhold::sim {

namespace {
constexpr FlowId sip_flow{1};
constexpr unsigned most_wakes_per_second = 5'000;
}  // namespace

AgentHost::AgentHost(World& world, unsigned number, const agent::Settings& settings, AgentWitness& witness)
    : world_{world},
      number_{number},
      settings_{settings},
      witness_{witness},
      random_{world.random.next()},
      pool_{world, bench::agent(number)} {}

std::string AgentHost::name() const { return fmt::format("agent{}", number_); }

void AgentHost::start() {
  if (running()) return;
  world_.ladder.event(world_.clock.now(), name(), fmt::format("start with {} rows", rows_.size()));
  agent_.emplace(settings_, random_);
  std::vector<Row> rows;
  for (const auto& [key, columns] : rows_) rows.push_back({Table::agent_account, columns});
  agent_->restore(rows);
  world_.attach(bench::agent(number_), *this);
  witness_.agent_started(number_);
  agent_->start(world_.clock.now(), outbox_);
  pump();
}

void AgentHost::kill() {
  if (!running()) return;
  world_.ladder.event(world_.clock.now(), name(), "kill -9");
  ++epoch_;
  agent_.reset();
  outbox_.clear();
  pool_.clear(Streams::End::told);
  armed_for_.reset();
  port_of_slot_.clear();
  slot_of_port_.clear();
  world_.detach(bench::agent(number_));
  witness_.agent_killed(number_);
}

void AgentHost::network_changed() {
  if (!running()) return;
  world_.ladder.event(world_.clock.now(), name(), "the network has changed");
  agent_->network_changed(world_.clock.now(), outbox_);
  pump();
}

void AgentHost::leave() {
  if (!running()) return;
  world_.ladder.event(world_.clock.now(), name(), "leaves");
  agent_->leave(world_.clock.now(), outbox_);
  pump();
}

void AgentHost::receive(const Datagram& datagram) {
  if (!running()) return;
  Packet packet;
  packet.local = datagram.to;
  packet.remote = datagram.from;
  if (datagram.connection != 0) {
    packet.transport = Transport::tcp;
    packet.flow = FlowId{datagram.connection};
  } else if (const auto slot = slot_of_port_.find(to_number(datagram.to.port)); slot != slot_of_port_.end()) {
    packet.protocol = Protocol::dns;
    packet.flow = FlowId{slot->second};
  } else if (std::ranges::any_of(settings_.uplinks, [&](const Target& one) { return one.endpoint == datagram.to; })) {
    packet.flow = sip_flow;
  } else {
    return;
  }
  witness_.agent_received(number_, datagram);
  std::string bytes = datagram.bytes;
  packet.bytes = bytes;
  agent_->receive(packet, world_.clock.now(), outbox_);
  // A view that outlives the step must be seen to be wrong.
  std::fill(bytes.begin(), bytes.end(), '\xdd');
  pump();
}

void AgentHost::change_flow(const FlowChange& change) {
  agent_->connection_changed(change, world_.clock.now(), outbox_);
  pump();
}

void AgentHost::unreachable(const Endpoint& local, const Endpoint& remote) {
  if (!running()) return;
  FlowChange change;
  change.state = FlowState::refused;
  change.remote = remote;
  change.flow = sip_flow;
  if (const auto slot = slot_of_port_.find(to_number(local.port)); slot != slot_of_port_.end()) {
    change.protocol = Protocol::dns;
    change.flow = FlowId{slot->second};
  }
  change_flow(change);
}

void AgentHost::connection_changed(Streams::Id connection, const Endpoint& local, const Endpoint& remote, ConnectionState state) {
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
  change_flow(change);
}

void AgentHost::pump() {
  for (const Outbox::Note& said : outbox_.notes()) note(said);
  for (const Outbox::Send& sent : outbox_.sends()) send(sent);
  for (const FlowId flow : outbox_.closes()) {
    if ((flow.number & upstream_flow_bit) == 0) pool_.close(flow.number);
    const auto known = port_of_slot_.find(flow.number);
    if (known == port_of_slot_.end()) continue;
    slot_of_port_.erase(known->second);
    port_of_slot_.erase(known);
  }
  for (Change& change : outbox_.changes()) keep(std::move(change));
  outbox_.clear();
  arm();
}

void AgentHost::send(const Outbox::Send& send) {
  const Destination& destination = send.destination;
  Datagram datagram;
  datagram.to = destination.remote;
  datagram.from = destination.local;
  datagram.bytes = std::string{outbox_.message(send)};
  if (destination.protocol == Protocol::dns) {
    datagram.from = {bench::agent(number_), Port{query_port(destination.flow)}};
  } else if (destination.transport == Transport::tcp) {
    datagram.connection = destination.flow.number;
    witness_.agent_sent(number_, datagram);
    if (!destination.flow)
      pool_.send(datagram.to, std::move(datagram.bytes));
    else if (!pool_.send_on(destination.flow.number, std::move(datagram.bytes)))
      world_.ladder.event(world_.clock.now(), name(), "a message for a connection that is gone");
    return;
  }
  witness_.agent_sent(number_, datagram);
  world_.send(std::move(datagram));
}

std::uint16_t AgentHost::query_port(FlowId slot) {
  if (const auto old = port_of_slot_.find(slot.number); old != port_of_slot_.end()) slot_of_port_.erase(old->second);
  std::uint16_t port = 0;
  do port = static_cast<std::uint16_t>(20'000 + world_.random.below(9'000));
  while (slot_of_port_.contains(port));
  port_of_slot_[slot.number] = port;
  slot_of_port_[port] = slot.number;
  return port;
}

void AgentHost::note(const Outbox::Note& said) {
  if (!world_.ladder.enabled()) return;
  std::string text;
  for (const auto& field : outbox_.fields(said))
    text += field.is_number ? fmt::format(" {}={}", field.key, field.number) : fmt::format(" {}=\"{}\"", field.key, outbox_.text(field));
  world_.ladder.event(world_.clock.now(), name(), fmt::format("{}{}", said.name, text));
}

void AgentHost::keep(Change change) {
  // The writer commits in groups, in order, at most a second later: groups of equal length keep the order.
  world_.clock.after(900ms, [this, epoch = epoch_, change = std::move(change)] {
    if (epoch == epoch_) rows_[change.key] = change.columns.unpacked();
  });
}

void AgentHost::arm() {
  const auto next = agent_->next_expiry();
  if (!next || (armed_for_ && *armed_for_ <= *next && *armed_for_ > world_.clock.now())) return;
  // The shell's timers have a millisecond's grain.
  const Instant when = std::max(*next, world_.clock.now() + 1ms);
  armed_for_ = when;
  world_.clock.at(when, [this, epoch = epoch_] { wake(epoch); });
}

void AgentHost::wake(unsigned epoch) {
  if (epoch != epoch_ || !running()) return;
  const Instant now = world_.clock.now();
  if (!armed_for_ || now < *armed_for_) return;
  armed_for_.reset();
  if (now - spin_second_ >= 1s) {
    spin_second_ = now;
    spins_ = 0;
  }
  if (++spins_ == most_wakes_per_second) witness_.agent_spins(number_);
  agent_->expire(now, outbox_);
  pump();
}

std::string AgentHost::evidence() const {
  if (!running()) return name() + " is off";
  std::map<std::string, unsigned> places;
  for (const auto& one : agent_->report(world_.clock.now()).accounts)
    ++places[fmt::format("{} (state {}, last {} {})", one.server ? one.server->text().c_str() : "nowhere", std::to_underlying(one.state),
                         agent::name(one.last.why), one.last.status)];
  std::string text = name() + ":";
  for (const auto& [place, count] : places) text += fmt::format(" {} x {}", count, place);
  return text;
}

}  // namespace ringhold::sim
