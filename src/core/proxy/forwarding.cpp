#include "proxy/forwarding.hpp"

#include <algorithm>

#include "sip/builder.hpp"
#include "sip/splice.hpp"
#include "sip/validation.hpp"

namespace ringhold::proxy {

namespace {

Text via_head(const Target& listener) {
  return "Via: SIP/2.0/" + Text{via_name(listener.transport)} + " " + listener.endpoint.text() + ";branch=";
}

/// What follows the scheme.
Text record_route_uri(const Target& listener) {
  Text uri = listener.endpoint.text();
  if (listener.transport != Transport::udp) uri.append(";transport=").append(uri_name(listener.transport));
  return uri + ";lr>\r\n";
}

Text secure_record_route_uri(const Target& listener) {
  if (!is_secure(listener.transport)) return {};
  return listener.endpoint.text() + (listener.transport == Transport::wss ? ";transport=ws" : "") + ";lr>\r\n";
}

/// Request line and Route as §16.6 steps 2 and 6 want them.
struct Addressing {
  std::string_view request_uri;
  std::string_view top_route;  ///< URI; empty: none
  bool rewrites_routes = false;
  Text routes;   ///< then the whole Route line, or empty
  Text cleaned;  ///< what `request_uri` may point into
};

/// All Routes in one line: what is ours is taken away, a strict router's work undone, and for a strict next hop the
/// target goes to the end, because the Request-URI will name that hop.
Text rewritten_routes(const sip::Message& request, const Preprocessed& way, std::string_view path, std::string_view target_of_strict) {
  Text line;
  std::size_t skip = 0;
  const auto add = [&](std::string_view value) {
    if (skip > 0) {
      --skip;
      return;
    }
    line.append(line.empty() ? "Route: " : ", ").append(value);
  };
  const std::size_t strict = target_of_strict.empty() ? 0 : 1;
  if (!path.empty()) {
    skip = strict;
    for (sip::Element element = sip::split_element(path);; element = sip::split_element(element.rest)) {
      add(element.first);
      if (!element.more) break;
    }
    skip = way.own_routes;
  } else {
    skip = way.own_routes + strict;
  }
  std::size_t left = 0;
  request.for_each_value(sip::Header::route, [&](std::string_view, const sip::HeaderLine&) { return ++left, true; });
  if (way.last_route_is_request_uri) --left;
  request.for_each_value(sip::Header::route, [&](std::string_view value, const sip::HeaderLine&) {
    if (left-- == 0) return false;
    add(value);
    return true;
  });
  skip = 0;
  if (strict != 0) add("<" + Text{target_of_strict} + ">");
  return line.empty() ? line : line + "\r\n";
}

/// Into `to`, because its views may point into its texts.
void address(const sip::Message& request, const Preprocessed& way, const Hop& hop, Addressing& to) {
  to.request_uri = hop.request_uri.empty() ? way.request_uri() : std::string_view{hop.request_uri};
  if (!hop.request_uri.empty()) to.cleaned = allowed_in_request_line(hop.request_uri);
  if (!to.cleaned.empty()) to.request_uri = to.cleaned;
  to.top_route = way.next_route;
  bool strict = way.next_is_strict;
  if (!hop.route.empty()) {
    const auto first = sip::NameAddr::parse(sip::split_element(hop.route).first, "Path");
    to.top_route = first ? first->uri_text : std::string_view{};
    strict = first && !first->uri.is_loose_router();
  }
  to.rewrites_routes = strict || way.last_route_is_request_uri;
  if (!to.rewrites_routes) return;
  to.routes = rewritten_routes(request, way, hop.route, strict ? to.request_uri : std::string_view{});
  if (!strict) return;
  to.cleaned = allowed_in_request_line(to.top_route);
  to.request_uri = to.cleaned.empty() ? to.top_route : std::string_view{to.cleaned};
}

void splice_routes(sip::Splice& splice, const sip::Message& request, const Preprocessed& way, const Hop& hop, const Addressing& to) {
  if (!to.rewrites_routes) {
    if (way.own_routes > 0) splice.remove_first_values(sip::Header::route, way.own_routes);
    if (!hop.route.empty()) splice.insert_before(sip::Header::route, {"Route: ", hop.route, "\r\n"});
    return;
  }
  if (!to.routes.empty()) splice.insert_before(sip::Header::route, {to.routes});
  for (const sip::HeaderLine& line : request.lines())
    if (line.header == sip::Header::route) splice.remove(line.line);
}

/// The realm of credentials, as it stands; empty without one.
std::string_view realm_of(std::string_view credentials) {
  credentials = trimmed(credentials);
  credentials.remove_prefix(std::min(credentials.find(' '), credentials.size()));
  for (sip::Element element = sip::split_element(credentials);; element = sip::split_element(element.rest)) {
    const auto equal = element.first.find('=');
    if (equal != std::string_view::npos && equal_ignoring_case(trimmed(element.first.substr(0, equal)), "realm"))
      return trimmed(element.first.substr(equal + 1));
    if (!element.more) return {};
  }
}

/// §22.3: what we prove takes the place of what the sender proves for the same realm; what is for others passes.
void splice_credentials(sip::Splice& splice, const sip::Message& request, std::string_view credentials) {
  if (credentials.empty()) return;
  splice.append_header({credentials});
  for (const sip::HeaderLine& line : request.lines()) {
    if (line.header != sip::Header::authorization && line.header != sip::Header::proxy_authorization) continue;
    const std::string_view realm = realm_of(line.value);
    bool same = false;
    for (std::string_view rest = credentials; !rest.empty() && !same;) {
      const std::string_view own = rest.substr(0, rest.find("\r\n"));
      rest.remove_prefix(std::min(own.size() + 2, rest.size()));
      const auto colon = std::min(own.find(':'), own.size());
      same = sip::parse_header(own.substr(0, colon)) == line.header && realm_of(own.substr(std::min(colon + 1, own.size()))) == realm;
    }
    if (same) splice.remove(line.line);
  }
}

/// Over UDP what follows the length is padding, which on a stream would be taken for the next message (§18.3); and a stream
/// needs a length (§16.6 step 9).
class FittedBody {
 public:
  explicit FittedBody(const sip::Message& message) : body_{sip::framed_body(message)}, length_{body_.size()} {}
  void splice(sip::Splice& splice, const sip::Message& message) const {
    if (message.line(sip::Header::content_length) == nullptr) splice.append_header({"Content-Length: ", length_.text(), "\r\n"});
    if (body_.size() < message.body().size()) splice.remove(message.body().substr(body_.size()));
  }

