#include <algorithm>

#include "nameserver/nameserver.hpp"

namespace ringhold::nameserver {

namespace {

constexpr std::uint32_t own_name_ttl = 60;

}  // namespace

/// D4, DIS-12: from our own store, whatever the link; NODATA for other types, never a CNAME (RFC 2782).
void Nameserver::answer_own_name(const Client& client, Instant now, Outbox& outbox) {
  const dns::Question& question = client.question;
  Composition composition;
  composition.flags = dns::flag::aa;
  add_own_addresses(composition, client, own_name_ttl);
  std::erase_if(composition.records, [&](const dns::Record& one) { return one.type != question.type; });
  for (dns::Record& record : composition.records) {
    record.section = dns::Section::answer;
    record.name = question.name;
  }
  give(client, composition, now, outbox);
}

/// In Additional; the address by which the client reached us comes first (D4).
void Nameserver::add_own_addresses(Composition& composition, const Client& client, std::uint32_t ttl) const {
  std::vector<Address> addresses = settings_.branch_addresses;
  if (const auto asked = std::ranges::find(addresses, client.destination.local.address); asked != addresses.end())
    std::rotate(addresses.begin(), asked, asked + 1);
  for (const Address& address : addresses) {
    const auto bytes = address.bytes();
    composition.add(dns::Section::additional, own_name_, address.is_v4() ? dns::type::a : dns::type::aaaa, ttl,
                    {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
}

}  // namespace ringhold::nameserver
