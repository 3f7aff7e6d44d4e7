#include "shell/net/tls_names.hpp"

#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>

#include "base/text.hpp"
#include "sip/uri.hpp"

namespace ringhold::net {

namespace {

std::string_view view(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<std::size_t>(ASN1_STRING_length(text))};
}

/// What could be spelt two ways, or ends early in another program's eyes, names nobody.
void add_domain(CertificateNames& names, std::string_view domain) {
  if (domain.ends_with('.')) domain.remove_suffix(1);
  if (sip::is_host(domain) && !Address::parse(domain)) names.domains.push_back(lower_case(domain));
}

void add_uri(CertificateNames& names, std::string_view text) {
  const auto uri = sip::Uri::parse(text);
  // Only "sip" is a domain's identity, "sips" is not; with a user it is that user's (RFC 5922 §7.1).
  if (uri && uri->scheme == sip::Scheme::sip && uri->user.empty()) add_domain(names, uri->host);
}

void add_address(CertificateNames& names, std::string_view bytes) {
  const auto* begin = reinterpret_cast<const std::uint8_t*>(bytes.data());
  if (bytes.size() == 4) {
    std::array<std::uint8_t, 4> four;
    std::copy_n(begin, 4, four.begin());
    names.addresses.push_back(Address::v4(four));
  } else if (bytes.size() == 16) {
    std::array<std::uint8_t, 16> sixteen;
    std::copy_n(begin, 16, sixteen.begin());
    names.addresses.push_back(Address::v6(sixteen));
  }
}

}  // namespace

CertificateNames names_of(const X509* certificate) {
  CertificateNames names;
  const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> alternatives{
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)), GENERAL_NAMES_free};
  if (alternatives) {
    for (int i = 0; i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
      const GENERAL_NAME* one = sk_GENERAL_NAME_value(alternatives.get(), i);
      if (one->type == GEN_DNS) add_domain(names, view(one->d.dNSName));
      if (one->type == GEN_URI) add_uri(names, view(one->d.uniformResourceIdentifier));
      if (one->type == GEN_IPADD) add_address(names, view(one->d.iPAddress));
    }
    return names;
  }
  if (X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1) >= 0) return names;  // there, and malformed
  const X509_NAME* subject = X509_get_subject_name(certificate);
  if (const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1); at >= 0)
    add_domain(names, view(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  return names;
}

bool CertificateNames::has(std::string_view domain) const {
  return std::ranges::any_of(domains, [&](const std::string& one) { return equal_ignoring_case(one, domain); });
}

bool CertificateNames::has(const Address& address) const { return std::ranges::find(addresses, address) != addresses.end(); }

std::string CertificateNames::text() const {
  std::string text;
  const auto add = [&](std::string_view one) { text.append(text.empty() ? "" : ", ").append(one); };
  for (const std::string& domain : domains) add(domain);
  for (const Address& address : addresses) add(address.text());
  return text.empty() ? "nobody" : text;
}

}  // namespace ringhold::net
