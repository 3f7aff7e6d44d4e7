#include "dns/message.hpp"

#include <algorithm>
#include <array>

namespace ringhold::dns {

namespace {

constexpr std::uint32_t longest_ttl = 0x7fff'ffff;  // RFC 2181 §8: above it is zero

Error bad(std::size_t offset, std::string_view what) { return Error{"message", static_cast<std::uint32_t>(offset), what}; }

std::uint16_t word(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8U | static_cast<unsigned char>(bytes[at + 1]));
}

void append_word(Text& out, std::size_t value) {
  out.push_back(static_cast<char>(value >> 8U & 0xffU));
  out.push_back(static_cast<char>(value & 0xffU));
}

/// Where names stand in the RDATA of types that may compress them (RFC 3597 §4): so many bytes, then so many names.
struct Layout {
  std::size_t before;
  std::size_t names;
};
std::optional<Layout> layout(std::uint16_t record_type) {
  switch (record_type) {
    case type::ns:
    case type::cname:
    case type::ptr:
    case type::dname: return Layout{0, 1};
    case type::soa: return Layout{0, 2};
    case type::mx: return Layout{2, 1};
    case type::srv: return Layout{6, 1};
    default: return std::nullopt;
  }
}

/// NAPTR (RFC 3403 §4.1): order, preference, three character strings, one name; receivers decompress it (RFC 3597 §4).
std::size_t before_naptr_name(std::string_view bytes, std::size_t at, std::size_t size) {
  std::size_t before = 4;
  for (int strings = 0; strings < 3; ++strings) {
    if (before >= size) return size;
    before += 1 + static_cast<unsigned char>(bytes[at + before]);
  }
  return std::min(before, size);
}

Result<Text> read_data(std::string_view bytes, std::size_t at, std::size_t size, std::uint16_t record_type) {
  if (record_type == type::a && size != 4) return std::unexpected(bad(at, "A record is not four bytes"));
  if (record_type == type::aaaa && size != 16) return std::unexpected(bad(at, "AAAA record is not sixteen bytes"));
  auto names = layout(record_type);
  if (record_type == type::naptr) names = Layout{before_naptr_name(bytes, at, size), 1};
  if (!names) return Text{bytes.substr(at, size)};
  if (size < names->before) return std::unexpected(bad(at, "record data is too short"));
  Text data{bytes.substr(at, names->before)};
  std::size_t offset = at + names->before;
  for (std::size_t i = 0; i < names->names; ++i) {
    const auto name = Name::read(bytes, offset);
    if (!name) return std::unexpected(name.error());
    data.append(name->wire());
  }
  if (offset > at + size) return std::unexpected(bad(at, "name goes past the record"));
  data.append(bytes.substr(offset, at + size - offset));
  return data;
}

Result<Record> read_record(std::string_view bytes, std::size_t& offset, Section section) {
  Record record;
  record.section = section;
  record.offset = static_cast<std::uint32_t>(offset);
  auto name = Name::read(bytes, offset);
  if (!name) return std::unexpected(name.error());
  if (offset + 10 > bytes.size()) return std::unexpected(bad(offset, "record goes past the end"));
  record.name = std::move(*name);
  record.type = word(bytes, offset);
  record.record_class = word(bytes, offset + 2);
  record.ttl_offset = static_cast<std::uint32_t>(offset + 4);
  record.ttl = static_cast<std::uint32_t>(word(bytes, offset + 4)) << 16U | word(bytes, offset + 6);
  const std::size_t size = word(bytes, offset + 8);
  offset += 10;
  if (offset + size > bytes.size()) return std::unexpected(bad(offset, "record data goes past the end"));
  auto data = read_data(bytes, offset, size, record.type);
  if (!data) return std::unexpected(data.error());
  record.data = std::move(*data);
  offset += size;
  return record;
}

}  // namespace

std::optional<Head> parse_head(std::string_view bytes) {
  if (bytes.size() < 12) return std::nullopt;
  return Head{word(bytes, 0), word(bytes, 2), word(bytes, 4)};
}

