#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/account.hpp"
#include "base/address.hpp"

namespace ringhold::agent {

/// What of a REGISTER differs from one to the next.
struct RegisterRequest {
  const Account& account;
  Target server;
  Endpoint own;  ///< where that server reaches us
  std::string_view branch;
  std::uint32_t expires = 0;     ///< seconds; zero removes our Contact, and only ours (SWI-08)
  std::string_view credentials;  ///< whole lines
};

/// "sip:example.test": the Request-URI of an account's REGISTER (RFC 3261 §10.2).
Text registrar_uri(const Account& account);
/// Our Contact's URI as that server is told it.
Text contact_uri(const Account& account, const Target& server, const Endpoint& own);
void append_register(std::string& out, const RegisterRequest& request);

}  // namespace ringhold::agent
