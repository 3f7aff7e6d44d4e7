#pragma once

#include <openssl/x509.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"

namespace ringhold::net {

/// For whom a certificate speaks (RFC 5922 §7.1): `sip:` URIs without user and DNS names of subjectAltName, and only where
/// there is no subjectAltName at all the common name. Addresses are kept for servers that are named by their address.
struct CertificateNames {
  std::vector<std::string> domains;  ///< lower case, as they stand; a wildcard is none (§7.2)
  std::vector<Address> addresses;

  bool has(std::string_view domain) const;
  bool has(const Address& address) const;
  std::string text() const;  ///< for people: "a.example, 10.77.0.2", or "nobody"
};

CertificateNames names_of(const X509* certificate);

}  // namespace ringhold::net
