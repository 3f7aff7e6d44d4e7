#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

/// Every bound that is not a setting, with the behaviour at the bound. Each has a test where it is enforced.
namespace ringhold::limits {

inline constexpr std::size_t sip_message_bytes = 65'535;     ///< larger: 513, or the connection is closed
inline constexpr std::size_t sip_header_lines = 256;         ///< more: 400
inline constexpr std::size_t sip_transactions = 200'000;     ///< more: 503 with Retry-After
inline constexpr Duration transaction_rest = 1s;             ///< an answered one absorbs repetitions so long even at that bound
inline constexpr std::size_t call_records = 10'000;          ///< calls that ended; the oldest are forgotten
inline constexpr std::size_t fork_targets = 16;              ///< more contacts than this are not rung
inline constexpr std::size_t bindings = 1'000'000;           ///< more: 503
inline constexpr std::size_t event_subscriptions = 1'000;    ///< more: 503 with Retry-After
inline constexpr std::size_t users = 1'000'000;              ///< more are not taken
inline constexpr std::size_t nonce_counts = 65'536;          ///< more nonces in use: the earlier one is stale
inline constexpr std::size_t failure_buckets = 4'096;        ///< more guessers share them
inline constexpr std::size_t auth_sources = 1'000'000;       ///< more are challenged each time
inline constexpr std::size_t known_devices = 20'000;         ///< more are not learnt
inline constexpr std::size_t redirects = 100'000;            ///< more are not remembered
inline constexpr std::size_t pushes = 20'000;                ///< being delivered; more: 503
inline constexpr std::size_t push_records = 10'000;          ///< pushes that ended; the oldest are forgotten
inline constexpr std::size_t calls = 100'000;                ///< more: the call passes untracked, counted
inline constexpr std::size_t dns_queries_in_flight = 1'024;  ///< more: SERVFAIL
inline constexpr std::size_t dns_queries_per_client = 128;   ///< more: dropped, counted
inline constexpr std::size_t dns_cache_entries = 10'000;     ///< more: the oldest goes
inline constexpr std::uint32_t cseq_reserve = 100;           ///< numbers of an account's REGISTERs that are put aside on disk at a time
inline constexpr std::size_t connections = 10'000;           ///< more: the newest is closed
inline constexpr Duration connection_idle = 15min;           ///< then an idle SIP connection is closed

}  // namespace ringhold::limits
