#pragma once

#include <cstddef>

#include "base/time.hpp"

/// Bounds of the sockets, with the behaviour at the bound; those that users may rely on stand in base/limits.hpp.
namespace ringhold::net::bounds {

inline constexpr std::size_t dns_connections = 1'000;                ///< of limits::connections; more: the newest is closed
inline constexpr std::size_t write_queue_bytes = 256U * 1024;        ///< of one connection; more: it is closed
inline constexpr std::size_t held_bytes = 16U * 1024;                ///< of one connection in one batch; more: written before its end
inline constexpr std::size_t all_write_queues_bytes = 64U << 20U;    ///< more: the connection that wants more is closed
inline constexpr std::size_t upstream_sockets = 2'048;               ///< more: the send is reported as refused
inline constexpr std::size_t websocket_handshake_bytes = 8U * 1024;  ///< more: 431 and closed
inline constexpr Duration dns_idle = 10s;                            ///< RFC 7766 §6.2.3: then an idle connection is closed
inline constexpr Duration connect_timeout = 4s;                      ///< then the connection counts as refused
inline constexpr Duration handshake_timeout = 10s;                   ///< of TLS and WebSocket together; then closed
inline constexpr Duration first_message = 30s;                       ///< an accepted connection that says nothing: closed
inline constexpr Duration partial_message = 30s;                     ///< a message begun and not ended by then: closed
inline constexpr Duration websocket_ping = 60s;                      ///< after so long a silence a browser is asked
inline constexpr Duration closing = 5s;                              ///< what is not written by then is lost
inline constexpr std::chrono::milliseconds flush_at_the_end{500};    ///< SIGTERM: what is not written by then is lost
inline constexpr Duration said_once = 60s;                           ///< a warning about a server that TLS refuses
inline constexpr Duration upstream_socket = 60s;                     ///< a slot that nobody closed
inline constexpr unsigned rounds_per_turn = 8;                       ///< then the loop serves other sockets first

}  // namespace ringhold::net::bounds
