#include "app/push_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "app/asking.hpp"

namespace ringhold::app {

namespace {

namespace json = boost::json;

/// Why a terminal was asked.
std::string meaning_of_way(const json::object& step) {
  const std::string via = word(step, "via");
  const std::string hop = word(step, "hop") == "0" ? "" : ", hop " + word(step, "hop");
  if (via == "registered") return "registered" + hop;
  if (via == "redirect") return "redirected to" + hop;
  if (via == "remembered") return "redirect remembered" + hop;
  if (via == "configured") return "configured" + hop;
  if (via == "central") return "through the central site" + hop;
  return via + hop;
}

std::string meaning_of_end(const std::string& why) {
  if (why == "timeout") return "no answer in its time";
  if (why == "unreachable") return "could not be reached";
  if (why == "too-large") return "too large for UDP, and it has no TCP";
  if (why == "not-allowed") return "not sent: outside of the branch, and not in push.allowed";
  return why;
}

std::string meaning_of_reason(const std::string& reason) {
  if (reason == "loop") return "the terminals redirect to each other";
  if (reason == "hops") return "too many redirects, one after another";
  if (reason == "declined") return "one terminal declined for all of them (6xx)";
  if (reason == "refused") return "all terminals refused it";
  if (reason == "unreachable") return "nobody is registered, or nobody answers";
  return reason;
}

std::string seconds(const json::value& milliseconds) {
  return milliseconds.is_null() ? std::string{"-"} : fmt::format("{:.2f} s", milliseconds.to_number<double>() / 1000);
}

std::string outcome_of(const json::object& push) {
  const std::string result = word(push, "result");
  const std::string reason = word(push, "reason");
  const std::string why = reason.empty() ? "" : ": " + meaning_of_reason(reason);
  if (result == "stored") return "stored" + why + "; delivered when he registers, until " + word(push, "expires");
  if (result == "pending") return "under way" + why;
  return result + why;
}

}  // namespace

void print_push(const json::object& push) {
  fmt::print("{}  {} -> {}\n", word(push, "id"), word(push, "from"), word(push, "to"));
  fmt::print("  {}  accepted: {} of {} bytes, {}\n", word(push, "accepted"), word(push, "method"), word(push, "size"),
             word(push, "content_type"));
  const json::array& steps = push.at("steps").as_array();
  std::size_t target = 0, way = 0;
  for (const json::value& value : steps) {
    target = std::max(target, word(value.as_object(), "target").size());
    way = std::max(way, meaning_of_way(value.as_object()).size());
  }
  for (const json::value& value : steps) {
    const json::object& step = value.as_object();
    fmt::print("      {:>8} to {:>8}  {:<{}}  {:<{}}  {:>3}  {}\n", seconds(step.at("after_ms")), seconds(step.at("until_ms")),
               word(step, "target"), target, meaning_of_way(step), way, word(step, "status") == "0" ? "-" : word(step, "status"),
               meaning_of_end(word(step, "why")));
  }
  fmt::print("  {}  {}\n", push.at("ended").is_null() ? "now" : word(push, "ended"), outcome_of(push));
}

std::string redirect_target(const json::object& redirect) {
  std::string text;
  for (const json::value& value : redirect.at("contacts").as_array()) {
    const json::object& contact = value.as_object();
    text += fmt::format("{}{} (q {:.3g}{})", text.empty() ? "" : ", ", word(contact, "uri"), contact.at("q").to_number<double>(),
                        contact.at("until").is_null() ? std::string{} : ", until " + word(contact, "until"));
  }
  return text.empty() ? "any other of his terminals" : text;
}

void print_redirect(const json::object& redirect) {
  fmt::print("  {}  {} wants content sent to {} ({})\n", word(redirect, "since"), word(redirect, "device"), redirect_target(redirect),
             word(redirect, "status"));
  if (word(redirect, "asks_again") == "true") fmt::print("      it was restarted since: the next push asks it first\n");
  if (const std::string failures = word(redirect, "failures"); failures != "0") fmt::print("      failures there in a row: {}\n", failures);
}

}  // namespace ringhold::app
