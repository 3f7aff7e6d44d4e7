#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <string>
#include <vector>

#include "branch_device/command.hpp"

namespace ringhold::http {

/// RFC 3339, in UTC.
std::string time_text(Instant instant);
boost::json::value calls_json(const std::vector<branch_device::CallReport>& rows);
/// The last ones first, at most `limit`.
boost::json::value past_calls_json(std::vector<branch_device::PastCallReport> rows, std::size_t limit);
/// The last ones first.
boost::json::value restarts_json(std::vector<branch_device::RestartReport> rows);

}  // namespace ringhold::http
