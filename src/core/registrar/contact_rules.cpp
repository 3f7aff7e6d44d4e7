#include "registrar/contact_rules.hpp"

#include <algorithm>
#include <array>

#include "location/binding.hpp"

namespace ringhold::registrar {

namespace {

bool has_option(const sip::Message& request, sip::Header header, std::string_view wanted) {
  bool found = false;
  request.for_each_value(header, [&](std::string_view option, const sip::HeaderLine&) {
    found = equal_ignoring_case(option, wanted);
    return !found;
  });
  return found;
}

/// RFC 5626 §6: a REGISTER that came through a proxy needs an edge proxy that said `ob` in its Path.
bool edge_keeps_flows(const sip::Message& request) {
  std::size_t hops = 0;
  request.for_each_value(sip::Header::via, [&](std::string_view, const sip::HeaderLine&) { return ++hops < 2; });
  if (hops < 2) return true;
  // The edge proxy added its Path first; those of later proxies stand before it (RFC 3327 §5.2).
  std::string_view edge;
  request.for_each_value(sip::Header::path, [&](std::string_view value, const sip::HeaderLine&) {
    edge = value;
    return true;
  });
  const auto path = sip::NameAddr::parse(edge, "Path");
  return path && path->uri.parameters.has("ob");
}

std::optional<Refusal> read_options(const sip::Message& request, Demand& demand) {
  demand.gruu = has_option(request, sip::Header::supported, "gruu");
  const bool any_flow = std::ranges::any_of(demand.contacts, [](const Demand::Contact& asked) { return asked.is_flow(); });
  if (!any_flow) return std::nullopt;
  demand.outbound = has_option(request, sip::Header::supported, "outbound") || has_option(request, sip::Header::require, "outbound");
  if (demand.outbound && !edge_keeps_flows(request)) return Refusal{439, "First Hop Lacks Outbound Support", {}};
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> read_demand(const sip::Message& request, std::uint32_t default_expires, std::uint32_t min_expires, Demand& demand) {
  std::optional<Refusal> refusal;
  const auto header_expires = request.expires();
  std::size_t stars = 0;
  request.for_each_value(sip::Header::contact, [&](std::string_view value, const sip::HeaderLine&) {
    const auto contact = sip::Contact::parse(value);
    if (!contact) {
      refusal = Refusal{400, "Malformed Contact", {}};
    } else if (contact->star) {
      ++stars;
    } else if (demand.contacts.size() == contacts_per_request) {
      refusal = Refusal{400, "More than 32 Contacts", {}};
    } else if (contact->reg_id && (*contact->reg_id == 0 || *contact->reg_id > location::max_reg_id)) {
      refusal = Refusal{400, "reg-id of the Contact is out of range", {}};
    } else {
      demand.contacts.push_back({*contact, contact->expires.value_or(header_expires.value_or(default_expires))});
    }
    return !refusal;
  });
  if (refusal) return refusal;
  if (stars > 0) {
    if (stars > 1 || !demand.contacts.empty()) return Refusal{400, "Contact * beside other Contacts", {}};
    if (header_expires != 0U) return Refusal{400, "Contact * needs Expires: 0", {}};
    demand.remove_all = true;
  }
  for (const Demand::Contact& asked : demand.contacts)
    if (asked.expires > 0 && asked.expires < min_expires) return Refusal{423, {}, "Min-Expires: " + std::to_string(min_expires) + "\r\n"};
  return read_options(request, demand);
}

Text unsupported_options(const sip::Message& request, std::span<const std::string_view> supported) {
  Text unsupported;
  request.for_each_value(sip::Header::require, [&](std::string_view option, const sip::HeaderLine&) {
    const bool ours = std::ranges::any_of(supported, [&](std::string_view one) { return equal_ignoring_case(option, one); });
    if (!option.empty() && !ours) unsupported += (unsupported.empty() ? "" : ", ") + Text{option};
    return true;
  });
  return unsupported;
}

void append_kept_parameters(Text& out, const sip::Parameters& parameters) {
  static constexpr std::array<std::string_view, 5> ours{"expires", "q", "pub-gruu", "temp-gruu", "temp-gruu-cookie"};
  parameters.for_each([&](std::string_view name, std::string_view value) {
    const bool is_ours = std::ranges::any_of(ours, [&](std::string_view one) { return equal_ignoring_case(one, name); });
    if (!is_ours) out.append(";").append(sip::Parameters::text_of(name, value));
    return true;
  });
}

}  // namespace ringhold::registrar
