#include "proxy/forwarding.hpp"

#include <functional>

#include "sip/builder.hpp"
#include "sip/splice.hpp"

namespace ringhold::proxy {

namespace {

constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuv";

std::uint64_t mix(std::uint64_t hash, std::string_view text) {
  hash ^= std::hash<std::string_view>{}(text);
  hash *= 0x9e3779b97f4a7c15U;
  return hash ^ (hash >> 29U);
}

void write_digits(char* at, std::size_t count, std::uint64_t value) {
  for (std::size_t i = 0; i < count; ++i, value >>= 5U) at[i] = digits[value & 31U];
}

/// "SIP/2.0/UDP 10.77.0.2:5060;branch=" of a listener, in pieces for a Splice.
struct ViaText {
  Text head;
  explicit ViaText(const Target& listener)
      : head{"Via: SIP/2.0/" + Text{via_name(listener.transport)} + " " + listener.endpoint.text() + ";branch="} {}
};

Text record_route_line(const Target& listener) {
  Text line = "Record-Route: <";
  line += listener.transport == Transport::tls ? "sips:" : "sip:";
  line += listener.endpoint.text();
  if (listener.transport == Transport::tcp) line += ";transport=tcp";
  return line + ";lr>\r\n";
}

}  // namespace

Branch::Branch(std::uint64_t number, std::uint32_t loop_hash) {
  sip::branch_cookie.copy(text_, 7);
  write_digits(text_ + 7, 13, number);
  text_[20] = '.';
  write_digits(text_ + 21, 7, loop_hash);
}

Forwarding::Forwarding(const Identity& identity, std::uint64_t seed, std::uint64_t secret)
    : identity_{identity}, next_number_{seed}, secret_{secret} {
  for (const Target& listener : identity_.listeners) {
    via_heads_.push_back(ViaText{listener}.head);
    record_routes_.push_back(record_route_line(listener));
  }
}

std::uint32_t Forwarding::loop_hash(const sip::Message& request, std::string_view request_uri) const {
  std::uint64_t hash = mix(secret_, request_uri);
  hash = mix(hash, request.from_tag());
  hash = mix(hash, request.to_tag());
  hash = mix(hash, request.call_id());
  hash = mix(hash, request.value(sip::Header::cseq));
  request.for_each_value(sip::Header::route, [&](std::string_view value, const sip::HeaderLine&) {
    hash = mix(hash, value);
    return true;
  });
  hash = mix(hash, request.value(sip::Header::proxy_require));
  hash = mix(hash, request.value(sip::Header::proxy_authorization));
  return static_cast<std::uint32_t>(hash >> 16U);
}

Branch Forwarding::new_branch(const sip::Message& request, const Preprocessed& way) {
  return Branch{next_number_++, loop_hash(request, way.request_uri)};
}

Branch Forwarding::stateless_branch(const sip::Message& ack) const {
  const auto& via = ack.top_via();
  std::uint64_t hash = mix(secret_, via ? via->branch : std::string_view{});
  hash = mix(hash, via ? via->sent_by : std::string_view{});
  return Branch{mix(hash, ack.call_id()), loop_hash(ack, ack.request_uri())};
}

bool Forwarding::has_looped(const sip::Message& request, const Preprocessed& way) const {
  bool looped = false;
  std::optional<Branch> own;
  request.for_each_value(sip::Header::via, [&](std::string_view value, const sip::HeaderLine&) {
    const bool top = request.top_via() && request.top_via()->text.data() == value.data();
    const auto via = top ? request.top_via() : sip::Via::parse(value);
    if (!via || !identity_.is_ours(via->host, via->port.value_or(5060))) return true;
    if (!own) own.emplace(0, loop_hash(request, way.request_uri));
    const auto hash = own->text().substr(20);
    looped = via->branch.size() == own->text().size() && via->branch.substr(20) == hash;
    return !looped;
  });
  return looped;
}

std::size_t Forwarding::listener(Transport transport, const Endpoint& local) const {
  std::size_t of_transport = identity_.listeners.size();
  for (std::size_t i = 0; i < identity_.listeners.size(); ++i) {
    const Target& candidate = identity_.listeners[i];
    if (candidate.transport != transport) continue;
    if (candidate.endpoint == local) return i;
    if (of_transport == identity_.listeners.size() || candidate.endpoint.address == local.address) of_transport = i;
  }
  return of_transport < identity_.listeners.size() ? of_transport : 0;
}

void Forwarding::write_request(const sip::Message& request, const Packet& packet, const Preprocessed& way, const Hop& hop,
                               const Branch& branch, Outbox& outbox) const {
  sip::Splice splice{request};
  if (!hop.request_uri.empty())
    splice.replace(request.request_uri(), {hop.request_uri});
  else if (way.last_route_is_request_uri)
    splice.replace(request.request_uri(), {way.request_uri});
  const std::size_t out = listener(hop.destination.transport, hop.destination.local);
  const std::size_t in = listener(packet.transport, packet.local);
  splice.insert_before(sip::Header::via, {via_heads_[out], branch.text(), "\r\n"});
  sip::ReceivedNote received;
  const auto& via = request.top_via();
  if (via) sip::note_received(splice, *via, packet.remote, received);
  if (sip::makes_dialog(request.method())) {
    // RFC 5658: two values when the request changes transport or listener, so that each side finds its own way back.
    if (out != in)
      splice.insert_before(sip::Header::record_route, {record_routes_[out], record_routes_[in]});
    else
      splice.insert_before(sip::Header::record_route, {record_routes_[out]});
  }
  if (way.own_routes > 0) splice.remove_first_values(sip::Header::route, way.own_routes);
  if (way.last_route_is_request_uri) splice.remove_last_value(sip::Header::route);
  if (!hop.route.empty()) splice.insert_before(sip::Header::route, {"Route: ", hop.route, "\r\n"});
  const auto max_forwards = request.max_forwards();
  const Decimal less{max_forwards ? *max_forwards - 1 : 70};
  const sip::HeaderLine* line = request.line(sip::Header::max_forwards);
  if (line != nullptr)
    splice.replace(line->value, {less.text()});
  else
    splice.append_header({"Max-Forwards: 70\r\n"});
  splice.write(outbox.bytes());
}

std::optional<Branch> Forwarding::write_again(std::string_view sent_request, const Destination& next, Outbox& outbox) {
  const auto request = sip::Message::parse(sent_request);
  const auto via = request ? request->top_via() : std::unexpected(request.error());
  if (!via) return std::nullopt;
  const Branch branch{next_number_++, loop_hash(*request, request->request_uri())};
  sip::Splice splice{*request};
  const Text own = via_heads_[listener(next.transport, next.local)].substr(5) + Text{branch.text()};
  splice.replace(via->text, {own});
  splice.write(outbox.bytes());
  return branch;
}

std::optional<Text> Forwarding::write_cancel(std::string_view sent_request, std::string_view reason_line, Outbox& outbox) const {
  const auto request = sip::Message::parse(sent_request);
  const auto via = request ? request->top_via() : std::unexpected(request.error());
  if (!via) return std::nullopt;
  sip::append_cancel(outbox.bytes(), *request, reason_line);
  return Text{via->branch};
}

void Forwarding::write_response(const sip::Message& response, std::string& out) const {
  sip::Splice splice{response};
  splice.remove_first_values(sip::Header::via, 1);
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

void Forwarding::write_refusal(const sip::Message& request, const Endpoint& source, const Refusal& refusal, std::string& out) const {
  // The tag is the same for a retransmission (§8.2.7), and for the CANCEL of an INVITE that is not answered yet.
  std::uint64_t hash = mix(secret_, request.call_id());
  hash = mix(hash, request.from_tag());
  const Branch tag{mix(hash, request.value(sip::Header::to)), 0};
  sip::append_response(out, request, source, refusal.status, refusal.reason,
                       refusal.status == 100 ? std::string_view{} : tag.text().substr(7, 13), refusal.headers);
}

}  // namespace ringhold::proxy
