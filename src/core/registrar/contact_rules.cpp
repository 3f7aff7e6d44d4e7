#include "registrar/contact_rules.hpp"

namespace ringhold::registrar {

std::variant<Demand, Refusal> read_demand(const sip::Message& request, std::uint32_t default_expires, std::uint32_t min_expires) {
  Demand demand;
  std::optional<Refusal> refusal;
  const auto header_expires = request.expires();
  bool star = false;
  request.for_each_value(sip::Header::contact, [&](std::string_view value, const sip::HeaderLine&) {
    const auto contact = sip::Contact::parse(value);
    if (!contact) {
      refusal = Refusal{400, "Malformed Contact", {}};
    } else if (contact->star) {
      star = true;
    } else if (demand.contacts.size() == contacts_per_request) {
      refusal = Refusal{400, "More than 32 Contacts", {}};
    } else {
      demand.contacts.push_back({*contact, contact->expires.value_or(header_expires.value_or(default_expires))});
    }
    return !refusal;
  });
  if (refusal) return *refusal;
  if (star) {
    if (!demand.contacts.empty()) return Refusal{400, "Contact * beside other Contacts", {}};
    if (header_expires != 0U) return Refusal{400, "Contact * needs Expires: 0", {}};
    demand.remove_all = true;
  }
  for (const Demand::Contact& asked : demand.contacts)
    if (asked.expires > 0 && asked.expires < min_expires) return Refusal{423, {}, "Min-Expires: " + std::to_string(min_expires) + "\r\n"};
  return demand;
}

}  // namespace ringhold::registrar
