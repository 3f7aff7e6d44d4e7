#include <cstdio>
#include <string>
#include <string_view>

#include "base/enum_name.hpp"
#include "base/machine.hpp"
#include "calls/check.hpp"
#include "central/mode.hpp"
#include "delivery/attempt.hpp"
#include "switching/switching.hpp"
#include "transaction/invite_client.hpp"
#include "transaction/invite_server.hpp"
#include "transaction/non_invite_client.hpp"
#include "transaction/non_invite_server.hpp"

/// Prints every state machine of the program as Markdown: docs/machines.md is its output.
namespace ringhold {
namespace {

void append_row(std::string& out, std::string_view state, std::string_view event, std::string_view next, std::string_view actions) {
  out.append("| ").append(state).append(" | ").append(event).append(" | ").append(next).append(" | ").append(actions).append(" |\n");
}

template <typename State, State last_state, typename Event, Event last_event, typename Action>
void append_machine(std::string& out, std::string_view title, std::string_view source,
                    const Machine<State, last_state, Event, last_event, Action>& machine) {
  out.append("\n## ").append(title).append("\n").append(source).append("\n\n| state | event | next state | actions |\n|---|---|---|---|\n");
  for (int s = 0; s <= std::to_underlying(last_state); ++s) {
    const auto state = static_cast<State>(s);
    std::string ignored;
    for (int e = 0; e <= std::to_underlying(last_event); ++e) {
      const auto event = static_cast<Event>(e);
      const auto [next, set] = machine.step(state, event);
      if (next == state && set.empty()) {
        ignored.append(ignored.empty() ? "" : ", ").append(enum_name(event));
        continue;
      }
      std::string actions;
      set.for_each([&](Action action) { actions.append(actions.empty() ? "" : ", ").append(enum_name(action)); });
      append_row(out, enum_name(state), enum_name(event), enum_name(next), actions.empty() ? "–" : actions);
    }
    if (!ignored.empty()) append_row(out, enum_name(state), ignored, "·", "ignored");
  }
}

std::string machines() {
  std::string out =
      "# State machines\n"
      "Printed from the tables in the source by `machines_doc`; a test fails when this file differs. Actions are performed in the order\n"
      "in which they stand. What is ignored is listed, so every pair of state and event is here.\n";
  append_machine(out, "INVITE client transaction", "`transaction/invite_client.hpp`: RFC 3261 §17.1.1 with RFC 6026 §7.2.",
                 transaction::invite_client::machine);
  append_machine(out, "INVITE server transaction", "`transaction/invite_server.hpp`: RFC 3261 §17.2.1 with RFC 6026 §7.1.",
                 transaction::invite_server::machine);
  append_machine(out, "Non-INVITE client transaction", "`transaction/non_invite_client.hpp`: RFC 3261 §17.1.2.",
                 transaction::non_invite_client::machine);
  append_machine(out, "Non-INVITE server transaction", "`transaction/non_invite_server.hpp`: RFC 3261 §17.2.2.",
                 transaction::non_invite_server::machine);
  append_machine(out, "Mode of the branch device", "`central/mode.hpp`: what is known of the central site as a whole.",
                 central::mode_machine);
  append_machine(out, "Asking a dialog whether it lives", "`calls/check.hpp`: RST-09, for a terminal that seems to have been restarted.",
                 calls::check_machine);
  append_machine(out, "One request of a delivery",
                 "`delivery/attempt.hpp`: PSH-03 to PSH-12 and PSH-16, what a terminal's answer to pushed content does.",
                 delivery::attempt_machine);
  append_machine(out, "An account of the agent",
                 "`switching/switching.hpp`: SWI-22, when a terminal leaves its server, and for which (decision 0017).",
                 switching::machine);
  return out;
}

}  // namespace
}  // namespace ringhold

int main() {
  const std::string text = ringhold::machines();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}
