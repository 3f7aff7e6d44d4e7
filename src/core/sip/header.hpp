#pragma once

#include <cstdint>
#include <string_view>

namespace ringhold::sip {

/// Header fields that somebody here reads; all others are `other` and pass unchanged.
enum class Header : std::uint8_t {
  other,
  accept,
  accept_contact,  ///< RFC 3841
  allow,
  authorization,
  call_id,
  contact,
  content_length,
  content_type,
  cseq,
  date,
  event,
  expires,
  from,
  max_breadth,
  max_forwards,
  min_expires,
  path,
  proxy_authenticate,
  proxy_authorization,
  proxy_require,
  reason,
  record_route,
  refer_to,
  reject_contact,  ///< RFC 3841
  replaces,
  request_disposition,  ///< RFC 3841
  require,
  retry_after,
  route,
  server,
  service_route,
  session_expires,
  subject,
  subscription_state,
  supported,
  timestamp,
  to,
  tt,  ///< not of an RFC: which types of terminals to ring, from a trusted application server (RNG-05)
  unsupported,
  user_agent,
  via,
  warning,
  www_authenticate,
};

/// By long or compact name, in any letter case (RFC 3261 §7.3.1, §7.3.3); `other` for what is no name at all.
Header parse_header(std::string_view name);
/// The long name as the RFCs spell it; empty for `other`.
std::string_view name(Header header);

}  // namespace ringhold::sip
