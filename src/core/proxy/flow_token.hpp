#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/flow.hpp"
#include "base/siphash.hpp"
#include "base/text.hpp"
#include "sip/uri.hpp"

namespace ringhold::proxy {

/// A way to a phone that only the phone could open: through a NAT, or a connection from a browser.
struct Flow {
  std::uint8_t listener = 0;  ///< index among our listeners
  FlowId id;
  Endpoint remote;
  friend bool operator==(const Flow&, const Flow&) = default;
};

/// The flow tokens of an edge proxy (RFC 5626 §5.2): the user part of our Record-Route says over which flow the phone on
/// that side is reached. They carry a keyed checksum (SipHash-2-4), because whoever could make one could send through us.
class FlowTokens {
 public:
  explicit FlowTokens(const SipHash& hash) : hash_{hash} {}

  Text make(const Flow& flow) const;
  /// Nothing when it was not made by us since the start.
  std::optional<Flow> read(std::string_view token) const;

 private:
  SipHash hash_;
};

/// Whether the user part of a Route of ours claims to be a flow token.
bool is_flow_token(std::string_view user);
/// Whether a contact is reached by its flow only: it says so (`ob`, §5.3), or its host is not where its messages come from.
bool needs_flow(const sip::Uri& contact, const Endpoint& remote);

}  // namespace ringhold::proxy
