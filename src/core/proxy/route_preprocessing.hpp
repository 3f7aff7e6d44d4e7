#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/text.hpp"
#include "sip/message.hpp"
#include "sip/uri.hpp"

namespace ringhold::proxy {

/// Which hosts and listeners are this proxy.
struct Identity {
  std::vector<Text> domains;      ///< the SIP domain and our own name, lower case
  std::vector<Target> listeners;  ///< as announced in Via and Record-Route

  /// Whether a URI names this proxy: one of our domains, or the address and port of a listener.
  bool is_ours(const sip::Uri& uri) const;
  /// Whether a host and port in a Via are ours.
  bool is_ours(std::string_view host, std::uint16_t port) const;
  bool is_domain(std::string_view host) const;
};

/// What RFC 3261 §16.4 finds in a request; views into the request.
struct Preprocessed {
  std::string_view request_uri;            ///< the Request-URI, or the last Route's URI if a strict router sent it to us
  std::size_t own_routes = 0;              ///< leading Route values that name us and are taken away
  bool last_route_is_request_uri = false;  ///< a strict router's work undone: the last Route value goes as well
  std::string_view next_route;             ///< URI of the first Route that remains; empty: the Request-URI decides
  bool next_is_strict = false;             ///< that Route has no `lr` (§16.6 step 6)
  bool in_dialog = false;                  ///< the request has a To tag
};

Preprocessed preprocess_routes(const sip::Message& request, const Identity& identity);

}  // namespace ringhold::proxy
