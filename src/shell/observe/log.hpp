#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/outbox.hpp"

namespace ringhold::observe {

std::optional<Severity> parse_severity(std::string_view name);
std::string_view name(Severity severity);

/// `text` as a logfmt value: bare, or quoted and escaped when it is empty or has blanks, quotes, '=' or control characters.
void append_value(std::string& line, std::string_view text);
/// UTC, with milliseconds: 2026-11-20T22:29:01.123Z.
std::string rfc3339(std::int64_t unix_ms);

/// One line of logfmt per fact, to stderr, by a thread of its own. Any thread may write; nobody waits. Of more than
/// 8 192 waiting lines the oldest go, and are counted.
class Log {
 public:
  explicit Log(Severity least);
  ~Log();

  void write(const Fact& fact);
  /// All notes of an outbox.
  void write(const Outbox& outbox);
  std::uint64_t dropped() const;
  /// Waits until what was written has left.
  void flush();

 private:
  void send(Severity severity, std::string_view line);
  struct Lines;
  Severity least_;
  std::unique_ptr<Lines> lines_;
};

}  // namespace ringhold::observe
