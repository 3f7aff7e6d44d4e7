#include "delivery/push_record.hpp"

#include <algorithm>
#include <array>

#include "base/row_reader.hpp"

namespace ringhold::delivery {

namespace {

constexpr std::size_t longest_steps = 32'768;
constexpr std::size_t longest_uri = 512;  ///< what a terminal says of an address; more is cut

std::int64_t milliseconds(Duration duration) { return duration / 1ms; }

/// "URI VIA HOP STATUS AFTER_MS UNTIL_MS WHY" in lines; a URI has no space.
Text lines_of(const PushRecord& record) {
  Text lines;
  for (const Step& step : record.steps) {
    lines.append(std::string_view{step.target.uri}.substr(0, longest_uri)).append(" ").append(name(step.target.via));
    for (const std::int64_t number : {std::int64_t{step.target.hop}, std::int64_t{step.status},
                                      milliseconds(step.sent_at - record.began_at), milliseconds(step.ended_at - record.began_at)})
      lines.append(" ").append(std::to_string(number));
    lines.append(" ").append(name(step.why)).append("\n");
  }
  return lines;
}

std::optional<Step> step_of(std::string_view line, Instant began) {
  std::array<std::string_view, 7> words;
  for (std::string_view& word : words) {
    word = line.substr(0, line.find(' '));
    line.remove_prefix(std::min(word.size() + 1, line.size()));
  }
  const auto via = parse_via(words[1]);
  const auto hop = parse_number<unsigned>(words[2], most_hops + 1);
  const auto status = parse_number<unsigned>(words[3], 699);
  const auto after = parse_number<std::int64_t>(words[4], std::int64_t{1} << 43U);
  const auto until = parse_number<std::int64_t>(words[5], std::int64_t{1} << 43U);
  const auto why = parse_why(words[6]);
  if (!via || !hop || !status || !after || !until || !why) return std::nullopt;
  return Step{.target = {Text{words[0]}, {}, *via, *hop},
              .state = AttemptState::ended,
              .why = *why,
              .status = static_cast<int>(*status),
              .sent_at = began + std::chrono::milliseconds{*after},
              .ended_at = began + std::chrono::milliseconds{*until}};
}

}  // namespace

PushRecord record_of(const Message& message, Instant now) {
  return {.id = message.id,
          .aor = message.aor,
          .sender = message.sender,
          .method = message.method,
          .content_type = Text{message.content_type()},
          .size = message.body.size(),
          .accepted_at = message.accepted_at,
          .began_at = now,
          .ended_at = now,
          .is_delivered = false,
          .reason = Reason::none,
          .steps = {},
          .key = message.key};
}

Change put(const PushRecord& record) {
  return {Table::push_record,
          record.id,
          {record.id, record.aor, record.sender, Text{name(record.method)}, record.content_type, static_cast<std::int64_t>(record.size),
           to_unix_ms(record.accepted_at), to_unix_ms(record.ended_at), Text{record.is_delivered ? "delivered" : "failed"},
           Text{name(record.reason)}, lines_of(record), record.key}};
}

std::optional<PushRecord> record_from_row(const Row& row) {
  RowReader reader{row};
  PushRecord record;
  record.id = reader.text();
  record.aor = reader.text();
  record.sender = reader.text(longest_uri);
  const auto method = parse_method(reader.text());
  record.content_type = reader.text();
  record.size = static_cast<std::size_t>(reader.number());
  record.accepted_at = reader.instant();
  record.ended_at = reader.instant();
  record.is_delivered = reader.text() == "delivered";
  const auto reason = parse_reason(reader.text());
  const Text lines = reader.text(longest_steps);
  record.key = reader.text(longest_key);
  if (!reader.valid || !method || !reason || record.id.empty()) return std::nullopt;
  record.method = *method;
  record.reason = *reason;
  record.began_at = record.accepted_at;
  for (std::string_view rest = lines; !rest.empty() && record.steps.size() < most_steps;) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    if (auto step = step_of(line, record.began_at)) record.steps.push_back(*std::move(step));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
  return record;
}

void PushLog::put(PushRecord record, Outbox& outbox) {
  if (outbox.keeps_changes()) outbox.change(delivery::put(record));
  if (!record.key.empty()) by_key_.insert_or_assign(record.key, record.id);
  insert(std::move(record));
  keep_within_bound(outbox);
}

void PushLog::insert(PushRecord record) {
  // Nearly in order: one that took long ends after later ones.
  auto place = records_.end();
  while (place != records_.begin() && std::prev(place)->id >= record.id) --place;
  if (place != records_.end() && place->id == record.id)
    *place = std::move(record);
  else
    records_.insert(place, std::move(record));
}

void PushLog::restore(const Row& row, Outbox& outbox) {
  auto record = record_from_row(row);
  if (!record) return;
  if (!record->key.empty()) by_key_.insert_or_assign(record->key, record->id);
  insert(*std::move(record));
  keep_within_bound(outbox);
}

const PushRecord* PushLog::find(std::string_view id) const {
  const auto found = std::ranges::lower_bound(records_, id, {}, &PushRecord::id);
  return found != records_.end() && found->id == id ? &*found : nullptr;
}

const PushRecord* PushLog::find_key(std::string_view key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : find(found->second);
}

void PushLog::keep_within_bound(Outbox& outbox) {
  while (records_.size() > most_) {
    const PushRecord& oldest = records_.front();
    if (outbox.keeps_changes()) outbox.change({Table::push_record, oldest.id, {}});
    if (const auto known = by_key_.find(oldest.key); known != by_key_.end() && known->second == oldest.id) by_key_.erase(known);
    records_.pop_front();
  }
}

}  // namespace ringhold::delivery
