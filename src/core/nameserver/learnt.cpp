#include "nameserver/learnt.hpp"

#include <algorithm>

#include "nameserver/injection.hpp"

namespace ringhold::nameserver {

namespace {

Text key(const dns::Name& name, std::uint16_t type) { return name.key() + std::to_string(type); }

/// On disk several data stand in one column, in hexadecimal with blanks between.
Text to_hex(const std::vector<Text>& data) {
  static constexpr std::string_view digits = "0123456789abcdef";
  Text hex;
  for (const Text& one : data) {
    if (!hex.empty()) hex.push_back(' ');
    for (const char c : one) {
      const auto byte = static_cast<unsigned char>(c);
      hex.push_back(digits[byte >> 4U]);
      hex.push_back(digits[byte & 15U]);
    }
  }
  return hex;
}

std::optional<std::vector<Text>> from_hex(std::string_view hex) {
  const auto digit = [](char c) { return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  std::vector<Text> data(1);
  for (std::size_t i = 0; i < hex.size();) {
    if (hex[i] == ' ') {
      data.emplace_back();
      ++i;
      continue;
    }
    if (i + 1 >= hex.size() || digit(hex[i]) < 0 || digit(hex[i + 1]) < 0) return std::nullopt;
    data.back().push_back(static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1])));
    i += 2;
  }
  return data;
}

bool is_sound(std::uint16_t type, std::string_view data) {
  switch (type) {
    case dns::type::srv: return dns::Srv::parse(data).has_value();
    case dns::type::a:
    case dns::type::aaaa: return dns::parse_address(type, data).has_value();
    default: return true;
  }
}

Text row_key(const RecordSet& set) { return set.name.text() + " " + std::to_string(set.type); }

}  // namespace

std::uint32_t seconds_left(const RecordSet& set, Instant now) {
  return set.expires_at > now ? static_cast<std::uint32_t>((set.expires_at - now) / 1s) : 0;
}

void Learnt::find_targets() {
  targets_.clear();
  for (const auto& [unused, entry] : sets_) {
    if (entry.set.type != dns::type::srv) continue;
    for (const Text& data : entry.set.data)
      if (const auto srv = dns::Srv::parse(data); srv && !srv->target.is_root()) targets_.insert(srv->target.key());
  }
}

bool Learnt::belongs(const dns::Name& name, std::uint16_t type) const {
  switch (type) {
    case dns::type::srv: return is_service_of(name, domain_);
    case dns::type::naptr: return name == domain_;
    case dns::type::a:
    case dns::type::aaaa: return name == domain_ || is_target(name);
    default: return false;
  }
}

bool Learnt::learn(const dns::Question& question, const dns::Message& answer, Instant now, Outbox& outbox) {
  if (question.record_class != dns::class_in || !belongs(question.name, question.type) || answer.rcode() != dns::Rcode::no_error)
    return false;
  const dns::Name last = last_alias(answer, question.name);
  bool changed = false;
  // What was asked for comes first: addresses in Additional belong here only as addresses of its targets.
  for (const dns::Section section : {dns::Section::answer, dns::Section::additional}) {
    std::vector<RecordSet> found;
    for (const dns::Record& record : answer.records) {
      if (record.section != section || record.record_class != dns::class_in || !is_sound(record.type, record.data)) continue;
      const bool is_asked = section == dns::Section::answer && record.type == question.type && record.name == last;
      const bool is_address = record.type == dns::type::a || record.type == dns::type::aaaa;
      if (!is_asked && !(section == dns::Section::additional && is_address && is_target(record.name))) continue;
      const dns::Name& name = is_asked ? question.name : record.name;
      auto set = std::ranges::find_if(found, [&](const RecordSet& one) { return one.type == record.type && one.name == name; });
      if (set == found.end()) set = found.insert(found.end(), RecordSet{name, record.type, {}, record.ttl, {}});
      set->ttl = std::min(set->ttl, record.ttl);
      if (set->data.size() < max_records) set->data.push_back(record.data);
    }
    for (RecordSet& set : found) {
      set.expires_at = now + std::min<Duration>(std::chrono::seconds{set.ttl}, longest);
      if (!sets_.contains(key(set.name, set.type)) && !make_room(now, outbox)) continue;
      changed = put(std::move(set), outbox) || changed;
    }
  }
  return changed;
}

bool Learnt::make_room(Instant now, Outbox& outbox) {
  if (sets_.size() < max_sets) return true;
  const auto oldest = std::ranges::min_element(sets_, {}, [](const auto& entry) { return entry.second.set.expires_at; });
  if (oldest->second.set.expires_at > now) return false;
  outbox.change(Change{Table::learnt, row_key(oldest->second.set), {}});
  sets_.erase(oldest);
  find_targets();
  return true;
}

bool Learnt::put(RecordSet set, Outbox& outbox) {
  std::ranges::sort(set.data);
  Entry& entry = sets_[key(set.name, set.type)];
  const bool changed = entry.set.data != set.data;
  if (changed || set.expires_at - entry.written >= rewrite_after) {
    const Text row = row_key(set);
    outbox.change(Change{Table::learnt,
                         row,
                         {row, set.name.text(), static_cast<std::int64_t>(set.type), to_hex(set.data), to_unix_ms(set.expires_at),
                          static_cast<std::int64_t>(set.ttl)}});
    entry.written = set.expires_at;
  }
  const bool points = set.type == dns::type::srv;
  entry.set = std::move(set);
  if (changed && points) find_targets();
  return changed;
}

const RecordSet* Learnt::find(const dns::Name& name, std::uint16_t type) const {
  const auto found = sets_.find(key(name, type));
  return found == sets_.end() ? nullptr : &found->second.set;
}

bool Learnt::restore(const Row& row, Instant now) {
  if (row.table != Table::learnt || row.columns.size() != 6 || sets_.size() >= max_sets) return false;
  const auto* text = std::get_if<Text>(&row.columns[1]);
  const auto* type = std::get_if<std::int64_t>(&row.columns[2]);
  const auto* hex = std::get_if<Text>(&row.columns[3]);
  const auto* expires = std::get_if<std::int64_t>(&row.columns[4]);
  const auto* ttl = std::get_if<std::int64_t>(&row.columns[5]);
  if (text == nullptr || type == nullptr || hex == nullptr || expires == nullptr || ttl == nullptr) return false;
  const auto name = dns::Name::from_text(*text);
  auto data = from_hex(*hex);
  constexpr std::int64_t year_2200 = 7'258'118'400'000;  // beyond it the file is not ours
  if (!name || !data || *type < 0 || *type > 0xffff || *ttl < 0 || *ttl > INT32_MAX || *expires < 0 || *expires > year_2200) return false;
  RecordSet set{*name, static_cast<std::uint16_t>(*type), std::move(*data), static_cast<std::uint32_t>(*ttl), from_unix_ms(*expires)};
  const bool is_address = set.type == dns::type::a || set.type == dns::type::aaaa;
  if (!is_address && !belongs(set.name, set.type)) return false;  // of another domain, from before the configuration changed
  if (set.data.size() > max_records || !std::ranges::all_of(set.data, [&](const Text& one) { return is_sound(set.type, one); }))
    return false;
  if (set.expires_at + keep_stale < now) return false;
  set.expires_at = std::min(set.expires_at, now + longest);
  std::ranges::sort(set.data);
  const bool points = set.type == dns::type::srv;
  const Text id = key(set.name, set.type);
  sets_.insert_or_assign(id, Entry{std::move(set), Instant{}});
  if (points) find_targets();
  return true;
}

}  // namespace ringhold::nameserver
