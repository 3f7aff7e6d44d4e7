#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "base/time.hpp"
#include "ringing/local_time.hpp"
#include "ringing/schedule.hpp"

namespace ringhold::agent {

/// What of pushed content a rule looks at.
struct Pushed {
  std::string_view aor;           ///< the account's
  std::string_view content_type;  ///< without parameters
  std::size_t size = 0;           ///< bytes of the body
};

/// Content that this terminal does not take itself (PSH-02): what its user wants elsewhere, or not at all. All that is set has to fit.
struct PushRule {
  std::vector<Text> accounts;       ///< AORs; empty: all
  std::vector<Text> content_types;  ///< patterns as "image/*"; empty: all
  std::size_t larger_than = 0;      ///< bytes
  std::optional<ringing::Schedule> when;
  int status = 302;            ///< 300, 301, 302, or 4xx
  std::vector<Text> contacts;  ///< URIs, the preferred first; none: the push service knows another terminal
  Duration lasts{};            ///< of a 302, beyond this message (Expires); zero: for this one

  bool fits(const Pushed& pushed, const ringing::Calendar& calendar, Instant now) const;
  /// Contact and Expires as whole lines, with q in the order of the list.
  Text headers() const;
};

/// What the handler made of content.
enum class HandlerResult : std::uint8_t {
  taken,
  unsupported,  ///< it knows no such content
  refused,      ///< the user does not want it
  not_now,      ///< nobody is there
  failed,       ///< it could not be asked, or was too slow
};
std::string_view name(HandlerResult result);
struct HandlerOutcome {
  HandlerResult result = HandlerResult::failed;
  Text why{};  ///< for the log: its exit code or answer, or why it could not be asked
};

/// `[agent.push]`.
struct PushSettings {
  std::vector<PushRule> rules;  ///< the first that fits decides
  bool has_handler = false;     ///< a command or a socket takes the rest
  Duration time_limit = 10s;    ///< the handler's
  ringing::Calendar calendar{};
};

/// The first rule that fits; null: the content is taken.
const PushRule* rule_for(const PushSettings& settings, const Pushed& pushed, Instant now);

}  // namespace ringhold::agent
