#pragma once

#include <cstdint>

namespace ringhold::net {

/// What the sockets of one worker did since the start. Plain numbers: only the worker's thread touches them.
struct Counters {
  struct Traffic {
    std::uint64_t packets_in = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t packets_out = 0;
    std::uint64_t bytes_out = 0;
  };
  Traffic sip;
  Traffic dns;
  Traffic dhcp;
  std::uint64_t hand_overs = 0;       ///< packets given to other workers
  std::uint64_t hand_overs_lost = 0;  ///< the other one was too far behind
  std::uint64_t sends_lost = 0;       ///< the kernel's buffer was full
  std::uint64_t datagrams_truncated = 0;
  std::uint64_t peers_unreachable = 0;  ///< ICMP, RST, no route
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_opened = 0;
  std::uint64_t connections_over_limit = 0;
  std::uint64_t streams_broken = 0;     ///< could not be framed, or a message never ended
  std::uint64_t connections_idle = 0;   ///< closed for idleness
  std::uint64_t handshakes_failed = 0;  ///< TLS or WebSocket, of both directions; also those that took too long
  std::uint64_t write_queues_full = 0;
  std::uint64_t connections = 0;       ///< open now
  std::uint64_t upstream_sockets = 0;  ///< open now
};

constexpr Counters::Traffic operator+(const Counters::Traffic& a, const Counters::Traffic& b) {
  return {a.packets_in + b.packets_in, a.bytes_in + b.bytes_in, a.packets_out + b.packets_out, a.bytes_out + b.bytes_out};
}
/// Of several workers together.
constexpr Counters operator+(const Counters& a, const Counters& b) {
  return {.sip = a.sip + b.sip,
          .dns = a.dns + b.dns,
          .dhcp = a.dhcp + b.dhcp,
          .hand_overs = a.hand_overs + b.hand_overs,
          .hand_overs_lost = a.hand_overs_lost + b.hand_overs_lost,
          .sends_lost = a.sends_lost + b.sends_lost,
          .datagrams_truncated = a.datagrams_truncated + b.datagrams_truncated,
          .peers_unreachable = a.peers_unreachable + b.peers_unreachable,
          .connections_accepted = a.connections_accepted + b.connections_accepted,
          .connections_opened = a.connections_opened + b.connections_opened,
          .connections_over_limit = a.connections_over_limit + b.connections_over_limit,
          .streams_broken = a.streams_broken + b.streams_broken,
          .connections_idle = a.connections_idle + b.connections_idle,
          .handshakes_failed = a.handshakes_failed + b.handshakes_failed,
          .write_queues_full = a.write_queues_full + b.write_queues_full,
          .connections = a.connections + b.connections,
          .upstream_sockets = a.upstream_sockets + b.upstream_sockets};
}

}  // namespace ringhold::net
