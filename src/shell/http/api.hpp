#pragma once

#include <functional>
#include <string>

#include "branch_device/command.hpp"
#include "shell/http/server.hpp"
#include "shell/net/counters.hpp"
#include "shell/store/writer.hpp"

namespace ringhold::http {

/// What the API needs of the running program. `ask` is answered by the worker; false when it did not in time.
struct Program {
  std::string version;
  std::function<bool(const branch_device::Command& command, branch_device::Answer& answer, net::Counters& counters)> ask;
  std::function<bool()> keep;  ///< waits until what was changed is on disk; false: it is not
  std::function<store::StoreState()> store;
  std::function<std::uint64_t()> log_dropped;
};

/// Turns requests into commands and answers into JSON: interfaces of docs/http-api.md. The program outlives what comes later.
Reply handle(const Program& program, const Request& request);
/// The mind's refusal as a problem document.
Response refusal_of(const branch_device::Refused& refused);

/// The page that shows mode, central servers, phones and calls; reads the API.
std::string_view status_page();

}  // namespace ringhold::http
