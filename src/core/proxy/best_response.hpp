#pragma once

#include <compare>

namespace ringhold::proxy {

/// How good a final response is when no 2xx came (RFC 3261 §16.7 step 6); the smaller rank is forwarded.
/// 6xx first, then 3xx, 4xx, 5xx; among 4xx those that let the caller try again with more information (401, 407, 415,
/// 420, 484) before the rest, 408 and 404 after what a person decided (486, 480); 503 last.
int rank(int status);

/// Whether `status` replaces `best`, where zero means none yet. The first of equals stays.
inline bool is_better(int status, int best) { return best == 0 || rank(status) < rank(best); }

/// What is sent upstream for the best response: 503 of one server is not ours to claim (§16.7 step 6), so it becomes 500.
constexpr int upstream_status(int best) { return best == 503 ? 500 : best; }

}  // namespace ringhold::proxy
