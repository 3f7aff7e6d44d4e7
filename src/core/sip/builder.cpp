#include "sip/builder.hpp"

#include <span>

#include "base/check.hpp"
#include "sip/status.hpp"

namespace ringhold::sip {

namespace {

/// Writes into room that was made once, where each append to a string would look for room again.
class Pen {
 public:
  explicit Pen(std::span<char> room) : at_{room.data()}, end_{room.data() + room.size()} {}
  char* at() const { return at_; }
  Pen& write(std::string_view text) {
    check(text.size() <= static_cast<std::size_t>(end_ - at_));
    at_ += text.copy(at_, text.size());
    return *this;
  }
  void write_line(Header header, std::string_view value) { write(name(header)).write(": ").write(value).write("\r\n"); }

 private:
  char* at_;
  char* end_;
};

/// Whether a Via gets a `received` (§18.2.1, RFC 3581 §4).
bool needs_received(const Via& top, const Endpoint& source) {
  if (top.has_rport) return true;
  const auto sent_by = Address::parse(top.host);
  return !sent_by || *sent_by != source.address;
}

constexpr std::string_view received_name = ";received=";
constexpr std::string_view rport_name = "rport=";
/// What received and rport add to a Via at most.
constexpr std::size_t room_for_received = std::tuple_size_v<decltype(ReceivedNote::text)>;

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
void write_as_it_came(Pen& pen, const HeaderLine* line) {
  if (line == nullptr) return;
  if (line->line.ends_with("\r\n"))
    pen.write(line->line);
  else
    pen.write_line(line->header, line->value);
}

/// The first Via as a response carries it: what came, with received and rport.
void write_top_via(Pen& pen, const Via& top, const Endpoint& source) {
  pen.write("Via: ");
  std::string_view rest = top.text;
  // Up to rport and from behind it; a `received` that somebody wrote before us goes.
  const auto copy_until = [&](std::string_view part) {
    const auto length = static_cast<std::size_t>(part.data() - rest.data());
    pen.write(rest.substr(0, length));
    rest.remove_prefix(length + part.size());
  };
  const std::string_view received = with_semicolon(top.received_text);
  const bool received_first = !received.empty() && received.data() < top.rport_text.data();
  if (received_first) copy_until(received);
  if (top.has_rport) {
    copy_until(top.rport_text);
    pen.write(rport_name).write(Decimal{to_number(source.port)});
  }
  if (!received.empty() && !received_first) copy_until(received);
  pen.write(rest);
  if (needs_received(top, source)) pen.write(received_name).write(AddressText{source.address});
  pen.write("\r\n");
}

void write_vias(Pen& pen, const Message& request, const Endpoint& source) {
  const Result<Via>& top = request.top_via();
  bool first = top.has_value();
  request.for_each_value(Header::via, [&](std::string_view value, const HeaderLine&) {
    if (first)
      write_top_via(pen, *top, source);
    else
      pen.write_line(Header::via, value);
    first = false;
    return true;
  });
}

/// What a response takes at most: the head of its request, where each Via value may get a line of its own, and what is new.
std::size_t room_for_response(const Message& request, std::string_view reason, std::string_view to_tag, std::string_view headers) {
  constexpr std::size_t room_for_fixed_texts = 256;
  constexpr std::string_view around_value = "Via: \r\n";
  std::size_t vias = 0;
  request.for_each_value(Header::via, [&](std::string_view, const HeaderLine&) { return ++vias, true; });
  return request.offset_of(request.body()) + vias * around_value.size() + room_for_received + reason.size() + to_tag.size() +
         headers.size() + room_for_fixed_texts;
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
  if (reason.empty()) reason = reason_phrase(status);
  const std::size_t begin = out.size();
  const auto write = [&](char* bytes, std::size_t room) {
    Pen pen{{bytes + begin, bytes + room}};
    pen.write("SIP/2.0 ").write(Decimal{static_cast<std::uint64_t>(status)}).write(" ").write(reason).write("\r\n");
    write_vias(pen, request, source);
    write_as_it_came(pen, request.line(Header::from));
    pen.write("To: ").write(request.value(Header::to));
    if (!to_tag.empty() && request.to_tag().empty()) pen.write(";tag=").write(to_tag);
    pen.write("\r\n");
    write_as_it_came(pen, request.line(Header::call_id));
    write_as_it_came(pen, request.line(Header::cseq));
    pen.write(headers).write("Content-Length: 0\r\n\r\n");
    return static_cast<std::size_t>(pen.at() - bytes);
  };
  out.resize_and_overwrite(begin + room_for_response(request, reason, to_tag, headers), write);
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

Endpoint own_endpoint(std::span<const Target> listeners, const Destination& destination) {
  for (const Target& listener : listeners)
    if (listener.transport == destination.transport && listener.endpoint.address.is_v4() == destination.remote.address.is_v4())
      return listener.endpoint;
  return destination.local;
}

void note_received(Splice& splice, const Via& top, const Endpoint& source, ReceivedNote& note) {
  Pen pen{note.text};
  if (needs_received(top, source)) pen.write(received_name).write(AddressText{source.address});
  if (top.has_rport) {
    pen.write(";").write(rport_name).write(Decimal{to_number(source.port)});
    splice.remove(with_semicolon(top.rport_text));  // ours with the value follows at the end
  }
  if (!top.received_text.empty()) splice.remove(with_semicolon(top.received_text));
  const std::string_view parameters{note.text.data(), static_cast<std::size_t>(pen.at() - note.text.data())};
  if (!parameters.empty()) splice.insert_after(top.text, {parameters});
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
