#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "agent/push_rules.hpp"
#include "base/outbox.hpp"

namespace ringhold::process {

/// One of both is set.
struct HandlerSettings {
  std::string command{};  ///< an executable file; it gets no arguments
  std::string socket{};   ///< of a program that listens
  Duration time_limit = 10s;
};

/// What it made of the content, as the exit codes of <sysexits.h> have it: 0 taken, 65 (EX_DATAERR) unsupported, 77 (EX_NOPERM) refused,
/// 75 (EX_TEMPFAIL) not now, all others failed.
agent::HandlerResult result_of_exit(int code);
/// The same as the status line of a program behind a socket: "200", "415", "403", "480".
agent::HandlerResult result_of_line(std::string_view line);

/// Runs commands, or asks a socket, in a thread of its own; several at a time.
class Handler {
 public:
  /// Called in that thread, once for each content: whoever made the handler passes it on to the mind, which the shell does not know.
  using Done = std::function<void(std::uint64_t id, const agent::HandlerOutcome& outcome)>;

  Handler(const HandlerSettings& settings, Done done);
  ~Handler();

  /// From any thread.
  void take(Outbox::HandOut content);
  /// What runs is ended. Safe to call twice.
  void stop();

 private:
  class Desk;
  std::unique_ptr<Desk> desk_;
};

}  // namespace ringhold::process
