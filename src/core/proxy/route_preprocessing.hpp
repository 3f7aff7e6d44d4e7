#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/flow.hpp"
#include "base/team.hpp"
#include "base/text.hpp"
#include "sip/message.hpp"
#include "sip/uri.hpp"
#include "sip/via.hpp"

namespace ringhold::proxy {

/// Which hosts and listeners are this proxy.
struct Identity {
  std::vector<Text> domains;      ///< the SIP domain and our own name, lower case
  std::vector<Target> listeners;  ///< as announced in Via and Record-Route

  /// Whether a URI names this proxy: one of our domains, or the address and port of a listener.
  bool is_ours(const sip::Uri& uri) const;
  /// Whether a host and port in a Via are ours.
  bool is_ours(std::string_view host, std::uint16_t port) const;
  /// Whether the topmost Via of a response is one that we put there (§18.1.2).
  bool is_sender(const sip::Via& via) const { return via.port ? is_ours(via.host, *via.port) : is_host(via.host); }
  /// Whether a host is one of our domains or the address of a listener, at whatever port.
  bool is_host(std::string_view host) const;
  bool is_domain(std::string_view host) const;
};

/// What RFC 3261 §16.4 finds in a request; views into the request.
struct Preprocessed {
  std::string_view received_uri;           ///< the Request-URI, or the last Route's URI if a strict router sent it to us
  Text without_maddr;                      ///< the same when its maddr named us and was taken away; else empty
  std::size_t own_routes = 0;              ///< leading Route values that name us and are taken away
  bool last_route_is_request_uri = false;  ///< a strict router's work undone: the last Route value goes as well
  std::string_view next_route;             ///< URI of the first Route that remains; empty: the Request-URI decides
  bool next_is_strict = false;             ///< that Route has no `lr` (§16.6 step 6)
  std::string_view flow_token;             ///< user part of the last own Route: the flow to the target (RFC 5626 §5.3), or empty
  std::optional<WorkerNumber> worker;      ///< whose call it is, as our Record-Route said
  bool in_dialog = false;                  ///< the request has a To tag

  /// Where the request points, for the target set (§16.5).
  std::string_view request_uri() const { return without_maddr.empty() ? received_uri : std::string_view{without_maddr}; }
};

Preprocessed preprocess_routes(const sip::Message& request, const Identity& identity);

/// Whether a request that came as `packet` goes on by the flow of its token (RFC 5626 §5.3). Of two Routes of ours (RFC 5658) the
/// second names the side by which it leaves, and two phones behind one proxy have the same flow; one alone may name either side, and
/// the flow that the request came by is not the one that it goes by.
bool leaves_by(const Destination& flow, const Packet& packet, const Preprocessed& way);

/// A SIP URI written anew without the given parameters and without headers, at `port`.
Text uri_without(const sip::Uri& uri, std::initializer_list<std::string_view> parameters, std::optional<std::uint16_t> port);
/// What of a Contact may stand in a Request-URI (§19.1.1: neither `method` nor headers; §16.6 step 2). Empty: all of it.
Text allowed_in_request_line(std::string_view contact);

}  // namespace ringhold::proxy
