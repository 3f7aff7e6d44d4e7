#include "shell/observe/log.hpp"

#include <fmt/format.h>
#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <chrono>
#include <ctime>

namespace ringhold::observe {

namespace {

constexpr std::size_t waiting_lines = 8'192;

void begin_line(std::string& line, Severity severity, std::string_view event) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  line.append("time=").append(rfc3339(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()));
  line.append(" level=").append(name(severity)).append(" event=").append(event);
}

}  // namespace

struct Log::Lines {
  std::shared_ptr<spdlog::details::thread_pool> pool = std::make_shared<spdlog::details::thread_pool>(waiting_lines, 1);
  std::shared_ptr<spdlog::async_logger> logger = std::make_shared<spdlog::async_logger>(
      "log", std::make_shared<spdlog::sinks::stderr_sink_mt>(), pool, spdlog::async_overflow_policy::overrun_oldest);
};

std::optional<Severity> parse_severity(std::string_view text) {
  for (const Severity severity : {Severity::debug, Severity::info, Severity::warning, Severity::error})
    if (text == name(severity)) return severity;
  return std::nullopt;
}

std::string_view name(Severity severity) {
  switch (severity) {
    case Severity::debug: return "debug";
    case Severity::info: return "info";
    case Severity::warning: return "warning";
    case Severity::error: return "error";
  }
  return "";
}

void append_value(std::string& line, std::string_view text) {
  const auto is_plain = [](char c) { return c > ' ' && c < '\x7f' && c != '"' && c != '=' && c != '\\'; };
  bool plain = !text.empty();
  for (const char c : text) plain = plain && is_plain(c);
  if (plain) {
    line.append(text);
    return;
  }
  line.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      line.append({'\\', c});
    else if (c == '\n')
      line.append("\\n");
    else if (c == '\r')
      line.append("\\r");
    else if (c == '\t')
      line.append("\\t");
    else if (byte < 0x20 || byte == 0x7f)
      fmt::format_to(std::back_inserter(line), "\\x{:02x}", byte);
    else
      line.push_back(c);
  }
  line.push_back('"');
}

std::string rfc3339(std::int64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1'000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                     utc.tm_sec, unix_ms % 1'000);
}

Log::Log(Severity least) : least_{least}, lines_{std::make_unique<Lines>()} {
  lines_->logger->set_pattern("%v");
  lines_->logger->set_level(spdlog::level::trace);
  lines_->logger->flush_on(spdlog::level::info);
}

Log::~Log() {
  // Ends the thread when everything is written, before what it writes with goes.
  lines_->pool.reset();
}

void Log::send(Severity severity, std::string_view line) {
  lines_->logger->log(severity == Severity::debug ? spdlog::level::debug : spdlog::level::info,
                      spdlog::string_view_t{line.data(), line.size()});
}

void Log::write(const Fact& fact) {
  if (fact.severity < least_) return;
  std::string line;
  begin_line(line, fact.severity, fact.name);
  for (const Field& field : fact.fields) {
    line.append(" ").append(field.key).append("=");
    if (const auto* number = std::get_if<std::int64_t>(&field.value))
      line.append(std::to_string(*number));
    else
      append_value(line, std::get<std::string_view>(field.value));
  }
  send(fact.severity, line);
}

void Log::write(const Outbox& outbox) {
  std::string line;
  for (const Outbox::Note& note : outbox.notes()) {
    if (note.severity < least_) continue;
    line.clear();
    begin_line(line, note.severity, note.name);
    for (const Outbox::NoteField& field : outbox.fields(note)) {
      line.append(" ").append(field.key).append("=");
      if (field.is_number)
        line.append(std::to_string(field.number));
      else
        append_value(line, outbox.text(field));
    }
    send(note.severity, line);
  }
}

std::uint64_t Log::dropped() const { return lines_->pool->overrun_counter(); }

void Log::flush() { lines_->logger->flush(); }

}  // namespace ringhold::observe
