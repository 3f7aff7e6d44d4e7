#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.hpp"
#include "base/team.hpp"

namespace ringhold {

/// Names one socket of one worker: a UDP listener, a TCP connection, or an upstream query's socket. Never reused while
/// the program runs (but for upstream slots, which the mind numbers itself). Zero: none, the shell finds or opens one.
struct FlowId {
  std::uint64_t number = 0;
  explicit operator bool() const { return number != 0; }
  friend bool operator==(const FlowId&, const FlowId&) = default;
};
struct FlowIdHash {
  std::size_t operator()(FlowId flow) const { return static_cast<std::size_t>(flow.number * 0x9e3779b97f4a7c15U); }
};

enum class Protocol : std::uint8_t { sip, dns, dhcp };

/// With several workers a connection's flow says whose it is; a UDP listener is open at all of them, under one number.
inline constexpr unsigned flow_worker_shift = 48;
constexpr std::uint64_t first_connection_flow(const Team& team) {
  return team.is_alone() ? 0 : (static_cast<std::uint64_t>(team.number) + 1) << flow_worker_shift;
}
constexpr std::optional<WorkerNumber> worker_of(FlowId flow) {
  const std::uint64_t owner = flow.number >> flow_worker_shift;
  if (owner == 0 || owner > most_workers) return std::nullopt;
  return static_cast<WorkerNumber>(owner - 1);
}

/// One whole message as it came: a datagram, or one framed message of a stream. `bytes` is valid during this step only.
struct Packet {
  Protocol protocol = Protocol::sip;
  Transport transport = Transport::udp;
  FlowId flow;
  Endpoint local;
  Endpoint remote;
  std::string_view bytes;
  std::uint8_t handed_over = 0;  ///< how often, from worker to worker
};

/// Where a message goes. With a flow, by that socket; without, the shell takes the listener of that transport that
/// `local` names (UDP), or a connection to `remote` that is open already, else opens one (TCP).
/// DHCP: by the one socket that there is, if there is one.
/// DNS upstream: `flow` is upstream_flow(slot); each send on a slot opens a fresh socket with a random source port (D1).
struct Destination {
  Protocol protocol = Protocol::sip;
  Transport transport = Transport::udp;
  FlowId flow;
  Endpoint local;
  Endpoint remote;
};

/// Flows with this bit are upstream query slots, numbered by the nameserver's mind.
inline constexpr std::uint64_t upstream_flow_bit = 1ULL << 63U;
constexpr FlowId upstream_flow(std::uint32_t slot) { return FlowId{upstream_flow_bit | slot}; }

enum class FlowState : std::uint8_t {
  opened,   ///< a connection was accepted or established
  closed,   ///< it was open and is gone
  refused,  ///< could not send or connect: ICMP unreachable, RST, no route, connect timeout
};

/// What the shell tells the mind about a socket. For `refused` over UDP `remote` says who cannot be reached.
struct FlowChange {
  Protocol protocol = Protocol::sip;
  Transport transport = Transport::udp;
  FlowId flow;
  Endpoint remote;
  FlowState state = FlowState::opened;
};

}  // namespace ringhold
