#include "shell/net/tls_context.hpp"

#include <fmt/format.h>
#include <openssl/err.h>

#include <cerrno>
#include <cstring>

#include "shell/net/tls_names.hpp"

namespace ringhold::net {

namespace {

// Forward secrecy only; CBC for telephones that know no AEAD yet. TLS 1.3 has its own list.
constexpr const char* ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE+AES:!aNULL";
constexpr unsigned char session_context[] = "ringhold";
constexpr int days_ahead = 30;

/// OpenSSL's first word on what went wrong, and the queue of words emptied.
std::string first_error() {
  const unsigned long code = ERR_peek_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  std::string text = reason != nullptr ? reason : code != 0 && ERR_SYSTEM_ERROR(code) ? std::strerror(ERR_GET_REASON(code)) : "unknown";
  ERR_clear_error();
  return text;
}

/// An encrypted key must not make a daemon ask its terminal.
int no_password(char*, int, int, void*) { return 0; }

std::string use_certificate(SSL_CTX* context, const TlsFiles& files) {
  SSL_CTX_set_default_passwd_cb(context, no_password);
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1)
    return fmt::format("sip.tls_certificate {}: {}", files.certificate, first_error());
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return fmt::format("sip.tls_key {}: {}", files.key, first_error());
  if (SSL_CTX_check_private_key(context) != 1)
    return fmt::format("sip.tls_key {}: is not the key of {}: {}", files.key, files.certificate, first_error());
  return {};
}

void set_options(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, ciphers);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Thousands of quiet phones: no buffers while nothing flows.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

std::string date(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "an unreadable date";
  char text[sizeof "2026-01-01"];
  return std::strftime(text, sizeof text, "%F", &parts) == 0 ? "a far date" : text;
}

}  // namespace

std::expected<TlsContext, std::string> TlsContext::load(const TlsFiles& files) {
  TlsContext made;
  made.domain_ = files.domain;
  ERR_clear_error();
  made.server_.reset(SSL_CTX_new(TLS_server_method()));
  made.client_.reset(SSL_CTX_new(TLS_client_method()));
  if (!made.server_ || !made.client_) return std::unexpected("OpenSSL: " + first_error());
  for (SSL_CTX* context : {made.server_.get(), made.client_.get()}) {
    set_options(context);
    if (files.certificate.empty()) continue;
    if (auto problem = use_certificate(context, files); !problem.empty()) return std::unexpected(std::move(problem));
  }
  if (files.certificate.empty()) made.server_.reset();
  if (made.server_) SSL_CTX_set_session_id_context(made.server_.get(), session_context, sizeof session_context - 1);
  SSL_CTX_set_verify(made.client_.get(), SSL_VERIFY_PEER, nullptr);
  if (files.authorities.empty()) {
    SSL_CTX_set_default_verify_paths(made.client_.get());
  } else if (SSL_CTX_load_verify_file(made.client_.get(), files.authorities.c_str()) != 1) {
    return std::unexpected(fmt::format("sip.tls_ca {}: {}", files.authorities, first_error()));
  }
  ERR_clear_error();
  return made;
}

CertificateReport inspect(const TlsFiles& files, std::time_t now) {
  CertificateReport report;
  const auto context = TlsContext::load(files);
  if (!context) {
    report.remarks.push_back(context.error() + ": TLS goes on with what was read before; without that it refuses everybody");
    return report;
  }
  const X509* certificate = SSL_CTX_get0_certificate(context->server());
  const ASN1_TIME* end = X509_get0_notAfter(certificate);
  const bool begun = ASN1_TIME_cmp_time_t(X509_get0_notBefore(certificate), now) <= 0;
  const bool ended = ASN1_TIME_cmp_time_t(end, now) <= 0;
  const auto names = names_of(certificate);
  const bool fits = names.has(std::string_view{files.domain});
  report.serves_domain = begun && !ended && fits;
  if (ended)
    report.remarks.push_back(fmt::format("sip.tls_certificate EXPIRED on {}: phones refuse it; renew it and send SIGHUP", date(end)));
  else if (ASN1_TIME_cmp_time_t(end, now + std::time_t{days_ahead} * 86'400) <= 0)
    report.remarks.push_back(fmt::format("sip.tls_certificate expires on {}: renew it and send SIGHUP", date(end)));
  if (!begun)
    report.remarks.push_back(
        fmt::format("sip.tls_certificate is valid from {} on only: phones refuse it until then", date(X509_get0_notBefore(certificate))));
  if (!fits)
    report.remarks.push_back(
        fmt::format("sip.tls_certificate does not fit the domain {}: it speaks for {}, and wildcards do not count (RFC 5922). Phones that "
                    "look for the domain refuse it, so _sips._tcp is not added to",
                    files.domain, names.text()));
  return report;
}

}  // namespace ringhold::net
