#pragma once

#include <optional>

#include "base/text.hpp"
#include "sip/message.hpp"

namespace ringhold::transaction {

/// The key of a client transaction (RFC 3261 §17.1.3): branch, and the method for those that share their INVITE's branch.
Text client_key(std::string_view branch, sip::Method method);
/// The client transaction that a response belongs to; by its top Via and CSeq.
std::optional<Text> client_key_of(const sip::Message& response);

/// The key of a server transaction (§17.2.3): branch, sent-by and method, ACK counting as INVITE; for RFC 2543 elements
/// Request-URI, From tag, Call-ID, CSeq number and top Via, and for INVITE and ACK without the To tag.
Text server_key(const sip::Message& request, sip::Method as_method);

}  // namespace ringhold::transaction
