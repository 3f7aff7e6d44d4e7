#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"

namespace ringhold::sim {

/// A SIP message as the simulated phones and servers see it. Written apart from core/sip on purpose: what reads the engine's
/// messages must not share its mistakes.
struct SipMessage {
  std::string method;  ///< of the request; empty: a response
  std::string uri;
  int status = 0;
  std::string reason;
  std::vector<std::pair<std::string, std::string>> headers;  ///< long names in the RFC's spelling; lists split
  std::string body;

  bool is_request() const { return !method.empty(); }
  std::string_view get(std::string_view name) const;  ///< the first; empty when missing
  std::vector<std::string> all(std::string_view name) const;
  std::string cseq_method() const;
  unsigned cseq_number() const;
  void add(std::string_view name, std::string value) { headers.emplace_back(std::string{name}, std::move(value)); }
  void prepend(std::string_view name, std::string value);  ///< above all others of its name
  void set(std::string_view name, std::string value);      ///< the first, or a new one
  void remove_first(std::string_view name);
  std::string text() const;  ///< with Content-Length
};

std::optional<SipMessage> parse_sip(std::string_view bytes);
std::string describe_sip(std::string_view bytes);  ///< one line for the ladder

/// The parameter of a header value or URI part after `;`; nothing when missing, empty when without value.
std::optional<std::string> parameter(std::string_view value, std::string_view name);
/// "sip:a@b;lr" of `"A" <sip:a@b;lr>;tag=1`.
std::string uri_of(std::string_view name_addr);
std::string user_of(std::string_view uri);
std::string host_of(std::string_view uri);  ///< without port and parameters
/// The endpoint a numeric URI names (port 5060 when it has none); nothing for names.
std::optional<Endpoint> endpoint_of(std::string_view uri);
/// Where a response goes by its top Via (RFC 3261 §18.2.2, RFC 3581).
std::optional<Endpoint> response_target(const SipMessage& response);

/// A response with Via, From, To, Call-ID and CSeq of `request`; `to_tag` is added when To has none.
SipMessage make_response(const SipMessage& request, int status, std::string_view reason, std::string_view to_tag);

}  // namespace ringhold::sim
