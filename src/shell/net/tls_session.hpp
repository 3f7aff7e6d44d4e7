#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "shell/net/tls_context.hpp"

namespace ringhold::net {

/// One side of one TLS connection, without a socket: bytes of the wire in, plain bytes out, and the other way round.
class TlsSession {
 public:
  enum class Role : unsigned char { server, client };
  /// As client the server at `remote` must prove by its certificate that it is the domain's, or has that address.
  TlsSession(const TlsContext& context, Role role, const Address& remote);

  bool is_established() const { return established_; }
  /// The client's first words; a server has none.
  void begin();
  /// Appends what was said to `plain`. False: it ended, or failed (see failure()); output() may hold a last word.
  bool receive(std::string_view wire, std::string& plain);
  /// Before the handshake is done it is kept (pending()). False: failed.
  bool send(std::string_view plain);
  /// Says good-bye.
  void close();
  /// What must be sent over the wire; the caller takes it and clears.
  std::string& output() { return output_; }
  std::size_t pending() const { return pending_.size(); }
  /// Why it failed; empty when it ended as it should.
  const std::string& failure() const { return failure_; }

 private:
  bool handshake();
  bool read(std::string& plain);
  bool fail(std::string why);
  void collect();

  struct Free {
    void operator()(SSL* session) const { SSL_free(session); }
  };
  std::unique_ptr<SSL, Free> session_;
  BIO* from_wire_;
  BIO* to_wire_;
  Role role_;
  bool established_ = false;
  Address remote_;
  std::string domain_;
  std::string pending_;
  std::string output_;
  std::string failure_;
};

}  // namespace ringhold::net
