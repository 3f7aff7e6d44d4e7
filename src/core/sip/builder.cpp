#include "sip/builder.hpp"

#include "sip/status.hpp"

namespace ringhold::sip {

namespace {

void append_received(std::string& out, const Via& top, const Endpoint& source) {
  if (!top.has_rport) {
    const auto sent_by = Address::parse(top.host);
    if (sent_by && *sent_by == source.address) return;
  }
  out.append(";received=").append(source.address.text());
}

/// A parameter of a Via with the semicolon before it; empty when it is not there.
std::string_view with_semicolon(std::string_view parameter) {
  if (parameter.empty()) return {};
  const char* begin = parameter.data();
  while (*begin != ';') --begin;
  return {begin, static_cast<std::size_t>(parameter.data() + parameter.size() - begin)};
}

void append_line(std::string& out, Header header, std::string_view value) {
  out.append(name(header)).append(": ").append(value).append("\r\n");
}

/// As it came, but with a proper end.
void append_as_it_came(std::string& out, const HeaderLine* line) {
  if (line == nullptr) return;
  if (line->line.ends_with("\r\n"))
    out.append(line->line);
  else
    append_line(out, line->header, line->value);
}

/// The Via lines as a response carries them: what came, with received and rport in the first.
void append_vias(std::string& out, const Message& request, const Endpoint& source) {
  const Result<Via>& top = request.top_via();
  bool first = top.has_value();
  request.for_each_value(Header::via, [&](std::string_view value, const HeaderLine&) {
    if (!first) {
      append_line(out, Header::via, value);
      return true;
    }
    first = false;
    out.append("Via: ");
    std::string_view rest = top->text;
    // Up to rport and from behind it; a `received` that somebody wrote before us goes.
    const auto copy_until = [&](std::string_view part) {
      const auto length = static_cast<std::size_t>(part.data() - rest.data());
      out.append(rest.substr(0, length));
      rest.remove_prefix(length + part.size());
    };
    const std::string_view received = with_semicolon(top->received_text);
    const bool received_first = !received.empty() && received.data() < top->rport_text.data();
    if (received_first) copy_until(received);
    if (top->has_rport) {
      copy_until(top->rport_text);
      out.append("rport=").append(Decimal{to_number(source.port)});
    }
    if (!received.empty() && !received_first) copy_until(received);
    out.append(rest);
    append_received(out, *top, source);
    out.append("\r\n");
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
  const auto& cseq = invite.cseq();
  out.append("CSeq: ").append(Decimal{cseq ? cseq->number : 0}).append(" ").append(method).append("\r\nMax-Forwards: 70\r\n");
}

}  // namespace

void append_response(std::string& out, const Message& request, const Endpoint& source, int status, std::string_view reason,
                     std::string_view to_tag, std::string_view headers) {
  out.append("SIP/2.0 ").append(Decimal{static_cast<std::uint64_t>(status)}).append(" ");
  out.append(reason.empty() ? reason_phrase(status) : reason).append("\r\n");
  append_vias(out, request, source);
  append_as_it_came(out, request.line(Header::from));
  out.append("To: ").append(request.value(Header::to));
  if (!to_tag.empty() && request.to_tag().empty()) out.append(";tag=").append(to_tag);
  out.append("\r\n");
  append_as_it_came(out, request.line(Header::call_id));
  append_as_it_came(out, request.line(Header::cseq));
  out.append(headers).append("Content-Length: 0\r\n\r\n");
}

Destination response_destination(const Message& request, const Packet& packet) {
  Destination destination{Protocol::sip, packet.transport, packet.flow, packet.local, packet.remote};
  if (packet.transport != Transport::udp) return destination;
  const auto& via = request.top_via();
  if (!via) return destination;
  // A maddr comes before received and rport (RFC 3581 §4); a name in it would have to be looked up, and says nothing here.
  if (const auto maddr = via->maddr.empty() ? std::nullopt : Address::parse(via->maddr))
    destination.remote = {*maddr, Port{via->port.value_or(5060)}};
  else if (!via->has_rport)
    destination.remote.port = Port{via->port.value_or(5060)};
  return destination;
}

void note_received(Splice& splice, const Via& top, const Endpoint& source, ReceivedNote& note) {
  append_received(note.parameters, top, source);
  if (top.has_rport) {
    note.parameters.append(";rport=").append(Decimal{to_number(source.port)});
    splice.remove(with_semicolon(top.rport_text));  // ours with the value follows at the end
  }
  if (!top.received_text.empty()) splice.remove(with_semicolon(top.received_text));
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
