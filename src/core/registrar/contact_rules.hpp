#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "base/text.hpp"
#include "base/time.hpp"
#include "sip/message.hpp"

namespace ringhold::registrar {

/// A REGISTER's demand in values: what RFC 3261 §10.3 steps 5 to 7 need of the message. Views into it.
struct Demand {
  struct Contact {
    sip::Contact contact;
    std::uint32_t expires = 0;  ///< seconds asked: of the contact, else of the header, else the default
  };
  bool remove_all = false;  ///< `Contact: *` with Expires: 0
  boost::container::small_vector<Contact, 2> contacts;
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
/// than zero and less than `min_expires` (step 7).
std::variant<Demand, Refusal> read_demand(const sip::Message& request, std::uint32_t default_expires, std::uint32_t min_expires);

}  // namespace ringhold::registrar
