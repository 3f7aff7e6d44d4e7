#include "registrar/request.hpp"
#include "sip/builder.hpp"

namespace ringhold::registrar {

namespace {

constexpr std::string_view flow_timer_line = "Flow-Timer: 120\r\n";  // RFC 5626 §4.4: well below limits::connection_idle

void append_thousandths(Text& out, std::uint16_t q) {
  out.append(";q=0.");
  for (const unsigned unit : {100U, 10U, 1U}) out.push_back(static_cast<char>('0' + q / unit % 10));
}

}  // namespace

Text Registrar::to_tag(const sip::Message& request) const {
  // §8.2.7: the same for a retransmission, without keeping anything.
  const auto& via = request.top_via();
  std::uint64_t hash =
      tags_({request.call_id(), via ? via->branch : std::string_view{}, request.from_tag(), request.value(sip::Header::cseq)});
  Text tag(13, '0');
  for (char& digit : tag) {
    digit = "abcdefghijklmnopqrstuvwxyz234567"[hash & 31U];
    hash >>= 5U;
  }
  return tag;
}

void Registrar::refuse(const sip::Message& request, const Packet& packet, const Refusal& refusal, Outbox& outbox) const {
  const auto begin = outbox.bytes().size();
  sip::append_response(outbox.bytes(), request, packet.remote, refusal.status, refusal.reason, to_tag(request), refusal.headers);
  outbox.sent(begin, sip::response_destination(request, packet));
}

void Registrar::append_contact(const Request& request, const location::Binding& binding) {
  headers_.append("Contact: <").append(binding.contact()).append(">").append(binding.parameters());
  headers_.append(";expires=").append(Decimal{seconds_ceil(binding.expires_at - request.now)});
  if (binding.q < 1000) append_thousandths(headers_, binding.q);
  if (request.demand.gruu && !settings_.domain.empty() && !binding.instance().empty() && sip::has_sip_scheme(binding.contact())) {
    headers_.append(";pub-gruu=\"");
    gruu_.append_public(headers_, binding);
    headers_.append("\"");
    // A temporary one is for the device that asks, and for this cycle of it (RFC 5627 §5.2).
    Text temporary;
    if (binding.call_id() == request.call_id && gruu_.append_temporary(temporary, binding, random_.next()))
      headers_.append(";temp-gruu=\"").append(temporary).append("\"");
  }
  headers_.append("\r\n");
}

void Registrar::answer(const Request& request, const location::LocationService& location, Outbox& outbox) {
  headers_.clear();
  for (const location::Binding* binding : location.find(request.aor, request.now)) append_contact(request, *binding);
  // RFC 3327 §5.3 leaves it to us whether a phone that does not say `Supported: path` may have one: it may, it must be reachable.
  request.message.for_each_value(sip::Header::path, [&](std::string_view value, const sip::HeaderLine&) {
    headers_.append("Path: ").append(value).append("\r\n");
    return true;
  });
  for (const Text& uri : settings_.service_route) headers_.append("Service-Route: <").append(uri).append(">\r\n");
  if (request.demand.outbound) headers_.append("Require: outbound\r\n").append(flow_timer_line);
  headers_.append(date_.at(request.now));
  const auto begin = outbox.bytes().size();
  sip::append_response(outbox.bytes(), request.message, request.packet.remote, 200, {}, to_tag(request.message), headers_);
  outbox.sent(begin, sip::response_destination(request.message, request.packet));
}

}  // namespace ringhold::registrar
