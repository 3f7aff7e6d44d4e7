#include "nameserver/learnt.hpp"

#include <algorithm>

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

bool is_service_owner(const dns::Name& name, const dns::Name& domain) {
  const auto service = name.first_label();
  const dns::Name rest = name.parent();
  const auto protocol = rest.first_label();
  return (equal_ignoring_case(service, "_sip") || equal_ignoring_case(service, "_sips")) && !protocol.empty() && protocol.front() == '_' &&
         rest.parent() == domain;
}

}  // namespace

bool Learnt::is_target(const dns::Name& name) const {
  for (const auto& [unused, set] : sets_) {
    if (set.type != dns::type::srv) continue;
    for (const Text& data : set.data)
      if (const auto srv = dns::Srv::parse(data); srv && srv->target == name) return true;
  }
  return false;
}

bool Learnt::belongs(const dns::Record& record) const {
  switch (record.type) {
    case dns::type::srv: return is_service_owner(record.name, domain_);
    case dns::type::naptr: return record.name == domain_;
    case dns::type::a:
    case dns::type::aaaa: return record.name == domain_ || is_target(record.name);
    default: return false;
  }
}

bool Learnt::learn(const dns::Message& answer, Instant now, Outbox& outbox) {
  bool changed = false;
  // SRV first: addresses belong here only as addresses of their targets.
  for (const bool services : {true, false}) {
    std::vector<RecordSet> found;
    for (const dns::Record& record : answer.records) {
      const bool is_service = record.type == dns::type::srv || record.type == dns::type::naptr;
      if (is_service != services || record.record_class != dns::class_in || !belongs(record)) continue;
      auto set = std::ranges::find_if(found, [&](const RecordSet& one) { return one.type == record.type && one.name == record.name; });
      if (set == found.end()) set = found.insert(found.end(), RecordSet{record.name, record.type, {}, record.ttl, {}});
      set->ttl = std::min(set->ttl, record.ttl);
      if (set->data.size() < max_records) set->data.push_back(record.data);
    }
    for (RecordSet& set : found) {
      set.expires_at = now + std::chrono::seconds{std::min<std::uint32_t>(set.ttl, 86'400)};
      changed = put(std::move(set), outbox) || changed;
    }
  }
  return changed;
}

bool Learnt::put(RecordSet set, Outbox& outbox) {
  std::ranges::sort(set.data);
  const Text id = key(set.name, set.type);
  const auto existing = sets_.find(id);
  const bool changed = existing == sets_.end() || existing->second.data != set.data;
  if (existing == sets_.end() && sets_.size() >= max_sets) return false;
  const Text row_id = set.name.text() + " " + std::to_string(set.type);
  outbox.change(Change{Table::learnt, row_id,
                       {row_id, set.name.text(), static_cast<std::int64_t>(set.type), to_hex(set.data), to_unix_ms(set.expires_at),
                        static_cast<std::int64_t>(set.ttl)}});
  sets_.insert_or_assign(id, std::move(set));
  return changed;
}

const RecordSet* Learnt::find(const dns::Name& name, std::uint16_t type) const {
  const auto found = sets_.find(key(name, type));
  return found == sets_.end() ? nullptr : &found->second;
}

void Learnt::restore(const Row& row, Instant now) {
  if (row.table != Table::learnt || row.columns.size() != 6 || sets_.size() >= max_sets) return;
  const auto* text = std::get_if<Text>(&row.columns[1]);
  const auto* type = std::get_if<std::int64_t>(&row.columns[2]);
  const auto* hex = std::get_if<Text>(&row.columns[3]);
  const auto* expires = std::get_if<std::int64_t>(&row.columns[4]);
  const auto* ttl = std::get_if<std::int64_t>(&row.columns[5]);
  if (text == nullptr || type == nullptr || hex == nullptr || expires == nullptr || ttl == nullptr) return;
  const auto name = dns::Name::from_text(*text);
  auto data = from_hex(*hex);
  if (!name || !data || *type < 0 || *type > 0xffff || *ttl < 0 || *ttl > UINT32_MAX) return;
  RecordSet set{*name, static_cast<std::uint16_t>(*type), std::move(*data), static_cast<std::uint32_t>(*ttl), from_unix_ms(*expires)};
  if (set.expires_at + keep_stale < now) return;
  sets_.insert_or_assign(key(set.name, set.type), std::move(set));
}

}  // namespace ringhold::nameserver
