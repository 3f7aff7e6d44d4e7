// What the store and the records hear of calls (C6, X5).
#include <utility>

#include "calls/call_table.hpp"
#include "calls/dialog_journal.hpp"
#include "sip/uri.hpp"

namespace ringhold::calls {

namespace {

/// Who calls or is called, as the INVITE said it.
Text shown(const Call& call, Side side) {
  if (!call.other_aor[index_of(side)]) return call.party(side);
  const auto uri = sip::Uri::parse(call.uri(side));
  return (uri ? sip::address_of_record(*uri) : std::nullopt).value_or(Text{call.uri(side)});
}

}  // namespace

bool CallTable::is_of(const Row& row, WorkerNumber worker, WorkerNumber workers) {
  if (row.table == Table::dialog) return worker_of_dialog(row) % workers == worker;
  const Text* const id = row.columns.empty() ? nullptr : std::get_if<Text>(&row.columns[0]);
  if (id == nullptr || id->empty()) return worker == 0;
  const char last = id->back();
  const int digit = is_digit(last) ? last - '0' : last >= 'a' && last <= 'f' ? last - 'a' + 10 : 0;
  return digit % workers == worker;
}

Text CallTable::next_record_id(Instant began) {
  // As texts they are in order for the next centuries; several may begin in one millisecond, and at several workers.
  return hex_digits(static_cast<std::uint64_t>(to_unix_ms(began)) << 20U | (next_record_++ & 0xffffU) << 4U | (worker_ & 0xfU));
}

void CallTable::turned_away(const sip::Message& invite, std::string_view caller, std::string_view callee, std::string_view mode, int status,
                            Instant now, Outbox& outbox) {
  if (!log_.admits(now)) return;
  log_.add({.id = next_record_id(now),
            .call_id = Text{invite.call_id().substr(0, longest_text)},
            .caller = Text{caller.substr(0, longest_text)},
            .callee = Text{callee.substr(0, longest_text)},
            .began = now,
            .answered = std::nullopt,
            .ended = now,
            .how = End::refused,
            .by = EndedBy::nobody,
            .status = status,
            .mode = Text{mode},
            .legs = {}},
           outbox);
}

CallRecord CallTable::record_of(const Call& call, End how, EndedBy by, int status, Instant now) {
  const bool answered = call.state == CallState::answered;
  return {.id = next_record_id(call.began),
          .call_id = call.call_id.substr(0, longest_text),
          .caller = shown(call, Side::caller).substr(0, longest_text),
          .callee = shown(call, Side::callee).substr(0, longest_text),
          .began = call.began,
          .answered = answered ? std::optional{call.since} : std::nullopt,
          .ended = now,
          .how = how,
          .by = by,
          .status = answered ? 200 : status,
          .mode = Text{call.mode},
          .legs = call.legs.substr(0, longest_legs)};
}

void CallTable::keep(Call& call, const Dialog& dialog, Instant now, Outbox& outbox) const {
  // Without its way back it could not be released, so that it may as well be forgotten with us.
  if (!outbox.keeps_changes() || !call.is_whole(dialog)) return;
  call.kept_at = now;
  outbox.change(put(call, dialog, worker_));
}

void CallTable::forget(const Call& call, const Dialog& dialog, Outbox& outbox) {
  if (outbox.keeps_changes()) outbox.change({Table::dialog, dialog_key(call, dialog.callee_tag), {}});
}

void CallTable::restore(const Row& row, Instant now, Outbox& outbox) {
  if (row.table == Table::call) return log_.restore(row, outbox);
  auto kept = dialog_from_row(row);
  const std::uint32_t index = kept ? find_index(kept->call_id, kept->from_tag) : Index::none;
  bool is_taken = false;
  if (index != Index::none) {
    Call& call = calls_.at(index);
    is_taken = call.dialogs.size() < dialogs_per_call;
    if (is_taken) call.dialogs.push_back(std::move(kept->dialogs.front()));
  } else if (kept) {
    renew(*kept, now);
    is_taken = static_cast<bool>(track(std::move(*kept)));
  }
  const Text* const key = row.columns.empty() ? nullptr : std::get_if<Text>(&row.columns[0]);
  if (!is_taken && key != nullptr) outbox.change({Table::dialog, *key, {}});
}

}  // namespace ringhold::calls
