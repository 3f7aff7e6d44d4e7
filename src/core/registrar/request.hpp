#pragma once

#include <string_view>

#include "registrar/registrar.hpp"

namespace ringhold::registrar {

/// One REGISTER and what is known of it, for the steps of the registrar.
struct Registrar::Request {
  const sip::Message& message;
  const Packet& packet;
  std::string_view aor;
  Grant grant;
  Instant now;
  std::string_view call_id;
  std::uint32_t cseq;
  std::uint32_t branch_hash;  ///< never zero
  std::string_view user_agent;
  Demand demand;

  std::string_view kept_user_agent() const { return user_agent.substr(0, location::user_agent_max); }
};

}  // namespace ringhold::registrar
