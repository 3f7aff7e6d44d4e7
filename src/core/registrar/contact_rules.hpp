#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/text.hpp"
#include "base/time.hpp"
#include "sip/message.hpp"

namespace ringhold::registrar {

/// A REGISTER's demand in values: what RFC 3261 §10.3 steps 5 to 7 need of the message. Views into it.
struct Demand {
  struct Contact {
    sip::Contact contact;
    std::uint32_t expires = 0;  ///< seconds asked: of the contact, else of the header, else the default
    /// RFC 5626 §6: AOR, instance and reg-id name the binding, whatever its Contact URI is.
    bool is_flow() const { return contact.reg_id && !contact.instance.empty() && contact.address.uri.is_sip(); }
  };
  bool remove_all = false;  ///< `Contact: *` with Expires: 0
  bool outbound = false;    ///< flows are registered as RFC 5626 has it; else reg-id tells devices apart and nothing more
  bool gruu = false;        ///< the phone understands GRUUs (RFC 5627)
  boost::container::small_vector<Contact, 1> contacts;
};

/// Why a REGISTER is refused.
struct Refusal {
  int status = 400;
  std::string_view reason;  ///< empty: the standard phrase
  Text headers;             ///< whole lines to add
};

/// Most contacts that one REGISTER may carry; more is refused.
inline constexpr std::size_t contacts_per_request = 32;

/// Reads the Contacts (§10.3 step 6): `*` alone and with Expires 0, else 400; 423 with Min-Expires when one asks for more
/// than zero and less than `min_expires` (step 7); 439 when a flow is asked for and the edge proxy cannot keep it (RFC 5626).
std::optional<Refusal> read_demand(const sip::Message& request, std::uint32_t default_expires, std::uint32_t min_expires, Demand& demand);

/// §10.3 step 2 and §8.2.2.3: extensions that a REGISTER requires and that are not among these; empty: none.
Text unsupported_options(const sip::Message& request, std::span<const std::string_view> supported);

/// Appends the Contact's parameters that belong to the binding and are returned with it: all but those that the registrar
/// sets itself (expires, q, GRUUs).
void append_kept_parameters(Text& out, const sip::Parameters& parameters);

}  // namespace ringhold::registrar
