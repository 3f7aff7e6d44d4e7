#include "sip/builder.hpp"

#include "sip/status.hpp"

namespace ringhold::sip {

namespace {

std::string received_parameters(const Via& top, const Endpoint& source) {
  std::string text;
  const auto sent_by = Address::parse(top.host);
  if (top.has_rport || !sent_by || *sent_by != source.address) text += ";received=" + source.address.text();
  return text;
}

void append_line(std::string& out, Header header, std::string_view value) {
  out.append(name(header)).append(": ").append(value).append("\r\n");
}

/// The Via lines as a response carries them: what came, with received and rport in the first.
void append_vias(std::string& out, const Message& request, const Endpoint& source) {
  bool first = true;
  request.for_each_value(Header::via, [&](std::string_view value, const HeaderLine&) {
    if (!first) {
      append_line(out, Header::via, value);
      return true;
    }
    first = false;
    const auto via = Via::parse(value);
    if (!via) {
      append_line(out, Header::via, value);
      return true;
    }
    out.append("Via: SIP/").append(via->version).append("/").append(via->transport).append(" ").append(via->sent_by);
    via->parameters.for_each([&](std::string_view key, std::string_view text) {
      if (equal_ignoring_case(key, "received")) return true;
      out.append(";").append(key);
      if (equal_ignoring_case(key, "rport"))
        out.append("=").append(Decimal{to_number(source.port)});
      else if (!text.empty()) {
        const bool quoted = text.data() > value.data() && text.data()[-1] == '"';
        out.append(quoted ? "=\"" : "=").append(text).append(quoted ? "\"" : "");
      }
      return true;
    });
    out.append(received_parameters(*via, source)).append("\r\n");
    return true;
  });
}

/// Start line and the headers that ACK and CANCEL share with their INVITE.
void append_like_invite(std::string& out, const Message& invite, std::string_view method, std::string_view to) {
  out.append(method).append(" ").append(invite.request_uri()).append(" SIP/2.0\r\n");
  append_line(out, Header::via, split_element(invite.value(Header::via)).first);
  invite.for_each_value(Header::route, [&](std::string_view value, const HeaderLine&) {
    append_line(out, Header::route, value);
    return true;
  });
  append_line(out, Header::from, invite.value(Header::from));
  append_line(out, Header::to, to);
  append_line(out, Header::call_id, invite.call_id());
  const auto cseq = invite.cseq();
  out.append("CSeq: ").append(Decimal{cseq ? cseq->number : 0}).append(" ").append(method).append("\r\nMax-Forwards: 70\r\n");
}

}  // namespace

void append_response(std::string& out, const Message& request, const Endpoint& source, int status, std::string_view reason,
                     std::string_view to_tag, std::string_view headers) {
  out.append("SIP/2.0 ").append(Decimal{static_cast<std::uint64_t>(status)}).append(" ");
  out.append(reason.empty() ? reason_phrase(status) : reason).append("\r\n");
  append_vias(out, request, source);
  append_line(out, Header::from, request.value(Header::from));
  out.append("To: ").append(request.value(Header::to));
  if (!to_tag.empty() && request.to_tag().empty()) out.append(";tag=").append(to_tag);
  out.append("\r\n");
  append_line(out, Header::call_id, request.call_id());
  append_line(out, Header::cseq, request.value(Header::cseq));
  out.append(headers).append("Content-Length: 0\r\n\r\n");
}

Destination response_destination(const Message& request, const Packet& packet) {
  Destination destination{Protocol::sip, packet.transport, packet.flow, packet.local, packet.remote};
  if (packet.transport != Transport::udp) return destination;
  const auto via = request.top_via();
  if (via && !via->has_rport) destination.remote.port = Port{via->port.value_or(5060)};
  return destination;
}

void note_received(Splice& splice, const Via& top, const Endpoint& source, ReceivedNote& note) {
  note.parameters = received_parameters(top, source);
  if (top.has_rport) {
    note.parameters += ";rport=" + std::to_string(to_number(source.port));
    // The parameter without value goes; ours with the value follows at the end.
    top.parameters.for_each([&](std::string_view key, std::string_view value) {
      if (!equal_ignoring_case(key, "rport")) return true;
      const char* begin = key.data() - 1;
      while (*begin != ';') --begin;
      const char* end = value.empty() ? key.data() + key.size() : value.data() + value.size();
      splice.remove({begin, static_cast<std::size_t>(end - begin)});
      return false;
    });
  }
  if (!top.received.empty()) {
    const char* begin = top.received.data();
    while (*begin != ';') --begin;
    splice.remove({begin, static_cast<std::size_t>(top.received.data() + top.received.size() - begin)});
  }
  if (!note.parameters.empty()) splice.insert_after(top.text, {note.parameters});
}

void append_ack(std::string& out, const Message& sent_invite, const Message& response) {
  append_like_invite(out, sent_invite, "ACK", response.value(Header::to));
  out.append("Content-Length: 0\r\n\r\n");
}

void append_cancel(std::string& out, const Message& sent_invite, std::string_view headers) {
  append_like_invite(out, sent_invite, "CANCEL", sent_invite.value(Header::to));
  out.append(headers).append("Content-Length: 0\r\n\r\n");
}

}  // namespace ringhold::sip
