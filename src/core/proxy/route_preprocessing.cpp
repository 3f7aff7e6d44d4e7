#include "proxy/route_preprocessing.hpp"

#include <algorithm>

#include "base/scan.hpp"
#include "proxy/flow_token.hpp"
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

bool Identity::is_host(std::string_view host) const {
  const auto address = Address::parse(host);
  if (!address) return is_domain(host);
  return std::ranges::any_of(listeners, [&](const Target& listener) { return listener.endpoint.address == *address; });
}

bool Identity::is_ours(const sip::Uri& uri) const {
  if (!uri.is_sip()) return false;
  // §16.5: what another's maddr says is not ours to look up, whatever the host.
  if (const auto maddr = uri.parameters.find("maddr"); maddr && !is_host(*maddr)) return false;
  // "sip:alice@10.77.0.2" from a phone that was told only our address: no port means ours, whatever it is.
  return uri.port ? is_ours(uri.host, *uri.port) : is_host(uri.host);
}

bool leaves_by(const Destination& flow, const Packet& packet, const Preprocessed& way) {
  return way.own_routes > 1 || flow.remote != packet.remote || flow.transport != packet.transport;
}

Text uri_without(const sip::Uri& uri, std::initializer_list<std::string_view> parameters, std::optional<std::uint16_t> port) {
  Text text{uri.scheme_name};
  text += ':';
  if (!uri.user.empty()) {
    text += uri.user;
    if (!uri.password.empty()) text.append(":").append(uri.password);
    text += '@';
  }
  text += uri.host;
  if (port) text.append(":").append(Decimal{*port});
  uri.parameters.for_each([&](std::string_view name, std::string_view value) {
    if (std::ranges::any_of(parameters, [&](std::string_view left_out) { return equal_ignoring_case(left_out, name); })) return true;
    text.append(";").append(sip::Parameters::text_of(name, value));
    return true;
  });
  return text;
}

Text allowed_in_request_line(std::string_view contact) {
  // A guess that is cheap and seldom wrong; the parser decides.
  if (contact.find('?') == std::string_view::npos && contact.find("ethod=") == std::string_view::npos &&
      contact.find("ETHOD=") == std::string_view::npos)
    return {};
  const auto uri = sip::Uri::parse(contact);
  if (!uri || !uri->is_sip() || (uri->headers.empty() && !uri->parameters.has("method"))) return {};
  return uri_without(*uri, {"method"}, uri->port);
}

namespace {

/// §16.4: a maddr that names us did its work by bringing the request here. Port and transport go with it: they said how
/// to get here, too. One that names somebody else stays, and is the only target (§16.5).
Text without_own_maddr(std::string_view text, const Identity& identity) {
  if (find_byte(text, 0, ';') == text.size()) return {};
  if (text.find("addr=") == std::string_view::npos && text.find("ADDR=") == std::string_view::npos) return {};
  const auto uri = sip::Uri::parse(text);
  const auto maddr = uri && uri->is_sip() ? uri->parameters.find("maddr") : std::nullopt;
  if (!maddr || !identity.is_host(*maddr)) return {};
  return uri_without(*uri, {"maddr", "transport"}, std::nullopt);
}

}  // namespace

Preprocessed preprocess_routes(const sip::Message& request, const Identity& identity) {
  Preprocessed way;
  way.received_uri = request.request_uri();
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
      const MarkedUser user = read_worker_mark(route->uri.user);
      way.flow_token = is_flow_token(user.rest) ? user.rest : std::string_view{};
      if (user.worker) way.worker = user.worker;
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
  const bool ours = count > 0 && uri && uri->is_loose_router() && identity.is_ours(*uri);
  const MarkedUser user = read_worker_mark(ours ? uri->user : std::string_view{});
  if (ours && (user.rest.empty() || is_flow_token(user.rest))) {
    if (leading == 0 && is_flow_token(user.rest)) way.flow_token = user.rest;
    if (user.worker) way.worker = user.worker;
    way.last_route_is_request_uri = true;
    way.received_uri = last;
    leading = std::min(leading, count - 1);
    if (count - 1 == leading) next = {};
  }
  way.own_routes = leading;
  way.next_route = next;
  way.next_is_strict = next_is_strict && !next.empty();
  way.without_maddr = without_own_maddr(way.received_uri, identity);
  return way;
}

}  // namespace ringhold::proxy