Result<Message> Message::parse(std::string_view bytes) {
  if (bytes.size() < 12) return std::unexpected(bad(0, "shorter than a header"));
  Message message;
  message.id = word(bytes, 0);
  message.flags = word(bytes, 2);
  std::size_t offset = 12;
  for (std::size_t i = word(bytes, 4); i > 0; --i) {
    auto name = Name::read(bytes, offset);
    if (!name) return std::unexpected(name.error());
    if (offset + 4 > bytes.size()) return std::unexpected(bad(offset, "question goes past the end"));
    message.questions.push_back({std::move(*name), word(bytes, offset), word(bytes, offset + 2)});
    offset += 4;
  }
  const std::array<std::pair<Section, std::size_t>, 3> sections{std::pair{Section::answer, std::size_t{word(bytes, 6)}},
                                                                {Section::authority, word(bytes, 8)},
                                                                {Section::additional, word(bytes, 10)}};
  for (const auto& [section, count] : sections)
    for (std::size_t i = 0; i < count; ++i) {
      auto record = read_record(bytes, offset, section);
      if (!record) return std::unexpected(record.error());
      if (record->type != type::opt) {
        if (message.edns) message.opt_is_last = false;
        if (record->ttl > longest_ttl) record->ttl = 0;
        message.records.push_back(std::move(*record));
        continue;
      }
      if (message.edns || section != Section::additional || !record->name.is_root())
        return std::unexpected(bad(record->offset, "OPT record out of place"));
      message.edns = Edns{std::max<std::uint16_t>(record->record_class, 512), static_cast<std::uint8_t>(record->ttl >> 16U & 0xffU),
                          (record->ttl & 0x8000U) != 0};
      message.opt_offset = record->offset;
    }
  if (offset != bytes.size()) return std::unexpected(bad(offset, "bytes after the last record"));
  return message;
}

Name last_alias(const Message& message, const Name& name) {
  constexpr int most_steps = 16;
  Name last = name;
  for (int step = 0; step < most_steps; ++step) {
    const auto alias = std::ranges::find_if(message.records, [&](const Record& one) {
      return one.section == Section::answer && one.type == type::cname && one.record_class == class_in && one.name == last;
    });
    if (alias == message.records.end()) return last;
    std::size_t offset = 0;
    const auto target = Name::read(alias->data, offset);
    if (!target) return last;
    last = *target;
  }
  return last;
}

std::optional<PlainQuery> PlainQuery::parse(std::string_view bytes) {
  constexpr std::size_t header = 12;
  constexpr std::size_t opt_head = 11;
  if (bytes.size() < header + 5 || word(bytes, 4) != 1 || word(bytes, 6) != 0 || word(bytes, 8) != 0 || word(bytes, 10) > 1)
    return std::nullopt;
  std::size_t at = header;
  while (at < bytes.size() && bytes[at] != '\0') {
    const auto length = static_cast<unsigned char>(bytes[at]);
    if (length > 63) return std::nullopt;
    at += 1U + length;
  }
  const std::size_t name_size = at + 1 - header;
  if (name_size > 255 || at + 5 > bytes.size()) return std::nullopt;
  PlainQuery query{word(bytes, 0), word(bytes, 2), bytes.substr(header, name_size), word(bytes, at + 1), word(bytes, at + 3), {}};
  at += 5;
  if (word(bytes, 10) == 1) {
    if (at + opt_head > bytes.size() || bytes[at] != '\0' || word(bytes, at + 1) != type::opt) return std::nullopt;
    query.edns = Edns{std::max<std::uint16_t>(word(bytes, at + 3), 512), static_cast<std::uint8_t>(bytes[at + 6]),
                      (word(bytes, at + 7) & 0x8000U) != 0};
    at += opt_head + word(bytes, at + 9);
  }
  return at == bytes.size() ? std::optional{query} : std::nullopt;
}

std::optional<Srv> Srv::parse(std::string_view data) {
  if (data.size() < 7) return std::nullopt;
  std::size_t offset = 6;
  auto target = Name::read(data, offset);
  if (!target || offset != data.size()) return std::nullopt;
  return Srv{word(data, 0), word(data, 2), word(data, 4), std::move(*target)};
}

Text Srv::data() const {
  Text data;
  append_word(data, priority);
  append_word(data, weight);
  append_word(data, port);
  data.append(target.wire());
  return data;
}

std::optional<Address> parse_address(std::uint16_t record_type, std::string_view data) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(data[i]); };
  if (record_type == type::a && data.size() == 4) return Address::v4({at(0), at(1), at(2), at(3)});
  if (record_type != type::aaaa || data.size() != 16) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < 16; ++i) bytes[i] = at(i);
  return Address::v6(bytes);
}

}  // namespace ringhold::dns
