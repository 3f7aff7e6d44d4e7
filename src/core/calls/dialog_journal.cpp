#include "calls/dialog_journal.hpp"

#include <algorithm>
#include <initializer_list>

#include "base/limits.hpp"
#include "base/row_reader.hpp"
#include "calls/call_record.hpp"

namespace ringhold::calls {

namespace {

constexpr std::int64_t longest_session = 24 * 60 * 60;  // seconds; whatever is longer is no session timer

/// The words of `ringhold status`, in static storage.
std::string_view mode_named(std::string_view name) {
  for (const std::string_view mode : {"normal", "suspect", "survivable", "recovering"})
    if (mode == name) return mode;
  return {};
}

Target parse_place(std::string_view text) { return Target::parse(text).value_or(Target{}); }

}  // namespace

Text dialog_key(const Call& call, std::string_view callee_tag) {
  Text key;
  key.append(call.call_id).append(" ").append(call.from_tag).append(" ").append(callee_tag);
  return key;
}

Change put(const Call& call, const Dialog& dialog, WorkerNumber worker) {
  Change change{Table::dialog, dialog_key(call, dialog.callee_tag), {}};
  Columns& columns = change.columns;
  columns.reserve(1024);
  for (const std::string_view text :
       {std::string_view{change.key}, std::string_view{call.call_id}, std::string_view{call.from_tag}, std::string_view{dialog.callee_tag},
        std::string_view{call.party(Side::caller)}, std::string_view{call.party(Side::callee)}, std::string_view{call.uri(Side::caller)},
        std::string_view{call.uri(Side::callee)}, std::string_view{call.caller_target}, std::string_view{dialog.callee_target},
        std::string_view{dialog.routes}})
    columns.add(text);
  columns.add(call.caller_at.text());
  columns.add(dialog.callee_at.text());
  for (const std::uint32_t number : dialog.cseq) columns.add(std::int64_t{number});
  columns.add(to_unix_ms(call.began));
  columns.add(to_unix_ms(call.since));
  columns.add(std::int64_t{call.session / 1s});
  columns.add(call.mode);
  columns.add(std::string_view{call.legs});
  columns.add(std::int64_t{call.other_aor[0]} + 2 * std::int64_t{call.other_aor[1]});
  columns.add(std::int64_t{worker});
  return change;
}

std::optional<Call> dialog_from_row(const Row& row) {
  if (row.table != Table::dialog) return std::nullopt;
  RowReader reader{row};
  Call call;
  Dialog dialog;
  const Text key = reader.text(limits::sip_message_bytes);
  call.call_id = reader.text(limits::sip_message_bytes);
  call.from_tag = reader.text(limits::sip_message_bytes);
  dialog.callee_tag = reader.text(limits::sip_message_bytes);
  for (Text& party : call.parties) party = reader.text(limits::sip_message_bytes);
  call.uris = reader.text();
  call.uris.append("\n").append(reader.text());
  call.caller_target = reader.text();
  dialog.callee_target = reader.text();
  dialog.routes = reader.text(longest_routes);
  call.caller_at = parse_place(reader.text());
  dialog.callee_at = parse_place(reader.text());
  for (std::uint32_t& number : dialog.cseq) {
    const std::int64_t value = reader.number();
    reader.valid = reader.valid && value >= 0 && value <= INT32_MAX;
    number = static_cast<std::uint32_t>(reader.valid ? value : 0);
  }
  call.began = reader.instant();
  call.since = reader.instant();
  const std::int64_t session = reader.number();
  call.session = session > 0 && session <= longest_session ? std::chrono::seconds{session} : Duration{};
  call.mode = mode_named(reader.text());
  call.legs = reader.text(longest_legs);
  const std::int64_t others = reader.number();
  call.other_aor = {(others & 1) != 0, (others & 2) != 0};
  call.state = CallState::answered;
  call.caller_whole = dialog.whole = true;
  const bool is_clean = std::ranges::all_of(
      std::initializer_list<std::string_view>{key, call.caller_target, dialog.callee_target, dialog.routes},
      [](std::string_view text) { return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; }); });
  const bool has_uris = std::ranges::count(call.uris, '\n') == 1 && call.uris.find('\r') == Text::npos;
  if (!reader.valid || !is_clean || !has_uris || key != dialog_key(call, dialog.callee_tag)) return std::nullopt;
  call.dialogs.push_back(std::move(dialog));
  return call;
}

WorkerNumber worker_of_dialog(const Row& row) {
  const auto* const worker = row.columns.empty() ? nullptr : std::get_if<std::int64_t>(&row.columns.back());
  return worker != nullptr && *worker >= 0 && *worker < most_workers ? static_cast<WorkerNumber>(*worker) : WorkerNumber{0};
}

}  // namespace ringhold::calls
