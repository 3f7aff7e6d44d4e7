#include "proxy/route_preprocessing.hpp"

#include <algorithm>

#include "sip/name_addr.hpp"

namespace ringhold::proxy {

bool Identity::is_domain(std::string_view host) const {
  if (!host.empty() && host.back() == '.') host.remove_suffix(1);
  return std::ranges::any_of(domains, [&](const Text& domain) { return equal_ignoring_case(domain, host); });
}

bool Identity::is_ours(std::string_view host, std::uint16_t port) const {
  const auto address = Address::parse(host);
  if (!address) return is_domain(host);
  return std::ranges::any_of(listeners, [&](const Target& listener) {
    return listener.endpoint.address == *address && to_number(listener.endpoint.port) == port;
  });
}

bool Identity::is_ours(const sip::Uri& uri) const {
  if (!uri.is_sip()) return false;
  const std::uint16_t standard = uri.transport() == Transport::tls ? 5061 : 5060;
  if (!Address::parse(uri.host)) return is_domain(uri.host);
  if (is_ours(uri.host, uri.port.value_or(standard))) return true;
  // "sip:alice@10.77.0.2" from a phone that was told only our address: no port means ours, whatever it is.
  return !uri.port &&
         std::ranges::any_of(listeners, [&](const Target& listener) { return Address::parse(uri.host) == listener.endpoint.address; });
}

Preprocessed preprocess_routes(const sip::Message& request, const Identity& identity) {
  Preprocessed way;
  way.request_uri = request.request_uri();
  way.in_dialog = !request.to_tag().empty();
  std::size_t count = 0;
  std::size_t leading = 0;
  bool still_leading = true;
  std::string_view last;
  std::string_view next;
  bool next_is_strict = false;
  request.for_each_value(sip::Header::route, [&](std::string_view value, const sip::HeaderLine&) {
    ++count;
    const auto route = sip::NameAddr::parse(value, "Route");
    last = route ? route->uri_text : value;
    if (still_leading && route && identity.is_ours(route->uri)) {
      ++leading;
      return true;
    }
    if (still_leading) {
      next = last;
      next_is_strict = route && !route->uri.is_loose_router();
    }
    still_leading = false;
    return true;
  });
  // §16.4: a strict router put our Record-Route value into the Request-URI and the target at the end of the Routes. Only
  // our own values carry `lr` there.
  const auto& uri = request.uri();
  if (count > 0 && uri && uri->user.empty() && uri->is_loose_router() && identity.is_ours(*uri)) {
    way.last_route_is_request_uri = true;
    way.request_uri = last;
    way.own_routes = std::min(leading, count - 1);
    if (count - 1 == way.own_routes) next = {};
    way.next_route = next;
    way.next_is_strict = next_is_strict && !next.empty();
    return way;
  }
  way.own_routes = leading;
  way.next_route = next;
  way.next_is_strict = next_is_strict;
  return way;
}

}  // namespace ringhold::proxy
