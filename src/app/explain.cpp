#include "app/explain.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "app/push_report.hpp"

namespace ringhold::app {

namespace {

namespace json = boost::json;

/// What the running program knows that may have to do with it.
struct Knowledge {
  json::array calls;
  json::array past;
  json::array restarts;
  json::array registrations;
  json::array pushes;
  json::array redirects;
};

std::optional<int> fetch(const Asking& asking, const Configuration& configuration, Knowledge& knowledge) {
  const auto get = [&](const std::string& target, json::array& rows) -> std::optional<int> {
    auto answer = ask(asking, configuration, "GET", target, {});
    if (const int* code = std::get_if<int>(&answer)) return *code;
    rows = std::move(std::get<json::value>(answer).as_array());
    return std::nullopt;
  };
  for (const auto& [target, rows] :
       {std::pair{"/api/v1/calls", &knowledge.calls}, std::pair{"/api/v1/calls/past?limit=10000", &knowledge.past},
        std::pair{"/api/v1/restarts", &knowledge.restarts}, std::pair{"/api/v1/registrations", &knowledge.registrations},
        std::pair{"/api/v1/pushes?limit=10000", &knowledge.pushes}, std::pair{"/api/v1/redirects", &knowledge.redirects}})
    if (const auto code = get(target, *rows)) return code;
  return std::nullopt;
}

std::string path(const json::object& row, std::string_view table, std::string_view key) { return word(row.at(table).as_object(), key); }

/// Why a terminal stopped ringing, or did not ring.
std::string_view meaning_of_leg(std::string_view why) {
  if (why == "answered") return "answered";
  if (why == "refused") return "refused";
  if (why == "unanswered") return "nobody answered in its time, or it went away";
  if (why == "silent") return "gave no sign of life, so nobody waited for it";
  if (why == "elsewhere") return "stopped: another one answered, or declined for all";
  if (why == "cancelled") return "stopped: the caller hung up, or was restarted";
  return why;
}

std::string end_of(const json::object& call) {
  const std::string how = word(call, "how");
  const std::string by = word(call, "ended_by");
  if (how == "bye") return "the " + by + " hung up";
  if (how == "lost") return "nobody said BYE; it was forgotten when its time was over";
  if (how == "terminal-restart")
    return "the " + by + "'s terminal was restarted, or is gone, and has lost the call; the other side was told (BYE or CANCEL)";
  const std::string status = word(call, "status");
  if (status == "487") return "the caller hung up before anybody answered";
  if (call.at("legs").as_array().empty()) return "refused with " + status + " before anybody was called";
  return "nobody answered; the best final response was " + status;
}

void print_restart(const json::object& restart) {
  const json::object& calls = restart.at("calls").as_object();
  fmt::print("  {}  seen to restart: its registration came with another Call-ID\n", word(restart, "at"));
  for (const char* key : {"call_id", "cseq", "contact", "source"}) {
    const std::string before = path(restart, "before", key), after = path(restart, "after", key);
    if (before != after) fmt::print("      {:<8} {} -> {}\n", key, before, after.empty() ? "none (it said good-bye)" : after);
  }
  if (const std::string reason = word(restart, "reason"); !reason.empty()) fmt::print("      reason   {}\n", reason);
  fmt::print("      registered for {} s; calls ended {}, left alone {}{}\n", word(restart, "registered_s"), word(calls, "released"),
             word(calls, "kept"), word(calls, "decided") == "true" ? "" : "; still asking");
}

bool is_call(const json::object& call, const std::string& what) { return word(call, "id") == what || word(call, "call_id") == what; }

bool explain_call(const Knowledge& knowledge, const std::string& what, json::array& found, bool prints) {
  for (const json::value& value : knowledge.calls) {
    const json::object& call = value.as_object();
    if (!is_call(call, what)) continue;
    found.push_back(call);
    if (prints)
      fmt::print("{}  {} -> {}  is {}, since {}\n", word(call, "call_id"), word(call, "caller"), word(call, "callee"),
                 word(call, "state") == "ringing" ? "ringing" : "up", word(call, "since"));
  }
  for (const json::value& value : knowledge.past) {
    const json::object& call = value.as_object();
    if (!is_call(call, what)) continue;
    found.push_back(call);
    if (!prints) continue;
    fmt::print("{}  {} -> {}\n  {}  called, in mode {}\n", word(call, "call_id"), word(call, "caller"), word(call, "callee"),
               word(call, "began"), word(call, "mode"));
    for (const json::value& one : call.at("legs").as_array()) {
      const json::object& leg = one.as_object();
      fmt::print("      {:>6.1f} s to {:>6.1f} s  {}  {} {}\n", leg.at("after_ms").to_number<double>() / 1000,
                 leg.at("until_ms").to_number<double>() / 1000, word(leg, "uri"), word(leg, "status"), meaning_of_leg(word(leg, "why")));
    }
    if (!call.at("answered").is_null()) fmt::print("  {}  answered\n", word(call, "answered"));
    fmt::print("  {}  ended: {}\n", word(call, "ended"), end_of(call));
    if (word(call, "how") != "terminal-restart") continue;
    const std::string lost = word(call, word(call, "ended_by"));
    for (const json::value& restart : knowledge.restarts)
      if (word(restart.as_object(), "aor") == lost) {
        print_restart(restart.as_object());
        break;
      }
  }
  return !found.empty();
}

/// Where a type comes from (RNG-09).
std::string meaning_of_source(const std::string& source) {
  if (source == "administrator") return "as the administrator says";
  if (source == "otherwise") return "nothing says what it is";
  return "as its " + source + " says";
}

/// Whether a row of registrations or restarts is of that phone.
bool is_phone(const json::object& row, const std::string& what, const std::string& aor) {
  if (word(row, "aor") == aor || word(row, "device") == what) return true;
  const auto has = [&](const json::value* text) {
    return text != nullptr && text->is_string() && word(*text).find(what) != std::string::npos;
  };
  const json::value* const after = row.if_contains("after");
  const json::object& place = after != nullptr ? after->as_object() : row;
  return what.find_first_of(".:") != std::string::npos && (has(place.if_contains("contact")) || has(place.if_contains("source")));
}

void print_registration(const json::object& row) {
  fmt::print("{}  at {}\n", word(row, "aor"), word(row, "contact"));
  fmt::print("  registered from {} for {} s more, {}\n", word(row, "source"), word(row, "expires_in"), word(row, "user_agent"));
  fmt::print("  is of type {} ({}); trust: {}\n", word(row, "type").empty() ? "-" : word(row, "type"),
             meaning_of_source(word(row, "type_source")), word(row, "trust"));
  fmt::print("  Call-ID {}, CSeq {}\n", word(row, "call_id"), word(row, "cseq"));
}

int explain_phone(const Asking& asking, const Configuration& configuration, const Knowledge& knowledge, const std::string& what) {
  const std::string aor = what.starts_with("sip:") ? what : "sip:" + what + "@" + configuration.branch.branch.domain;
  const auto those = [](const json::array& rows, auto&& belongs) {
    json::array found;
    for (const json::value& row : rows)
      if (belongs(row.as_object())) found.push_back(row);
    return found;
  };
  const auto of_phone = [&](const json::object& row) { return is_phone(row, what, aor); };
  const json::array registrations = those(knowledge.registrations, of_phone), restarts = those(knowledge.restarts, of_phone);
  const json::array redirects =
      those(knowledge.redirects, [&](const json::object& row) { return word(row, "aor") == aor || word(row, "device") == what; });
  const json::array pushes = those(knowledge.pushes, [&](const json::object& row) { return word(row, "to") == aor; });
  const bool any = !registrations.empty() || !restarts.empty() || !redirects.empty() || !pushes.empty();
  if (asking.json) {
    print_json({{"registrations", registrations}, {"restarts", restarts}, {"redirects", redirects}, {"pushes", pushes}});
    return any ? done : failed;
  }
  if (!any) {
    fmt::print(
        stderr,
        "ringhold: no call, push or phone is known as \"{}\"; expected a Call-ID (ringhold calls, ringhold calls --past), the id of a "
        "push (ringhold push list) or a user, AOR, address or device (ringhold registrations)\n",
        what);
    return failed;
  }
  if (registrations.empty()) fmt::print("nothing is registered here as {}\n", what);
  for (const json::value& row : registrations) print_registration(row.as_object());
  for (const json::value& row : restarts) print_restart(row.as_object());
  for (const json::value& row : redirects) print_redirect(row.as_object());
  for (const json::value& row : pushes) print_push(row.as_object());
  return done;
}

}  // namespace

int explain(const Asking& asking, const std::string& what) {
  const auto configuration = configuration_of(asking);
  if (!configuration) return invalid_configuration;
  Knowledge knowledge;
  if (const auto code = fetch(asking, *configuration, knowledge)) return *code;
  json::array calls;
  if (explain_call(knowledge, what, calls, !asking.json)) {
    if (asking.json) print_json({{"calls", calls}});
    return done;
  }
  for (const json::value& push : knowledge.pushes)
    if (word(push.as_object(), "id") == what) {
      if (asking.json)
        print_json({{"pushes", json::array{push}}});
      else
        print_push(push.as_object());
      return done;
    }
  return explain_phone(asking, *configuration, knowledge, what);
}

}  // namespace ringhold::app
