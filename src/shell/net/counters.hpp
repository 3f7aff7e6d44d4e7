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
  std::uint64_t sends_lost = 0;  ///< the kernel's buffer was full
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

}  // namespace ringhold::net
