#pragma once

#include <openssl/ssl.h>

#include <ctime>
#include <expected>
#include <memory>
#include <string>
#include <vector>

namespace ringhold::net {

/// Which files make us trusted, and whom we trust. PEM; a chain follows its certificate.
struct TlsFiles {
  std::string certificate;  ///< empty: we are a client only, and show none
  std::string key;
  std::string authorities;  ///< empty: those of the system
  std::string domain;       ///< the SIP domain that our certificate, and that of a server, must speak for (RFC 5922)
  friend bool operator==(const TlsFiles&, const TlsFiles&) = default;
};

/// Certificate, key and trust, as read from the files once. Connections keep what they began with when it is replaced.
class TlsContext {
 public:
  /// On an error what is wrong, with the file's name.
  static std::expected<TlsContext, std::string> load(const TlsFiles& files);

  /// Null without a certificate.
  SSL_CTX* server() const { return server_.get(); }
  SSL_CTX* client() const { return client_.get(); }
  const std::string& domain() const { return domain_; }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  using Context = std::unique_ptr<SSL_CTX, Free>;
  Context server_;
  Context client_;
  std::string domain_;
};

/// What an administrator should know about the certificate, and whether phones will take it for the domain.
struct CertificateReport {
  bool serves_domain = false;        ///< usable, valid now, and names the domain
  std::vector<std::string> remarks;  ///< each a whole sentence
};
CertificateReport inspect(const TlsFiles& files, std::time_t now);

}  // namespace ringhold::net
