#pragma once

#include <boost/json.hpp>
#include <string>

namespace ringhold::app {

/// What became of a push, step by step, as the API tells it (P7).
void print_push(const boost::json::object& push);
/// Where a terminal wants its content (P5).
void print_redirect(const boost::json::object& redirect);
/// The addresses of a redirect in one line.
std::string redirect_target(const boost::json::object& redirect);

}  // namespace ringhold::app
