#include "nameserver/composition.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace ringhold::nameserver {

namespace {

std::uint16_t flags_of(const Client& client, const Composition& composition) {
  return static_cast<std::uint16_t>(dns::flag::qr | dns::flag::ra | (client.recursion_desired ? dns::flag::rd : 0U) |
                                    (client.checking_disabled ? dns::flag::cd : 0U) | composition.flags |
                                    static_cast<unsigned>(composition.rcode));
}

/// Writes the records of the given sections only; the size it has now.
std::size_t write(std::string& out, const Client& client, const Composition& composition, std::span<const dns::Section> sections,
                  std::uint16_t more_flags) {
  const std::size_t begin = out.size();
  dns::Builder builder{out, client.id, static_cast<std::uint16_t>(flags_of(client, composition) | more_flags), client.question};
  for (const dns::Section section : sections)
    for (const dns::Record& record : composition.records)
      if (record.section == section) builder.add(section, record.name, record.type, record.record_class, record.ttl, record.data);
  if (client.edns) builder.add_edns(client.dnssec_ok(), composition.error);
  return out.size() - begin;
}

}  // namespace

void Composition::add(dns::Section section, const dns::Name& name, std::uint16_t type, std::uint32_t ttl, std::string_view data) {
  records.push_back({section, name, type, dns::class_in, ttl, Text{data}});
}

bool Composition::has(const dns::Name& name, std::uint16_t type) const {
  return std::ranges::any_of(records, [&](const dns::Record& one) { return one.type == type && one.name == name; });
}

void write_answer(std::string& out, const Client& client, const Composition& composition) {
  static constexpr std::array sections{dns::Section::answer, dns::Section::authority, dns::Section::additional};
  const std::size_t most = dns::largest_answer(client.destination.transport == Transport::tcp, client.edns);
  const std::size_t begin = out.size();
  for (std::size_t count = sections.size(); count > 0; --count) {
    if (write(out, client, composition, std::span{sections}.first(count), 0) <= most) return;
    out.resize(begin);
  }
  write(out, client, composition, {}, dns::flag::tc);
}

}  // namespace ringhold::nameserver
