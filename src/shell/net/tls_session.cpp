#include "shell/net/tls_session.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "shell/net/tls_names.hpp"

namespace ringhold::net {

namespace {

constexpr std::size_t record_bytes = 16U * 1024;

std::string reason_of(const SSL* session) {
  if (const long verdict = SSL_get_verify_result(session); verdict != X509_V_OK)
    return std::string{"certificate: "} + X509_verify_cert_error_string(verdict);
  const unsigned long code = ERR_peek_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason != nullptr ? reason : "no TLS";
}

}  // namespace

TlsSession::TlsSession(const TlsContext& context, Role role, const Address& remote)
    : session_{SSL_new(role == Role::server ? context.server() : context.client())},
      from_wire_{BIO_new(BIO_s_mem())},
      to_wire_{BIO_new(BIO_s_mem())},
      role_{role},
      remote_{remote},
      domain_{context.domain()} {
  if (!session_ || from_wire_ == nullptr || to_wire_ == nullptr) throw std::bad_alloc{};
  SSL_set_bio(session_.get(), from_wire_, to_wire_);
  if (role == Role::server) {
    SSL_set_accept_state(session_.get());
  } else {
    SSL_set_connect_state(session_.get());
    SSL_set_tlsext_host_name(session_.get(), domain_.c_str());
  }
}

void TlsSession::begin() { handshake(); }

bool TlsSession::fail(std::string why) {
  if (failure_.empty()) failure_ = std::move(why);
  ERR_clear_error();
  collect();
  return false;
}

void TlsSession::collect() {
  char* bytes = nullptr;
  const long count = BIO_get_mem_data(to_wire_, &bytes);
  if (count > 0) output_.append(bytes, static_cast<std::size_t>(count));
  (void)BIO_reset(to_wire_);
}

bool TlsSession::handshake() {
  ERR_clear_error();
  if (const int done = SSL_do_handshake(session_.get()); done != 1) {
    if (SSL_get_error(session_.get(), done) != SSL_ERROR_WANT_READ) return fail(reason_of(session_.get()));
    collect();
    return true;
  }
  if (role_ == Role::client) {
    const X509* certificate = SSL_get0_peer_certificate(session_.get());
    const auto names = certificate != nullptr ? names_of(certificate) : CertificateNames{};
    if (!names.has(std::string_view{domain_}) && !names.has(remote_)) {
      SSL_shutdown(session_.get());
      return fail("certificate: speaks for " + names.text() + ", not for " + domain_);
    }
  }
  established_ = true;
  const std::string waiting = std::exchange(pending_, {});
  if (!waiting.empty()) return send(waiting);
  collect();
  return true;
}

bool TlsSession::receive(std::string_view wire, std::string& plain) {
  if (!failure_.empty()) return false;
  if (BIO_write(from_wire_, wire.data(), static_cast<int>(wire.size())) != static_cast<int>(wire.size())) return fail("out of memory");
  if (!established_ && !handshake()) return false;
  if (!established_) return true;
  const bool goes_on = read(plain);
  collect();
  return goes_on;
}

bool TlsSession::read(std::string& plain) {
  std::array<char, record_bytes> buffer;
  for (;;) {
    ERR_clear_error();
    const int count = SSL_read(session_.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (count > 0) {
      plain.append(buffer.data(), static_cast<std::size_t>(count));
      continue;
    }
    switch (SSL_get_error(session_.get(), count)) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE: return true;
      case SSL_ERROR_ZERO_RETURN: SSL_shutdown(session_.get()); return false;
      default: return fail(reason_of(session_.get()));
    }
  }
}

bool TlsSession::send(std::string_view plain) {
  if (!failure_.empty()) return false;
  if (!established_) {
    pending_.append(plain);
    return true;
  }
  while (!plain.empty()) {
    ERR_clear_error();
    const int count = SSL_write(session_.get(), plain.data(), static_cast<int>(std::min(plain.size(), record_bytes)));
    // Into memory there is always room.
    if (count <= 0) return fail(reason_of(session_.get()));
    plain.remove_prefix(static_cast<std::size_t>(count));
  }
  collect();
  return true;
}

void TlsSession::close() {
  if (!established_ || !failure_.empty()) return;
  ERR_clear_error();
  SSL_shutdown(session_.get());
  collect();
}

}  // namespace ringhold::net