 private:
  std::string_view body_;
  Decimal length_;
};

}  // namespace

bool is_sips(std::string_view uri) { return uri.size() > 5 && equal_ignoring_case(uri.substr(0, 5), "sips:"); }

bool has_second_via(const sip::Message& message) {
  return message.is_repeated(sip::Header::via) || sip::split_element(message.value(sip::Header::via)).more;
}

Forwarding::Forwarding(const Identity& identity, const Team& team, Random& random)
    : Forwarding{identity, team, random.next(), team.secret != 0 ? team.secret : random.next()} {}

Forwarding::Forwarding(const Identity& identity, const Team& team, std::uint64_t seed, std::uint64_t secret)
    : identity_{identity},
      mark_{team.is_alone() ? Text{} : worker_mark(team.number)},
      next_number_{Branch::first_number(team.number, seed)},
      hash_{secret, ~secret},
      loop_check_{hash_({"loop"})},
      flow_tokens_{hash_} {
  for (const Target& listener : identity_.listeners)
    listeners_.push_back({via_head(listener), record_route_uri(listener), secure_record_route_uri(listener)});
}

Branch Forwarding::new_branch(const sip::Message& request, const Preprocessed& way) {
  return Branch{next_number_++, loop_check_.hash(request, way.request_uri())};
}

Branch Forwarding::stateless_branch(const sip::Message& ack, const Preprocessed& way) const {
  const auto& via = ack.top_via();
  const std::string_view branch = via ? via->branch : std::string_view{};
  const std::string_view sent_by = via ? via->sent_by : std::string_view{};
  return Branch{hash_({"ack", branch, sent_by, ack.call_id()}), loop_check_.hash(ack, way.request_uri())};
}

std::size_t Forwarding::listener(Transport transport, const Endpoint& local) const {
  std::size_t best = 0;
  int best_agreement = 0;
  for (std::size_t i = 0; i < identity_.listeners.size(); ++i) {
    const Target& candidate = identity_.listeners[i];
    if (candidate.transport != transport) continue;
    if (candidate.endpoint == local) return i;
    const int agreement = candidate.endpoint.address == local.address                   ? 3
                          : candidate.endpoint.address.is_v4() == local.address.is_v4() ? 2
                                                                                        : 1;
    if (agreement > best_agreement) {
      best = i;
      best_agreement = agreement;
    }
  }
  return best;
}

void Forwarding::add_record_route(sip::Splice& splice, const Side& side, bool secure) const {
  const Listener& listener = listeners_[side.listener];
  // Only TLS can keep what sips promises; on other listeners the URI says what is true.
  const bool sips = secure && !listener.secure_record_route.empty();
  const bool has_user = !mark_.empty() || !side.flow_token.empty();
  splice.insert_before(sip::Header::record_route, {sips ? "Record-Route: <sips:" : "Record-Route: <sip:", mark_, side.flow_token,
                                                   has_user ? "@" : "", sips ? listener.secure_record_route : listener.record_route});
}

Forwarding::Side Forwarding::caller_side(const sip::Message& request, const Packet& arrival) const {
  Side side{listener(arrival.transport, arrival.local), {}};
  // Who came by TLS is reached by that connection: phones, and what stands before them, have no certificate, so that none can be
  // opened to them. Else who came through another proxy is reached through that one again. Of a team only one worker would find a
  // connection by its address.
  if (has_second_via(request) && !is_secure(arrival.transport)) return side;
  const auto contact = sip::NameAddr::parse(request.value(sip::Header::contact), "Contact");
  const bool one_of_a_team = !mark_.empty() && is_reliable(arrival.transport);
  if (contact && (is_secure(arrival.transport) || one_of_a_team || needs_flow(contact->uri, arrival.remote)))
    side.flow_token = flow_tokens_.make({static_cast<std::uint8_t>(side.listener), arrival.flow, arrival.remote});
  return side;
}

Forwarding::Side Forwarding::callee_side(const Hop& hop, const Destination& destination) const {
  Side side{listener(destination.transport, destination.local), {}};
  if (hop.request_uri.empty() || !hop.route.empty()) return side;  // not a phone, or one behind another proxy
  const auto contact = sip::Uri::parse(hop.request_uri);
  const bool one_of_a_team = !mark_.empty() && is_reliable(destination.transport);
  const bool is_bound_to_flow = destination.flow && (is_secure(destination.transport) || one_of_a_team);
  if (contact && (is_bound_to_flow || needs_flow(*contact, destination.remote)))
    side.flow_token = flow_tokens_.make({static_cast<std::uint8_t>(side.listener), destination.flow, destination.remote});
  return side;
}

std::optional<Destination> Forwarding::flow(std::string_view token) const {
  const auto flow = flow_tokens_.read(token);
  if (!flow || flow->listener >= identity_.listeners.size()) return std::nullopt;
  const Target& listener = identity_.listeners[flow->listener];
  return Destination{Protocol::sip, listener.transport, flow->id, listener.endpoint, flow->remote};
}

void Forwarding::write_request(const sip::Message& request, const Packet& arrival, const Outgoing& outgoing, Outbox& outbox) const {
  const Preprocessed& way = outgoing.way;
  sip::Splice splice{request};
  Addressing to;
  address(request, way, outgoing.hop, to);
  if (to.request_uri.data() != request.request_uri().data()) splice.replace(request.request_uri(), {to.request_uri});
  const std::size_t out = listener(outgoing.destination.transport, outgoing.destination.local);
  splice.insert_before(sip::Header::via, {listeners_[out].via_head, outgoing.branch.text(), "\r\n"});
  // RNG-14: it goes no further than to us.
  if (request.has(sip::Header::tt))
    for (const sip::HeaderLine& line : request.lines())
      if (line.header == sip::Header::tt) splice.remove(line.line);
  sip::ReceivedNote received;
  const auto& via = request.top_via();
  if (via) sip::note_received(splice, *via, arrival.remote, received);
  Side callee, caller;
  if (sip::makes_dialog(request.method())) {
    const bool secure = is_sips(to.request_uri) || is_sips(to.top_route);
    callee = callee_side(outgoing.hop, outgoing.destination);
    caller = caller_side(request, arrival);
    add_record_route(splice, callee, secure);
    // RFC 5658: two values when the request changes transport or listener, so that each side finds its own way back.
    if (caller.listener != callee.listener || !caller.flow_token.empty() || !callee.flow_token.empty())
      add_record_route(splice, caller, secure);
  }
  splice_routes(splice, request, way, outgoing.hop, to);
  splice_credentials(splice, request, outgoing.hop.credentials);
  const auto max_forwards = request.max_forwards();
  const Decimal less{max_forwards && *max_forwards > 0 ? *max_forwards - 1 : 70};
  if (const sip::HeaderLine* line = request.line(sip::Header::max_forwards))
    splice.replace(line->value, {less.text()});
  else
    splice.append_header({"Max-Forwards: 70\r\n"});
  const Decimal breadth{outgoing.breadth.value_or(0)};
  if (outgoing.breadth) {
    const sip::HeaderLine* line = request.line(sip::Header::max_breadth);
    if (line != nullptr && !line->value.empty())
      splice.replace(line->value, {breadth.text()});
    else
      splice.append_header({"Max-Breadth: ", breadth.text(), "\r\n"});
  }
  const FittedBody body{request};
  body.splice(splice, request);
  splice.write(outbox.bytes());
}

std::optional<Text> Forwarding::write_cancel(std::string_view sent_request, std::string_view reason_lines, Outbox& outbox) const {
  const auto request = sip::Message::parse(sent_request);
  if (!request || !request->top_via()) return std::nullopt;
  sip::append_cancel(outbox.bytes(), *request, reason_lines);
  return Text{request->top_via()->branch};
}

void Forwarding::write_response(const sip::Message& response, std::string& out) const {
  sip::Splice splice{response};
  splice.remove_first_values(sip::Header::via, 1);
  const FittedBody body{response};
  body.splice(splice, response);
  splice.write(out);
}

void Forwarding::keep_challenges(const sip::Message& response, std::vector<Text>& challenges) const {
  for (const sip::HeaderLine& line : response.lines())
    if ((line.header == sip::Header::www_authenticate || line.header == sip::Header::proxy_authenticate) &&
        challenges.size() < limits::fork_targets)
      challenges.emplace_back(line.line);
}

void Forwarding::write_best(const ResponseContext& context, std::string& out) const {
  const bool aggregate = (context.best_status == 401 || context.best_status == 407) && context.challenges.size() > 1;
  const auto response = aggregate ? sip::Message::parse(context.best_response) : std::unexpected(Error{});
  if (!response) {
    out.append(context.best_response);
    return;
  }
  sip::Splice splice{*response};
  for (const Text& challenge : context.challenges) {
    bool present = false;
    for (const sip::HeaderLine& line : response->lines()) present = present || line.line == challenge;
    if (!present) splice.append_header({challenge});
  }
  splice.write(out);
}

void Forwarding::write_answer(const sip::Message& request, const Endpoint& source, const Answer& answer, std::string& out) const {
  // The tag is the same for a retransmission (§8.2.7), and for the CANCEL of an INVITE that is not answered yet.
  if (answer.status == 100) return sip::append_response(out, request, source, 100, answer.reason, {}, answer.headers);
  const Tag tag{hash_({"tag", request.call_id(), request.from_tag(), request.value(sip::Header::to)})};
  sip::append_response(out, request, source, answer.status, answer.reason, tag.text(), answer.headers);
}

}  // namespace ringhold::proxy
